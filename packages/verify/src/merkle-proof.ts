/** Checking RFC 6962 proofs with the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2. */
import { sha256 } from '@noble/hashes/sha2.js'
import { isSame } from './encoding.ts'

export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(0)).update(entry).digest()
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(1)).update(left).update(right).digest()
}

export interface InclusionClaim {
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
  readonly path: readonly Uint8Array[]
}

export function isIncluded({ leaf, index, size, root, path }: InclusionClaim): boolean {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && 0 <= index && index < size)) return false
  if (leaf.length !== 32 || root.length !== 32) return false
  let node = index
  let last = size - 1
  let hash = leaf
  for (const sibling of path) {
    if (sibling.length !== 32 || last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && isSame(hash, root)
}

export interface ConsistencyClaim {
  readonly oldSize: number
  readonly oldRoot: Uint8Array
  readonly newSize: number
  readonly newRoot: Uint8Array
  readonly path: readonly Uint8Array[]
}

/** Whether the new tree begins with the old one. */
export function isConsistent({ oldSize, oldRoot, newSize, newRoot, path }: ConsistencyClaim): boolean {
  if (!(Number.isSafeInteger(oldSize) && Number.isSafeInteger(newSize) && 0 <= oldSize && oldSize <= newSize))
    return false
  if (oldSize === 0 && !isSame(oldRoot, sha256(new Uint8Array(0)))) return false
  if (oldSize === newSize) return path.length === 0 && isSame(oldRoot, newRoot)
  if (oldSize === 0) return path.length === 0 && newRoot.length === 32
  // In integers: beyond 2^45 a logarithm takes neighbours of a power of two for one.
  const isPowerOfTwo = (BigInt(oldSize) & (BigInt(oldSize) - 1n)) === 0n
  const roots = rootsOfPath(oldSize, newSize, isPowerOfTwo ? [oldRoot, ...path] : path)
  return roots !== null && isSame(roots.oldRoot, oldRoot) && isSame(roots.newRoot, newRoot)
}

/**
 * What a consistency path says the roots of both trees are: of the first `oldSize` leaves, and of all.
 * @param path with its first hash, also where RFC 9162 leaves out what the verifier knows
 * @returns null if it has not the length of such a path
 */
export function rootsOfPath(
  oldSize: number,
  newSize: number,
  path: readonly Uint8Array[],
): { readonly oldRoot: Uint8Array; readonly newRoot: Uint8Array } | null {
  const [first, ...rest] = path
  if (first === undefined || path.some((hash) => hash.length !== 32)) return null
  let node = oldSize - 1
  let last = newSize - 1
  while (node % 2 === 1) {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  let oldHash = first
  let newHash = first
  for (const sibling of rest) {
    if (last === 0) return null
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      newHash = nodeHash(newHash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? { oldRoot: oldHash, newRoot: newHash } : null
}
