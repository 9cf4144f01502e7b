/**
 * Takes up the stored log, and checks that it is the one that was signed.
 *
 * The adversary is whoever can write to the database, and a disk that forgets: a log that no longer hashes to its own
 * checkpoint is never extended, because the next signature would vouch for the change.
 */
import { createPublicKey } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import {
  HASH_BYTES,
  hashesOf,
  leafHash,
  RightEdge,
  readOwnCheckpoint,
  rootOf,
  TILE_WIDTH,
  tileWidth,
} from '@fairtrace/ledger'
import type { ClientBase } from 'pg'
import type { Signer } from '../runtime/jws.ts'

/** Tiles read at a time, 8 KiB each: bounds memory whatever the size of the log. */
const TILES_PAGE = 128

export interface StoredLog {
  readonly edge: RightEdge
  /** Null if nothing was ever signed. */
  readonly origin: string | null
}

/** @throws `LEDGER_INVALID` if checkpoint, tiles and entries don't agree */
export async function loadStoredLog(client: ClientBase, signer: Signer): Promise<StoredLog> {
  const { rows } = await client.query<{ size: number; note: string }>(
    'select size, note from ledger.checkpoints order by size desc limit 1',
  )
  const stored = rows[0]
  const publicKey = { raw: signer.publicKey, key: createPublicKey(signer.privateKey) }
  const checkpoint = stored === undefined ? null : readOwnCheckpoint(stored.note, publicKey)
  const size = checkpoint?.size ?? 0
  if (stored !== undefined && stored.size !== size) throw invalid(`checkpoint ${stored.size} says it is ${size}`)
  await requireEntries(client, size)
  await requireTiles(client, size)
  const edge = await RightEdge.load(size, (level, index) => readTile(client, level, index))
  if (checkpoint !== null && !edge.root().equals(checkpoint.root)) {
    throw invalid(`the tiles of ${size} entries don't hash to the signed root`)
  }
  return { edge, origin: checkpoint?.origin ?? null }
}

/** The number of entries, and that those of the last bundle are the ones in the last tile. */
async function requireEntries(client: ClientBase, size: number): Promise<void> {
  const { rows: ends } = await client.query<{ size: number }>(
    'select coalesce(max(idx) + 1, 0)::bigint as size from ledger.entries',
  )
  if (ends[0]?.size !== size) throw invalid(`${ends[0]?.size} entries, but the checkpoint says ${size}`)
  if (size === 0) return
  const bundle = Math.floor((size - 1) / TILE_WIDTH)
  const { rows } = await client.query<{ entry: string }>(
    'select entry from ledger.entries where idx >= $1 order by idx',
    [bundle * TILE_WIDTH],
  )
  const hashed = Buffer.concat(rows.map(({ entry }) => leafHash(Buffer.from(entry))))
  if (!(await readTile(client, 0, bundle))?.equals(hashed)) throw invalid(`the entries of tile ${bundle} were changed`)
}

/** That every tile has its width, and every full one its place in the level above. */
async function requireTiles(client: ClientBase, size: number): Promise<void> {
  const { rows: counts } = await client.query<{ level: number; tiles: number }>(
    'select level, count(*) as tiles from ledger.tiles group by level order by level',
  )
  for (const { level, tiles } of counts) {
    if (tiles !== Math.ceil(Math.floor(size / TILE_WIDTH ** level) / TILE_WIDTH)) {
      throw invalid(`${tiles} tiles at level ${level} for ${size} entries`)
    }
    await requireLevel(client, size, level)
  }
  const missing = counts.findIndex(({ level }, place) => level !== place)
  if (missing >= 0 || TILE_WIDTH ** counts.length <= size) throw invalid('a level of tiles is missing')
}

async function requireLevel(client: ClientBase, size: number, level: number): Promise<void> {
  let parent: { readonly index: number; readonly hashes: readonly Buffer[] } = { index: -1, hashes: [] }
  for (let next = 0; ; next += TILES_PAGE) {
    const { rows } = await client.query<{ idx: number; width: number; data: Buffer }>(
      'select idx, width, data from ledger.tiles where level = $1 and idx >= $2 and idx < $3 order by idx',
      [level, next, next + TILES_PAGE],
    )
    if (rows.length === 0) return
    for (const { idx, width, data } of rows) {
      if (width !== tileWidth(size, level, idx) || data.length !== width * HASH_BYTES) {
        throw invalid(`tile ${level}/${idx} has ${data.length} bytes for ${width} hashes`)
      }
      if (width < TILE_WIDTH) continue
      const above = Math.floor(idx / TILE_WIDTH)
      if (parent.index !== above) {
        parent = { index: above, hashes: hashesOf((await readTile(client, level + 1, above)) ?? Buffer.alloc(0)) }
      }
      if (!parent.hashes[idx % TILE_WIDTH]?.equals(rootOf(hashesOf(data))))
        throw invalid(`tile ${level}/${idx} was changed`)
    }
  }
}

async function readTile(client: ClientBase, level: number, index: number): Promise<Buffer | null> {
  const { rows } = await client.query<{ data: Buffer }>('select data from ledger.tiles where level = $1 and idx = $2', [
    level,
    index,
  ])
  return rows[0]?.data ?? null
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
