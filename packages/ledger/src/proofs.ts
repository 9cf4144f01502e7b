/**
 * Proofs of RFC 6962, sections 2.1.1 and 2.1.2, built from tiles: any proof needs a handful of tiles, whatever the size of
 * the log.
 */
import { FairtraceError } from '@fairtrace/core'
import { HASH_BYTES, nodeHash, rootOf, splitOf } from './merkle.ts'
import { TILE_WIDTH, tileWidth } from './tile-path.ts'

/** The hashes of a tile: at least `width` of them, 32 bytes each; null where there are fewer. */
export type ReadTile = (level: number, index: number, width: number) => Promise<Uint8Array | null>

/**
 * From the leaf's sibling up to the root's child.
 * @param index of the entry, below `size`
 * @throws `LEDGER_INVALID` if a tile is missing
 */
export async function inclusionProof(index: number, size: number, readTile: ReadTile): Promise<Buffer[]> {
  if (!(Number.isInteger(index) && 0 <= index && index < size)) {
    throw new FairtraceError('LEDGER_INVALID', `no entry ${index} in a log of ${size}`)
  }
  const tiles = new Tiles(size, readTile)
  const path: Buffer[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const split = start + splitOf(end - start)
    if (index < split) {
      path.push(await tiles.subtree(split, end))
      end = split
    } else {
      path.push(await tiles.subtree(start, split))
      start = split
    }
  }
  return path.reverse()
}

/**
 * That the log of `newSize` begins with the log of `oldSize`. Empty where they are equal or the old one is empty.
 * @throws `LEDGER_INVALID` if a tile is missing or the sizes are out of order
 */
export async function consistencyProof(oldSize: number, newSize: number, readTile: ReadTile): Promise<Buffer[]> {
  if (!(Number.isInteger(oldSize) && 0 <= oldSize && oldSize <= newSize)) {
    throw new FairtraceError('LEDGER_INVALID', `a log of ${newSize} can't begin with one of ${oldSize}`)
  }
  if (oldSize === 0 || oldSize === newSize) return []
  const tiles = new Tiles(newSize, readTile)
  const path: Buffer[] = []
  let start = 0
  let end = newSize
  // Where the old tree is a complete subtree from the start, the verifier knows its root already.
  let known = true
  while (oldSize !== end) {
    const split = start + splitOf(end - start)
    if (oldSize <= split) {
      path.push(await tiles.subtree(split, end))
      end = split
    } else {
      path.push(await tiles.subtree(start, split))
      start = split
      known = false
    }
  }
  if (!known) path.push(await tiles.subtree(start, end))
  return path.reverse()
}

/**
 * Root of the first `count` entries of a log of `size`, from its tiles, where `count` is a power of two.
 * @throws `LEDGER_INVALID` if a tile is missing
 */
export function headRoot(count: number, size: number, readTile: ReadTile): Promise<Buffer> {
  return new Tiles(size, readTile).subtree(0, count)
}

/** Reads each tile once for one proof. */
class Tiles {
  readonly #size: number
  readonly #readTile: ReadTile
  readonly #read = new Map<string, Promise<Uint8Array | null>>()

  constructor(size: number, readTile: ReadTile) {
    this.#size = size
    this.#readTile = readTile
  }

  /** MTH(D[start:end]) for a subtree of the tree: `start` a multiple of the power of two at or above its width. */
  async subtree(start: number, end: number): Promise<Buffer> {
    const width = end - start
    let level = 0
    // The highest level whose hashes are as small as this subtree, if the subtree is complete.
    while (TILE_WIDTH ** (level + 1) <= width && width % TILE_WIDTH ** (level + 1) === 0) level++
    const step = TILE_WIDTH ** level
    const count = width / step
    if (count <= TILE_WIDTH && isPowerOfTwo(count)) {
      const hashes: Buffer[] = []
      for (let i = 0; i < count; i++) hashes.push(await this.#hash(level, start / step + i))
      return rootOf(hashes)
    }
    const split = start + splitOf(width)
    return nodeHash(await this.subtree(start, split), await this.subtree(split, end))
  }

  async #hash(level: number, position: number): Promise<Buffer> {
    const index = Math.floor(position / TILE_WIDTH)
    const key = `${level}/${index}`
    const width = tileWidth(this.#size, level, index)
    const reading = this.#read.get(key) ?? this.#readTile(level, index, width)
    this.#read.set(key, reading)
    const data = await reading
    const at = (position % TILE_WIDTH) * HASH_BYTES
    if (data === null || data.length < at + HASH_BYTES)
      throw new FairtraceError('LEDGER_INVALID', `tile ${key} is missing`)
    return Buffer.from(data.subarray(at, at + HASH_BYTES))
  }
}

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count))
}
