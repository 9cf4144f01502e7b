/** That the log has an entry, from a proof file and the log's key alone. */
import { FairtraceError, fromBase64url, LEDGER_SALT_BYTES, ledgerEntry } from '@fairtrace/core'
import { z } from 'zod'
import { verifyCheckpoint } from './checkpoint.ts'
import { utf8 } from './encoding.ts'
import { isIncluded, leafHash } from './merkle-proof.ts'
import { parseTlogProof, type TlogProof } from './tlog-proof.ts'

export interface VerifiedInclusion {
  readonly origin: string
  readonly index: number
  /** Size of the log at the proof's checkpoint. */
  readonly size: number
}

/**
 * @param entry the entry itself, UTF-8
 * @param proof text of a `.tlog-proof`
 * @param key of the log, base64url
 * @param origin the log's expected name, or null for the one that the key signed
 * @throws `LEDGER_INVALID`
 */
export function verifyInclusion(entry: string, proof: string, key: string, origin: string | null): VerifiedInclusion {
  return verifyParsed(entry, parseTlogProof(proof), key, origin)
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
  key: string,
  origin: string | null,
): VerifiedInclusion {
  const parsed = parseTlogProof(proof)
  const salt = saltOf(parsed)
  if (salt === null) throw new FairtraceError('LEDGER_INVALID', 'the proof carries no salt')
  return verifyParsed(ledgerEntry(type, detail, salt), parsed, key, origin)
}

function verifyParsed(entry: string, proof: TlogProof, key: string, origin: string | null): VerifiedInclusion {
  const checkpoint = verifyCheckpoint(proof.checkpoint, key, origin)
  const leaf = leafHash(new TextEncoder().encode(entry))
  if (!isIncluded({ leaf, index: proof.index, size: checkpoint.size, root: checkpoint.root, path: proof.path })) {
    throw new FairtraceError('LEDGER_INVALID', `the proof does not show this entry at ${proof.index}`)
  }
  return { origin: checkpoint.origin, index: proof.index, size: checkpoint.size }
}

const extraSchema = z.strictObject({ salt: z.string() })

function saltOf({ extra }: TlogProof): Uint8Array | null {
  try {
    const { salt } = extraSchema.parse(JSON.parse(utf8(extra ?? new Uint8Array(0)) ?? ''))
    const bytes = fromBase64url(salt)
    return bytes?.length === LEDGER_SALT_BYTES ? bytes : null
  } catch {
    // Fails closed: without its salt a commitment can't be opened, and the caller refuses.
    return null
  }
}
