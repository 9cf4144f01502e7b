/**
 * HPKE base mode (RFC 9180), the sealing half: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Written apart from the
 * vault's, which opens what is sealed here.
 */
import { createCipheriv, createHmac } from 'node:crypto'
import { agree, generateX25519 } from './curves.ts'

const VERSION = Buffer.from('HPKE-v1')
const KEM = Buffer.from('KEM\x00\x20', 'latin1')
const SUITE = Buffer.from('HPKE\x00\x20\x00\x01\x00\x02', 'latin1')
const EMPTY = Buffer.alloc(0)
const BASE_MODE = Buffer.from([0])

/**
 * @param recipient raw X25519 public key, base64url
 * @returns `ciphertext ‖ tag[16]`, and the raw ephemeral public key
 */
export function hpkeSeal(
  recipient: string,
  info: string,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { readonly enc: Buffer; readonly sealed: Buffer } {
  const ephemeral = generateX25519()
  const enc = ephemeral.publicRaw
  const kemContext = Buffer.concat([enc, Buffer.from(recipient, 'base64url')])
  const dh = agree(ephemeral.privateKey, recipient)
  const shared = expand(KEM, extract(KEM, EMPTY, 'eae_prk', dh), 'shared_secret', kemContext, 32)
  const hashes = [extract(SUITE, EMPTY, 'psk_id_hash', EMPTY), extract(SUITE, EMPTY, 'info_hash', Buffer.from(info))]
  const context = Buffer.concat([BASE_MODE, ...hashes])
  const secret = extract(SUITE, shared, 'secret', EMPTY)
  const key = expand(SUITE, secret, 'key', context, 32)
  const nonce = expand(SUITE, secret, 'base_nonce', context, 12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  cipher.setAAD(aad)
  return { enc, sealed: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]) }
}

function extract(suite: Buffer, salt: Buffer, label: string, ikm: Buffer): Buffer {
  return hmac(salt, VERSION, suite, Buffer.from(label), ikm)
}

/** One block: nothing here is longer than the hash. */
function expand(suite: Buffer, prk: Buffer, label: string, info: Buffer, length: number): Buffer {
  const block = hmac(prk, Buffer.from([0, length]), VERSION, suite, Buffer.from(label), info, Buffer.from([1]))
  return block.subarray(0, length)
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hmacOf = createHmac('sha256', key)
  for (const part of parts) hmacOf.update(part)
  return hmacOf.digest()
}
