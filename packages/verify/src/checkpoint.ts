/**
 * Checkpoints: C2SP tlog-checkpoint inside C2SP signed-note, read strictly.
 *
 * Written apart from the ledger's own code on purpose: writer and checker share no mistake.
 */
import { FairtraceError } from '@fairtrace/core'
import { sha256 } from '@noble/hashes/sha2.js'
import { fromBase64, isSame } from './encoding.ts'
import { isSigned, publicKeyOf } from './signature.ts'

const NOTE_BYTES_MAX = 64 * 1024
const SIGNATURES_MAX = 64
const ED25519 = 0x01

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
  return parseText(verifyNote(note, name, key))
}

/**
 * @param name of the key, as in its signature line
 * @returns the text of the note, its last newline included
 * @throws `LEDGER_INVALID` if it is no note or not signed by the key
 */
export function verifyNote(note: string, name: string, key: string): string {
  if (note.length > NOTE_BYTES_MAX) throw invalid(`a note of ${note.length} characters`)
  // A note has no control characters but the newline.
  const isPlain = ![...note].some((character) => character < ' ' && character !== '\n')
  const end = note.lastIndexOf('\n\n')
  if (!isPlain || end < 0 || !note.endsWith('\n')) throw invalid('the checkpoint is no signed note')
  const lines = note.slice(end + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) throw invalid(`a note with ${lines.length} signatures`)
  const text = note.slice(0, end + 1)
  requireSignature(text, lines, name, publicKeyOf(key))
  return text
}

function parseText(text: string): VerifiedCheckpoint {
  const [origin, digits, encoded, ...extensions] = text.slice(0, -1).split('\n')
  const root = fromBase64(encoded ?? '')
  const isSize = /^(?:0|[1-9]\d{0,15})$/.test(digits ?? '') && Number.isSafeInteger(Number(digits))
  if (!origin || !isSize || root?.length !== 32 || extensions.includes('')) throw invalid('the note is no checkpoint')
  return { origin, size: Number(digits), root }
}

function requireSignature(text: string, lines: readonly string[], name: string, publicKey: Uint8Array): void {
  const message = new TextEncoder().encode(text)
  const id = keyId(name, publicKey)
  let isVerified = false
  for (const line of lines) {
    const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line)
    const bytes = fromBase64(match?.[2] ?? '')
    if (match === null || bytes === null || bytes.length < 5) throw invalid('a signature line is malformed')
    // Other people's keys are ignored; a line under ours has to verify, whatever else stands there.
    if (match[1] !== name || !isSame(bytes.subarray(0, 4), id)) continue
    if (!isSigned(message, bytes.subarray(4), publicKey)) throw invalid('the signature of the log does not verify')
    isVerified = true
  }
  if (!isVerified) throw invalid('the checkpoint is not signed by this key')
}

/** First four bytes of SHA-256 over name, newline, type and key. */
export function keyId(name: string, publicKey: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${name}\n`)
  return sha256.create().update(head).update(Uint8Array.of(ED25519)).update(publicKey).digest().subarray(0, 4)
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
