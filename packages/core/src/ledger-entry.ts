/**
 * One entry of the ledger: one line of JSON, and never personal data.
 *
 * ```json
 * {"type":"grant.opened","commitment":"kx0Rk9sZ1uGDMeqfC9nJ1uN1V9xO1hE7e2Gk1cIv0Ww"}
 * ```
 * commitment = base64url(SHA-256(salt[32] ‖ canonical JSON of the detail)). Whoever appended keeps salt and detail, and can
 * show them later to a person concerned; without the salt nobody can try out details.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { base64url } from './base64url.ts'
import { canonicalJson } from './canonical-json.ts'
import { digestPattern } from './ids.ts'

export const LEDGER_SALT_BYTES = 32
/** An entry bundle has 16 bits for the length of an entry; ours stay far below. */
export const LEDGER_ENTRY_BYTES_MAX = 512

export const ledgerEntrySchema = z.strictObject({
  type: z.string().regex(/^[a-z][a-z-]{0,31}(?:\.[a-z][a-z-]{0,31}){1,2}$/),
  commitment: z.string().regex(digestPattern),
})
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>

/** The name under which a programme's ledger signs: first line of its checkpoints and name of its key. */
export function ledgerOrigin(programme: string): string {
  return `fairtrace/${programme}`
}

export function ledgerEntry(type: string, detail: unknown, salt: Uint8Array): string {
  return JSON.stringify(ledgerEntrySchema.parse({ type, commitment: commitmentOf(detail, salt) }))
}

/** @returns whether `entry` is the commitment to this detail under this salt */
export function isCommitmentTo(entry: LedgerEntry, detail: unknown, salt: Uint8Array): boolean {
  return salt.length === LEDGER_SALT_BYTES && entry.commitment === commitmentOf(detail, salt)
}

function commitmentOf(detail: unknown, salt: Uint8Array): string {
  const text = new TextEncoder().encode(canonicalJson(detail))
  return base64url(sha256.create().update(salt).update(text).digest())
}
