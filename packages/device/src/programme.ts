/**
 * What the portal says of its programme, checked before a device acts on it.
 *
 * A server that was taken over could hand out another charter or vault key. So the device pins the issuer's and the vault's
 * keys at first use, and refuses others; the charter is checked against its hash, which every lease repeats under the
 * issuer's signature, and the day's key against the vault's signature.
 */
import {
  type Charter,
  type CharterHash,
  charterHash,
  digestPattern,
  FairtraceError,
  type ProgrammeId,
  programmeIdPattern,
  sentCharterSchema,
  type VaultKeyId,
  vaultKeyIdPattern,
} from '@fairtrace/core'
import { base64url as jose } from 'jose'
import { z } from 'zod'
import { type Fetch, requireAnswer } from './portal-client.ts'
import type { SealKey } from './seal.ts'
import { isSignedBy } from './tokens.ts'

export interface Programme {
  readonly id: ProgrammeId
  readonly state: string
  readonly epoch: number
  readonly title: string
  readonly charterHash: CharterHash
  readonly charter: Charter
  /** The day's key, signed by the vault; null while there is none. */
  readonly vaultKey: DayKey | null
  /** Where sealed batches go; null while intake is not up. */
  readonly intake: string | null
}

export interface DayKey extends SealKey {
  readonly opensAtMs: number
  /** Exclusive. */
  readonly closesAtMs: number
}

/** What a device keeps from its first contact. */
export const pinsSchema = z.strictObject({
  programme: z.string().regex(programmeIdPattern),
  issuer: z.string().regex(digestPattern),
  vault: z.string().regex(digestPattern),
})
export type Pins = z.infer<typeof pinsSchema>

const programmeSchema = z.object({
  programme: z.string().regex(programmeIdPattern),
  state: z.string(),
  epoch: z.int().min(0),
  title: z.string(),
  charterHash: z.string().regex(digestPattern),
  charter: sentCharterSchema,
  vaultKey: z
    .object({
      keyId: z.string().regex(vaultKeyIdPattern),
      publicKey: z.string().regex(digestPattern),
      opensAtMs: z.int(),
      closesAtMs: z.int(),
      signature: z.string(),
    })
    .nullable(),
  intake: z.url().nullable(),
})

/**
 * Fetches the programme and checks it.
 * @param pins what the device pinned, or null at first contact
 * @throws `SIGNATURE_INVALID` if anything in it is not by the pinned keys, `SERVER_UNREACHABLE`, `SERVER_REFUSED`
 */
export async function fetchProgramme(fetch: Fetch, serverUrl: string, pins: Pins | null): Promise<Programme> {
  const said = await requireAnswer(fetch, new URL('/api/programme', serverUrl).href, programmeSchema)
  const { charter } = said
  if (charterHash(charter) !== said.charterHash) throw notSigned('the charter does not have the hash given with it')
  if (charter.programme !== said.programme) throw notSigned('the charter is of another programme')
  if (pins !== null) requirePinned(pins, charter)
  return {
    id: said.programme as ProgrammeId,
    state: said.state,
    epoch: said.epoch,
    title: said.title,
    charterHash: said.charterHash as CharterHash,
    charter,
    vaultKey: said.vaultKey === null ? null : await checkDayKey(said.programme, said.vaultKey, charter.keys.vault),
    intake: said.intake,
  }
}

const charterAnswerSchema = z.object({ charter: sentCharterSchema })

/**
 * The charter that a lease names where that isn't the one in force: the terms of a person who has not agreed to a widening.
 * @throws `SIGNATURE_INVALID` if it isn't what the hash says or not by the pinned keys, `NOT_FOUND`, `SERVER_UNREACHABLE`
 */
export async function fetchCharter(fetch: Fetch, serverUrl: string, hash: string, pins: Pins): Promise<Charter> {
  const url = new URL(`/api/charters/${encodeURIComponent(hash)}`, serverUrl).href
  const { charter } = await requireAnswer(fetch, url, charterAnswerSchema)
  if (charterHash(charter) !== hash) throw notSigned('the charter does not have the hash that the lease names')
  requirePinned(pins, charter)
  return charter
}

export function pinsOf(charter: Charter): Pins {
  return { programme: charter.programme, issuer: charter.keys.issuer, vault: charter.keys.vault }
}

function requirePinned(pins: Pins, charter: Charter): void {
  const said = pinsOf(charter)
  for (const field of ['programme', 'issuer', 'vault'] as const) {
    if (said[field] !== pins[field]) throw notSigned(`the server's ${field} is not the one pinned at first contact`)
  }
}

async function checkDayKey(
  programme: string,
  key: NonNullable<z.infer<typeof programmeSchema>['vaultKey']>,
  vaultKey: string,
): Promise<DayKey> {
  const text = `fairtrace/day-key/v1\n${programme}\n${key.keyId}\n${key.publicKey}\n${key.opensAtMs}\n${key.closesAtMs}\n`
  if (!(await isSignedBy(vaultKey, text, key.signature))) throw notSigned("the day's key is not signed by the vault")
  const publicKey = jose.decode(key.publicKey)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(publicKey)))
  const keyId = Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (keyId !== key.keyId) throw notSigned("the day's key has another id than its bytes")
  return { keyId: keyId as VaultKeyId, publicKey, opensAtMs: key.opensAtMs, closesAtMs: key.closesAtMs }
}

function notSigned(what: string): FairtraceError {
  return new FairtraceError('SIGNATURE_INVALID', what)
}
