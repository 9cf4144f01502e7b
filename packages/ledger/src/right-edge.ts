/**
 * The growing side of the tree: for each level the hashes of its one partial tile. That is all a writer has to remember, and
 * at 256 entries a tile it is a few kilobytes for any log.
 */
import { FairtraceError } from '@fairtrace/core'
import { HASH_BYTES, nodeHash, rootOf } from './merkle.ts'
import { TILE_WIDTH, tileWidth } from './tile-path.ts'

export interface Tile {
  readonly level: number
  readonly index: number
  /** `width` × 32 bytes. */
  readonly data: Buffer
  readonly width: number
}

export class RightEdge {
  #size: number
  readonly #levels: Buffer[][]
  /** Changed since `takeChanged`, by level and index. */
  #changed = new Map<string, Tile>()

  private constructor(size: number, levels: Buffer[][]) {
    this.#size = size
    this.#levels = levels
  }

  static empty(): RightEdge {
    return new RightEdge(0, [])
  }

  /**
   * Takes up a stored log.
   * @param readTile the stored hashes of a tile, or null where there is none
   * @throws `LEDGER_INVALID` if a tile of the edge is missing or has another width
   */
  static async load(
    size: number,
    readTile: (level: number, index: number) => Promise<Buffer | null>,
  ): Promise<RightEdge> {
    const levels: Buffer[][] = []
    for (let level = 0; TILE_WIDTH ** level <= size; level++) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1))
      const width = tileWidth(size, level, index)
      const data = width === 0 ? Buffer.alloc(0) : await readTile(level, index)
      if (data?.length !== width * HASH_BYTES) {
        throw new FairtraceError(
          'LEDGER_INVALID',
          `tile ${level}/${index}: ${data?.length ?? 0} bytes, ${width} hashes expected`,
        )
      }
      levels.push(hashesOf(data))
    }
    return new RightEdge(size, levels)
  }

  get size(): number {
    return this.#size
  }

  append(leaf: Buffer): void {
    this.#size++
    let hash = leaf
    for (let level = 0; ; level++) {
      const tile = this.#levels[level] ?? []
      this.#levels[level] = tile
      tile.push(hash)
      const index = Math.floor((this.#size - 1) / TILE_WIDTH ** (level + 1))
      if (tile.length < TILE_WIDTH) {
        this.#touch(level, index)
        return
      }
      this.#changed.set(`${level}/${index}`, tileOf(level, index, tile))
      hash = rootOf(tile)
      this.#levels[level] = []
    }
  }

  /** The tiles that differ from what was taken before; a partial one is as wide as the tree is now. */
  takeChanged(): Tile[] {
    const changed = [...this.#changed.values()].map((tile) =>
      tile.width === 0 ? tileOf(tile.level, tile.index, this.#levels[tile.level] ?? []) : tile,
    )
    this.#changed = new Map()
    return changed
  }

  /** Root of the whole tree: the complete subtrees, folded from the smallest on the right to the largest. */
  root(): Buffer {
    let root: Buffer | null = null
    for (const tile of this.#levels) {
      for (const subtree of completeSubtrees(tile)) root = root === null ? subtree : nodeHash(subtree, root)
    }
    return root ?? rootOf([])
  }

  /** A tile that is still partial is cut when it is taken, not with each entry. */
  #touch(level: number, index: number): void {
    this.#changed.set(`${level}/${index}`, { level, index, width: 0, data: Buffer.alloc(0) })
  }
}

/** Roots of the complete subtrees that `tile` decomposes into, the smallest (rightmost) first. */
function* completeSubtrees(tile: readonly Buffer[]): Generator<Buffer> {
  let end = tile.length
  for (let width = 1; width <= end; width *= 2) {
    if ((tile.length & width) === 0) continue
    yield rootOf(tile.slice(end - width, end))
    end -= width
  }
}

export function hashesOf(data: Buffer): Buffer[] {
  const hashes: Buffer[] = []
  for (let at = 0; at < data.length; at += HASH_BYTES) hashes.push(data.subarray(at, at + HASH_BYTES))
  return hashes
}

function tileOf(level: number, index: number, hashes: readonly Buffer[]): Tile {
  return { level, index, width: hashes.length, data: Buffer.concat(hashes) }
}
