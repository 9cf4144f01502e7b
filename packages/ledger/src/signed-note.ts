/**
 * Signed notes (C2SP signed-note), Ed25519 only, and checkpoints (C2SP tlog-checkpoint) on top of them.
 *
 * ```
 * fairtrace/orders
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * — fairtrace/orders Az3grlgt…
 * ```
 * key id = SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key)[:4]; a signature line holds base64(key id ‖ signature over the text).
 */
import { hash, type KeyObject, sign, verify } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'

const ED25519 = 0x01

export interface NoteSigner {
  /** Name of the key, no spaces and no plus sign; for a log, its origin. */
  readonly name: string
  readonly privateKey: KeyObject
  /** Raw, base64url. */
  readonly publicKey: string
}

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** @param text ends in a newline, and has no other control character */
export function signNote(text: string, signer: NoteSigner): string {
  if (!text.endsWith('\n')) throw new FairtraceError('INTERNAL', 'the text of a note ends in a newline')
  const publicKey = Buffer.from(signer.publicKey, 'base64url')
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  const line = Buffer.concat([noteKeyId(signer.name, publicKey), signature]).toString('base64')
  return `${text}\n— ${signer.name} ${line}\n`
}

export function noteKeyId(name: string, publicKey: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ED25519]), publicKey])
  return hash('sha256', bytes, 'buffer').subarray(0, 4)
}

/** The text of a checkpoint, ready to be signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`
}

/**
 * Reads a checkpoint that this signer itself has written, as the log does when it takes up where it ended.
 * @param publicKey of the signer, both forms
 * @throws `LEDGER_INVALID` if it is no checkpoint or not signed by this key under its own origin
 */
export function readOwnCheckpoint(
  note: string,
  publicKey: { readonly raw: string; readonly key: KeyObject },
): Checkpoint {
  const end = note.lastIndexOf('\n\n') + 1
  const text = note.slice(0, end)
  const [origin, digits, root] = text.split('\n')
  if (!origin || !digits || !root) throw new FairtraceError('LEDGER_INVALID', 'the stored checkpoint is no checkpoint')
  const id = noteKeyId(origin, Buffer.from(publicKey.raw, 'base64url'))
  const isSigned = note
    .slice(end + 1)
    .split('\n')
    .filter((line) => line.startsWith(`— ${origin} `))
    .map((line) => Buffer.from(line.slice(origin.length + 3), 'base64'))
    .some(
      (bytes) => id.equals(bytes.subarray(0, 4)) && verify(null, Buffer.from(text), publicKey.key, bytes.subarray(4)),
    )
  const checkpoint = { origin, size: Number(digits), root: Buffer.from(root, 'base64') }
  // Written back and compared, so that there is one spelling.
  if (!isSigned || checkpointText(checkpoint) !== text) {
    throw new FairtraceError('LEDGER_INVALID', 'the stored checkpoint was not signed by this ledger')
  }
  return checkpoint
}
