/** A Merkle tree that is built again entry by entry, and hands out each tile as it becomes complete. */
import { sha256 } from '@noble/hashes/sha2.js'
import { nodeHash } from './merkle-proof.ts'

export const TILE_WIDTH = 256

export interface ComputedTile {
  readonly level: number
  readonly index: number
  readonly data: Uint8Array
}

export class GrowingTree {
  #size = 0
  /** For each level of tiles, the hashes of its last one. */
  readonly #tiles: Uint8Array[][] = [[]]
  /** Roots of the complete subtrees, the largest first, each with its number of leaves. */
  readonly #subtrees: { readonly leaves: number; readonly hash: Uint8Array }[] = []

  get size(): number {
    return this.#size
  }

  /** @returns the tiles that this leaf completes */
  append(leaf: Uint8Array): ComputedTile[] {
    this.#size++
    const complete: ComputedTile[] = []
    this.#push(0, leaf, complete)
    let merged = { leaves: 1, hash: leaf }
    for (let last = this.#subtrees.at(-1); last?.leaves === merged.leaves; last = this.#subtrees.at(-1)) {
      merged = { leaves: 2 * merged.leaves, hash: nodeHash(last.hash, merged.hash) }
      this.#subtrees.pop()
      // Powers of 256 are the hashes that tiles of higher levels are made of.
      const level = Math.log2(merged.leaves) / 8
      if (Number.isInteger(level)) this.#push(level, merged.hash, complete)
    }
    this.#subtrees.push(merged)
    return complete
  }

  root(): Uint8Array {
    return this.#subtrees.map(({ hash }) => hash).reduceRight(folded, null) ?? sha256(new Uint8Array(0))
  }

  /** The tiles that are not full, as they are at the end. */
  partialTiles(): ComputedTile[] {
    return this.#tiles.flatMap((hashes, level) => (hashes.length === 0 ? [] : [this.#tile(level, hashes)]))
  }

  #push(level: number, hash: Uint8Array, complete: ComputedTile[]): void {
    const hashes = this.#tiles[level] ?? []
    hashes.push(hash)
    if (hashes.length === TILE_WIDTH) complete.push(this.#tile(level, hashes))
    this.#tiles[level] = hashes.length === TILE_WIDTH ? [] : hashes
  }

  #tile(level: number, hashes: readonly Uint8Array[]): ComputedTile {
    const data = new Uint8Array(hashes.length * 32)
    hashes.forEach((hash, i) => {
      data.set(hash, i * 32)
    })
    return { level, index: Math.ceil(this.#size / TILE_WIDTH ** (level + 1)) - 1, data }
  }
}

function folded(right: Uint8Array | null, left: Uint8Array): Uint8Array {
  return right === null ? left : nodeHash(left, right)
}
