/** That the log has an entry, from a proof file and the log's key alone. */
import { FairtraceError, fromBase64url, LEDGER_SALT_BYTES, ledgerEntry } from '@fairtrace/core'
import { z } from 'zod'
import { utf8 } from './encoding.ts'
import { isIncluded, leafHash } from './merkle-proof.ts'
import type { CheckpointTrust } from './policy.ts'
import { parseTlogProof, type TlogProof } from './tlog-proof.ts'

export interface VerifiedInclusion {
  readonly origin: string
  readonly index: number
  /** Size of the log at the proof's checkpoint. */
  readonly size: number
  /** Names of the witnesses whose cosignatures counted. */
  readonly witnesses: readonly string[]
}

/**
 * @param entry the entry itself, UTF-8
 * @param proof text of a `.tlog-proof`
 * @param trust how its checkpoint is judged: `trustLog` or `trustPolicy`
 * @throws `LEDGER_INVALID`
 */
export function verifyInclusion(entry: string, proof: string, trust: CheckpointTrust): VerifiedInclusion {
  return verifyParsed(entry, parseTlogProof(proof), trust)
}

/**
 * The same for whoever knows what was committed to: opens the commitment with the salt that travels in the proof.
 * @param detail what the entry commits to
 * @throws `LEDGER_INVALID`
 */
export function verifyCommitted(
  type: string,
  detail: unknown,
  proof: string,
  trust: CheckpointTrust,
): VerifiedInclusion {
  const parsed = parseTlogProof(proof)
  const salt = extraOf(parsed)?.salt
  if (salt === undefined) throw new FairtraceError('LEDGER_INVALID', 'the proof carries no salt')
  return verifyParsed(ledgerEntry(type, detail, salt), parsed, trust)
}

export interface VerifiedOpening extends VerifiedInclusion {
  readonly type: string
  readonly detail: unknown
}

/**
 * The same for a proof that carries what it is about: type and detail come from its extra data, and count only because the
 * entry commits to them.
 * @returns null if the proof carries no detail; then it says nothing alone
 * @throws `LEDGER_INVALID`
 */
export function verifyOpening(proof: string, trust: CheckpointTrust): VerifiedOpening | null {
  const parsed = parseTlogProof(proof)
  const extra = extraOf(parsed)
  if (extra?.type === undefined || extra.detail === undefined) return null
  const entry = entryOf(extra.type, extra.detail, extra.salt)
  return { ...verifyParsed(entry, parsed, trust), type: extra.type, detail: extra.detail }
}

function entryOf(type: string, detail: unknown, salt: Uint8Array): string {
  try {
    return ledgerEntry(type, detail, salt)
  } catch (cause) {
    throw new FairtraceError('LEDGER_INVALID', 'the proof carries no detail that an entry could commit to', { cause })
  }
}

function verifyParsed(entry: string, proof: TlogProof, trust: CheckpointTrust): VerifiedInclusion {
  const checkpoint = trust(proof.checkpoint)
  const leaf = leafHash(new TextEncoder().encode(entry))
  if (!isIncluded({ leaf, index: proof.index, size: checkpoint.size, root: checkpoint.root, path: proof.path })) {
    throw new FairtraceError('LEDGER_INVALID', `the proof does not show this entry at ${proof.index}`)
  }
  const witnesses = checkpoint.cosignatures.map(({ witness }) => witness)
  return { origin: checkpoint.origin, index: proof.index, size: checkpoint.size, witnesses }
}

const extraSchema = z.strictObject({ salt: z.string(), type: z.string().optional(), detail: z.unknown().optional() })

function extraOf({ extra }: TlogProof): { salt: Uint8Array; type?: string | undefined; detail?: unknown } | null {
  try {
    const { salt, ...rest } = extraSchema.parse(JSON.parse(utf8(extra ?? new Uint8Array(0)) ?? ''))
    const bytes = fromBase64url(salt)
    return bytes?.length === LEDGER_SALT_BYTES ? { ...rest, salt: bytes } : null
  } catch {
    // Fails closed: without its salt a commitment can't be opened, and the caller refuses.
    return null
  }
}
