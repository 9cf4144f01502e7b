/** Checkpoints: C2SP tlog-checkpoint inside a signed note, read strictly. */
import { FairtraceError } from '@fairtrace/core'
import { fromBase64 } from './encoding.ts'
import { openNote, requireLogSignature } from './note.ts'
import { LOG_KEY_TYPE, publicKeyOf, verifierKey } from './verifier-key.ts'

export interface VerifiedCheckpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/**
 * @param key raw Ed25519 public key of the log, base64url
 * @param origin the log's expected name, or null to accept the name that the key signed
 * @throws `LEDGER_INVALID` if it is no checkpoint, of another log, or not signed by the key
 */
export function verifyCheckpoint(note: string, key: string, origin: string | null): VerifiedCheckpoint {
  // A log signs under its own name, the first line of what it signs.
  const name = note.slice(0, Math.max(0, note.indexOf('\n')))
  if (origin !== null && name !== origin) throw invalid(`the checkpoint is of another log than ${origin}`)
  return parseCheckpointText(verifyNote(note, name, key))
}

/**
 * @param name of the key, as in its signature line
 * @returns the text of the note, its last newline included
 * @throws `LEDGER_INVALID` if it is no note or not signed by the key
 */
export function verifyNote(note: string, name: string, key: string): string {
  const publicKey = publicKeyOf(key)
  const opened = openNote(note)
  if (!/^[^\s+]{1,255}$/u.test(name)) throw invalid('the note has no name that a key could have')
  requireLogSignature(opened, verifierKey(name, LOG_KEY_TYPE, publicKey))
  return opened.text
}

/** Origin, size and root of a checkpoint, whoever signed it. @throws `LEDGER_INVALID` */
export function parseCheckpointText(text: string): VerifiedCheckpoint {
  const [origin, digits, encoded, ...extensions] = text.slice(0, -1).split('\n')
  const root = fromBase64(encoded ?? '')
  const size = parseSize(digits ?? '')
  if (!origin || size === null || root?.length !== 32 || extensions.includes(''))
    throw invalid('the note is no checkpoint')
  return { origin, size, root }
}

/** A tree size as every C2SP format writes it; null for any other spelling. */
export function parseSize(digits: string): number | null {
  const isSize = /^(?:0|[1-9]\d{0,15})$/.test(digits) && Number.isSafeInteger(Number(digits))
  return isSize ? Number(digits) : null
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
