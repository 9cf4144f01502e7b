/**
 * Merkle tree hashing of RFC 6962, section 2.1: SHA-256, leaves under 0x00, nodes under 0x01, so that neither can pass for
 * the other.
 */
import { createHash, hash } from 'node:crypto'

export const HASH_BYTES = 32

const LEAF = Buffer.from([0x00])
const NODE = Buffer.from([0x01])

export function leafHash(entry: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF, entry]), 'buffer')
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([NODE, left, right], 1 + 2 * HASH_BYTES), 'buffer')
}

/** MTH of leaves that are already hashed; of none, the hash of the empty string. */
export function rootOf(hashes: readonly Uint8Array[]): Buffer {
  const [first] = hashes
  if (first === undefined) return createHash('sha256').digest()
  if (hashes.length === 1) return Buffer.from(first)
  const split = splitOf(hashes.length)
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)))
}

/** The largest power of two smaller than `size`; `size` at least 2. */
export function splitOf(size: number): number {
  // Sizes go beyond 32 bits, so no shifts.
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}
