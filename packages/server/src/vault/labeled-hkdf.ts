/** HKDF-SHA256 with the labels of RFC 9180, section 4. */
import { hash } from 'node:crypto'

const VERSION = Buffer.from('HPKE-v1')
const LAST_BLOCK = Buffer.from([1])

/** `LabeledExtract`. */
export function extract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer {
  return hmacSha256(salt, [VERSION, suite, Buffer.from(label), ikm])
}

/** `LabeledExpand`, one block of it: nothing here is longer than the hash. */
export function expand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: readonly Uint8Array[],
  length: number,
): Buffer {
  const parts = [Buffer.from([0, length]), VERSION, suite, Buffer.from(label), ...info, LAST_BLOCK]
  return hmacSha256(prk, parts).subarray(0, length)
}

/**
 * HMAC (RFC 2104) from two one-shot hashes: four times as fast as `createHmac`, which looks its algorithm up each time, and
 * a batch needs several.
 * @param key at most 64 bytes
 */
function hmacSha256(key: Uint8Array, message: readonly Uint8Array[]): Buffer {
  const inner = hash('sha256', Buffer.concat([padded(key, 0x36), ...message]), 'buffer')
  return hash('sha256', Buffer.concat([padded(key, 0x5c), inner]), 'buffer')
}

function padded(key: Uint8Array, byte: number): Buffer {
  const block = Buffer.alloc(64, byte)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] ?? 0) ^ byte
  return block
}
