/**
 * An encrypted shard of a release: how its bytes lie, under which key, and what it is called.
 *
 * ```
 * shard  = "FTR1" ‖ chunk*                   every chunk but the last seals SHARD_CHUNK_BYTES of plaintext; at least one chunk
 * chunk  = ciphertext ‖ tag[16]              AES-256-GCM
 * key    = HKDF-SHA256(release key, no salt, "fairtrace/release-shard/v1\n" ‖ path without its "-of-<count>", 32 bytes)
 * nonce  = u64be 0 ‖ u24be chunk number, from 0 ‖ u8 1 for the last chunk, else 0
 * AAD    = "FTR1"
 * stored as "shards/" ‖ hex(SHA-256(shard))
 * ```
 * The path is in the key, so that no shard passes for another; number and end are in the nonce, so that none can be cut, moved or
 * repeated within. Without a key everybody can check that a shard is the one which the manifest names. The cipher itself is the
 * platform's and lives in `@fairtrace/release` (`encryptShard`, `openShard`).
 */
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'

export const SHARD_MAGIC = new Uint8Array([0x46, 0x54, 0x52, 0x31]) // "FTR1"
export const SHARD_CHUNK_BYTES = 65_536
export const SHARD_TAG_BYTES = 16
export const RELEASE_KEY_BYTES = 32
/** 1 TiB: a chunk's number fits its three bytes. */
export const SHARD_BYTES_MAX = 2 ** 24 * SHARD_CHUNK_BYTES
const SHARD_INFO = 'fairtrace/release-shard/v1\n'

/** @param path the shard's name inside the release, as the manifest lists it */
export function shardKey(releaseKey: Uint8Array, path: string): Uint8Array {
  // How many there are is known only after the first is written.
  const own = path.replace(/-of-\d{5}(?=\.[a-z]+$)/, '')
  return hkdf(sha256, releaseKey, undefined, new TextEncoder().encode(SHARD_INFO + own), 32)
}

/** 12 bytes. Each key seals one shard, so that no nonce comes twice under it. */
export function shardNonce(chunk: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  view.setUint8(8, chunk >>> 16)
  view.setUint16(9, chunk & 0xffff)
  view.setUint8(11, isLast ? 1 : 0)
  return nonce
}

/** How many chunks so many bytes of plaintext take; an empty shard has one, empty. */
export function shardChunks(plaintextBytes: number): number {
  return Math.max(1, Math.ceil(plaintextBytes / SHARD_CHUNK_BYTES))
}

/** Length of the shard that seals so many bytes. */
export function shardBytes(plaintextBytes: number): number {
  return SHARD_MAGIC.length + plaintextBytes + SHARD_TAG_BYTES * shardChunks(plaintextBytes)
}

/** @param sha256Hex of the whole shard */
export function shardFile(sha256Hex: string): string {
  return `shards/${sha256Hex}`
}
