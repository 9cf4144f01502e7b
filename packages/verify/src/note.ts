/**
 * Signed notes (C2SP signed-note), read strictly. Text, blank line, signature lines:
 *
 * ```
 * text
 *
 * — name base64(key id[4] ‖ signature)
 * ```
 * Written apart from the ledger's own code on purpose: writer and checker share no mistake.
 */
import { FairtraceError } from '@fairtrace/core'
import { fromBase64, isSame } from './encoding.ts'
import { isSigned } from './signature.ts'
import { LOG_KEY_TYPE, type VerifierKey } from './verifier-key.ts'

export const NOTE_CHARACTERS_MAX = 64 * 1024
const SIGNATURES_MAX = 64

export interface NoteSignature {
  readonly name: string
  readonly id: Uint8Array
  readonly signature: Uint8Array
  /** The line as it stands in the note, without its newline. */
  readonly line: string
}

/** A note as it was read: nothing in it is verified yet. */
export interface OpenedNote {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** @throws `LEDGER_INVALID` if it is no signed note */
export function openNote(note: string): OpenedNote {
  if (note.length > NOTE_CHARACTERS_MAX) throw invalid(`a note of ${note.length} characters`)
  // A note has no control characters but the newline.
  const isPlain = ![...note].some((character) => character < ' ' && character !== '\n')
  const end = note.lastIndexOf('\n\n')
  if (!isPlain || end < 0 || !note.endsWith('\n')) throw invalid('the checkpoint is no signed note')
  const signatures = parseSignatures(note.slice(end + 2))
  return { text: note.slice(0, end + 1), signatures }
}

/** @param lines each with its newline @throws `LEDGER_INVALID` */
export function parseSignatures(lines: string): NoteSignature[] {
  const split = lines.endsWith('\n') ? lines.slice(0, -1).split('\n') : []
  if (split.length === 0 || split.length > SIGNATURES_MAX) throw invalid(`a note with ${split.length} signatures`)
  return split.map((line) => {
    const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line)
    const bytes = fromBase64(match?.[2] ?? '')
    if (match === null || bytes === null || bytes.length < 5) throw invalid('a signature line is malformed')
    return { name: match[1] ?? '', id: bytes.subarray(0, 4), signature: bytes.subarray(4), line }
  })
}

/** The signatures under this key's name and id. Other people's keys are ignored, as the specification asks. */
export function signaturesOf(note: OpenedNote, key: VerifierKey): NoteSignature[] {
  return note.signatures.filter(({ name, id }) => name === key.name && isSame(id, key.id))
}

/**
 * That the log itself signed the note.
 * @throws `LEDGER_INVALID` if no line is under this key, or one that is does not verify, whatever else stands there
 */
export function requireLogSignature(note: OpenedNote, key: VerifierKey): void {
  const own = key.type === LOG_KEY_TYPE ? signaturesOf(note, key) : []
  if (own.length === 0) throw invalid('the checkpoint is not signed by this key')
  const message = new TextEncoder().encode(note.text)
  if (!own.every(({ signature }) => isSigned(message, signature, key.publicKey))) {
    throw invalid('the signature of the log does not verify')
  }
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
