/**
 * Cosignatures (C2SP tlog-cosignature, Ed25519): a witness says that, at a time, this was the largest consistent tree it had
 * seen of this log. It signs a header and the time before the checkpoint's text, and its line holds the time:
 *
 * ```
 * cosignature/v1
 * time 1679315147
 * <text of the checkpoint>
 * ```
 * line: `— <name> base64(key id[4] ‖ seconds u64be ‖ signature[64])`.
 */
import { FairtraceError, fromBase64url } from '@fairtrace/core'
import { ed25519 } from '@noble/curves/ed25519.js'
import { base64 } from './encoding.ts'
import { type OpenedNote, signaturesOf } from './note.ts'
import { isSigned } from './signature.ts'
import { type VerifierKey, verifierKey, WITNESS_KEY_TYPE } from './verifier-key.ts'

const COSIGNATURE_BYTES = 8 + 64

export interface Cosignature {
  readonly witness: string
  /** When the witness says that it saw the checkpoint. */
  readonly atMs: number
  readonly line: string
}

export interface Cosigner {
  readonly key: VerifierKey
  /** @param text of a checkpoint, ending in a newline @returns the signature line with its newline */
  cosign(text: string, atMs: number): string
}

/**
 * @param name no spaces and no plus sign; by convention a URL without its scheme
 * @param seed Ed25519, 32 bytes in base64url; never used for anything else, as the format asks
 * @throws `KEY_UNAVAILABLE` if the seed is no seed
 */
export function createCosigner(name: string, seed: string): Cosigner {
  const secret = fromBase64url(seed)
  if (secret?.length !== 32) throw new FairtraceError('KEY_UNAVAILABLE', 'the seed of a witness is 32 bytes')
  const key = verifierKey(name, WITNESS_KEY_TYPE, ed25519.getPublicKey(secret))
  return {
    key,
    cosign(text, atMs) {
      const seconds = Math.floor(atMs / 1_000)
      // Zero would say nothing about when, which a witness has to say.
      if (!(Number.isSafeInteger(seconds) && seconds > 0)) throw new FairtraceError('INTERNAL', 'a time before 1970')
      const signature = ed25519.sign(messageOf(text, BigInt(seconds)), secret)
      const bytes = new Uint8Array(4 + COSIGNATURE_BYTES)
      bytes.set(key.id)
      new DataView(bytes.buffer).setBigUint64(4, BigInt(seconds))
      bytes.set(signature, 12)
      return `— ${name} ${base64(bytes)}\n`
    },
  }
}

/**
 * The cosignatures of the witnesses that you trust, each witness once. Those of strangers are ignored.
 * @throws `LEDGER_INVALID` if a line is under the key of a trusted witness and does not verify
 */
export function cosignaturesOf(note: OpenedNote, witnesses: readonly VerifierKey[]): Cosignature[] {
  return witnesses.flatMap((key) => {
    const lines = key.type === WITNESS_KEY_TYPE ? signaturesOf(note, key) : []
    const verified = lines.map(({ signature, line }) => {
      const seconds = verifiedTime(note.text, signature, key)
      if (seconds === null) throw new FairtraceError('LEDGER_INVALID', `a cosignature of ${key.name} does not verify`)
      return { witness: key.name, atMs: seconds * 1_000, line }
    })
    return verified.sort((a, b) => b.atMs - a.atMs).slice(0, 1)
  })
}

function verifiedTime(text: string, signature: Uint8Array, key: VerifierKey): number | null {
  if (signature.length !== COSIGNATURE_BYTES) return null
  const seconds = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
  if (seconds === 0n || seconds > BigInt(Number.MAX_SAFE_INTEGER) / 1_000n) return null
  return isSigned(messageOf(text, seconds), signature.subarray(8), key.publicKey) ? Number(seconds) : null
}

function messageOf(text: string, seconds: bigint): Uint8Array {
  return new TextEncoder().encode(`cosignature/v1\ntime ${seconds}\n${text}`)
}
