/**
 * Keys as C2SP signed-note writes them ("vkey"): `<name>+<key id, hex>+<base64(type ‖ public key)>`.
 *
 * ```
 * example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
 * ```
 * Types that we read: 0x01, a log's Ed25519 signature, and 0x04, a witness's timestamped cosignature. The id takes the type in,
 * so a key of one kind can't pass for the other.
 */
import { FairtraceError, fromBase64url } from '@fairtrace/core'
import { sha256 } from '@noble/hashes/sha2.js'
import { base64, fromBase64, isSame } from './encoding.ts'

export const LOG_KEY_TYPE = 0x01
export const WITNESS_KEY_TYPE = 0x04
export type KeyType = typeof LOG_KEY_TYPE | typeof WITNESS_KEY_TYPE

export interface VerifierKey {
  readonly name: string
  readonly type: KeyType
  /** Four bytes, as they stand before each of its signatures. */
  readonly id: Uint8Array
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
}

const NAME = /^[^\s+\p{Cc}]{1,255}$/u

/** @throws `USAGE` if it is no vkey of these types, or its id is not that of its name and key */
export function parseVerifierKey(vkey: string): VerifierKey {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(vkey)
  const bytes = fromBase64(match?.[3] ?? '')
  const [name, hex] = [match?.[1] ?? '', match?.[2] ?? '']
  const type = bytes?.[0]
  if (bytes?.length !== 33 || (type !== LOG_KEY_TYPE && type !== WITNESS_KEY_TYPE) || !NAME.test(name)) {
    throw new FairtraceError('USAGE', 'a verifier key is name+id+key, Ed25519, of a log or a witness')
  }
  const key = verifierKey(name, type, bytes.subarray(1))
  if (hexOf(key.id) !== hex) throw new FairtraceError('USAGE', 'the id of the verifier key does not belong to it')
  return key
}

/** @throws `USAGE` if the name has a space or a plus sign, or the key is not 32 bytes */
export function verifierKey(name: string, type: KeyType, publicKey: Uint8Array): VerifierKey {
  if (!NAME.test(name) || publicKey.length !== 32) throw new FairtraceError('USAGE', 'a key needs a name and 32 bytes')
  return { name, type, publicKey, id: keyId(name, publicKey, type) }
}

export function formatVerifierKey({ name, type, id, publicKey }: VerifierKey): string {
  const bytes = new Uint8Array(33)
  bytes[0] = type
  bytes.set(publicKey, 1)
  return `${name}+${hexOf(id)}+${base64(bytes)}`
}

/** First four bytes of SHA-256 over name, newline, type and key. */
export function keyId(name: string, publicKey: Uint8Array, type: KeyType = LOG_KEY_TYPE): Uint8Array {
  const head = new TextEncoder().encode(`${name}\n`)
  return sha256.create().update(head).update(Uint8Array.of(type)).update(publicKey).digest().subarray(0, 4)
}

/** @param key raw Ed25519 public key in base64url @throws `USAGE` */
export function publicKeyOf(key: string): Uint8Array {
  const raw = fromBase64url(key)
  if (raw?.length !== 32) throw new FairtraceError('USAGE', 'a key is 32 bytes in base64url, 43 characters')
  return raw
}

export function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return isSame(a.publicKey, b.publicKey)
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
