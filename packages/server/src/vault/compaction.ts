/**
 * What comes after a destroyed key, in its own time: rows of chunks that nothing opens any more are deleted, and segments that are
 * mostly such noise are written anew without it.
 *
 * Chunks move as they are, without being opened. Each step is one transaction and can be repeated: a new object is durable before
 * rows name it, and an old one is deleted when none does. A crash leaves objects that no row names, which the next start removes.
 */
import { hash, randomBytes } from 'node:crypto'
import { isFairtraceError } from '@fairtrace/core'
import type pg from 'pg'
import { raiseExposure } from '../runtime/exposures.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { CHUNK_COLUMNS, type ChunkRow, factsOfRow, placeOfRow } from './chunk-rows.ts'
import { insertSegmentRow } from './drain-group.ts'
import { requireDrainLock } from './drain-lock.ts'
import type { SegmentIndex } from './index-anchor.ts'
import { packSegment, segmentKey } from './segment.ts'
import {
  chunkTerm,
  digestBytes,
  digestValue,
  isSegmentRowGenuine,
  minus,
  type SegmentRow,
  sum,
} from './segment-index.ts'

const CHUNKS_AT_ONCE = 2_000
const KEYS_AT_ONCE = 200
const KEYS_DEAD_AT_ONCE = 2_000
/** Of the segments that are written anew together. */
const BYTES_AT_ONCE = 16 * 1024 * 1024
const SEGMENTS_AT_ONCE = 64
const SEGMENT_COLUMNS = 'id, number, bytes, sha256, chunks, live_bytes, digest, mac'

export interface CompactionInput {
  readonly database: OpenDatabase
  readonly objects: FileObjects
  readonly index: SegmentIndex
  /** Who holds the drain lock. */
  readonly lockOwner: number
}

/**
 * Counts content keys of people who were erased as dead, a portion of them.
 * @returns whether there may be more
 */
export async function forgetErasedKeys(input: CompactionInput): Promise<boolean> {
  return await transaction(input, async (client) => {
    const { rows } = await client.query<{ pseudonym: string; generation: number }>(
      'select pseudonym, generation from vault.erased limit 1',
    )
    const [erased] = rows
    if (erased === undefined) return false
    const of = [erased.pseudonym, erased.generation]
    const { rowCount } = await client.query(
      `with dead as (
         delete from vault.content_keys where id in (
           select id from vault.content_keys where pseudonym = $1 and generation <= $2 limit ${KEYS_DEAD_AT_ONCE}
         ) returning id
       ) insert into vault.dead_content_keys select id from dead on conflict do nothing`,
      of,
    )
    if ((rowCount ?? 0) < KEYS_DEAD_AT_ONCE) {
      await client.query('delete from vault.erased where pseudonym = $1 and generation = $2', of)
    }
    return true
  })
}

/**
 * Deletes rows of chunks under dead keys, a portion of them.
 * @returns whether there may be more
 */
export async function forgetDeadChunks(input: CompactionInput): Promise<boolean> {
  const { rows: dead } = await input.database.pool.query<{ id: string }>(
    'select id from vault.dead_content_keys limit $1',
    [KEYS_AT_ONCE],
  )
  if (dead.length === 0) return false
  const ids = dead.map(({ id }) => id)
  const emptied = await transaction(input, async (client) => {
    const { rows } = await client.query<ChunkRow>(
      `delete from vault.chunks where batch_id in (
         select batch_id from vault.chunks where content_key_id = any($1) limit $2
       ) returning ${CHUNK_COLUMNS.join(', ')}`,
      [ids, CHUNKS_AT_ONCE],
    )
    if (rows.length < CHUNKS_AT_ONCE) {
      await client.query('delete from vault.dead_content_keys where id = any($1)', [ids])
    }
    return await takeOut(client, rows, input)
  })
  for (const id of emptied) await input.objects.delete(segmentKey(id))
  return true
}

/** @returns segments that hold nothing any more and were taken out of the index */
async function takeOut(
  client: pg.PoolClient,
  gone: readonly ChunkRow[],
  { index }: CompactionInput,
): Promise<string[]> {
  const bySegment = Map.groupBy(gone, (row) => row.segment_id)
  const { rows } = await client.query<SegmentRow>(
    `select ${SEGMENT_COLUMNS} from vault.segments where id = any($1) order by id for update`,
    [[...bySegment.keys()]],
  )
  // A row that isn't ours is not made ours by signing it anew: it stays as it is, and the check of the index names it.
  const genuine = rows.filter((row) => isSegmentRowGenuine(index.key, row))
  const changed = genuine.map((row) => without(index, row, bySegment.get(row.id) ?? []))
  const emptied = changed.filter(({ chunks }) => chunks === 0)
  index.announceLeaving(emptied)
  await client.query('delete from vault.segments where id = any($1)', [emptied.map(({ id }) => id)])
  const kept = changed.filter(({ chunks }) => chunks > 0)
  await client.query(
    `update vault.segments s set chunks = t.chunks, live_bytes = t.live_bytes, digest = t.digest, mac = t.mac
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[]) as t(id, chunks, live_bytes, digest, mac)
     where s.id = t.id`,
    [
      kept.map(({ id }) => id),
      kept.map(({ chunks }) => chunks),
      kept.map(({ live_bytes: bytes }) => bytes),
      kept.map(({ digest }) => digest),
      kept.map(({ mac }) => mac),
    ],
  )
  return emptied.map(({ id }) => id)
}

function without(index: SegmentIndex, row: SegmentRow, gone: readonly ChunkRow[]): SegmentRow {
  const digest = gone.reduce(
    (value, chunk) => minus(value, chunkTerm(index.key, row.id, placeOfRow(chunk), factsOfRow(chunk))),
    digestValue(row.digest),
  )
  return index.sign({
    ...row,
    chunks: row.chunks - gone.length,
    live_bytes: row.live_bytes - gone.reduce((total, { length }) => total + length, 0),
    digest: digestBytes(digest),
  })
}

/**
 * Writes segments of which more than half is noise into a new one.
 * @param skip segments to leave alone
 * @returns segments that could not be written anew now; null if there was none to look at
 */
export async function compactSome(
  input: CompactionInput,
  skip: ReadonlySet<string>,
): Promise<readonly string[] | null> {
  const { database, objects, index } = input
  const { rows: candidates } = await database.pool.query<SegmentRow>(
    `select ${SEGMENT_COLUMNS} from vault.segments
     where live_bytes * 2 < bytes and not id = any($1) order by number limit $2`,
    [[...skip], SEGMENTS_AT_ONCE],
  )
  const old: { row: SegmentRow; chunks: { row: ChunkRow; bytes: Uint8Array }[] }[] = []
  let total = 0
  for (const row of candidates) {
    if (total > 0 && total + row.live_bytes > BYTES_AT_ONCE) break
    const chunks = await readWhole(input, row)
    total += row.live_bytes
    if (chunks !== null) old.push({ row, chunks })
  }
  if (candidates.length === 0) return null
  const left = candidates.map(({ id }) => id).filter((id) => !old.some(({ row }) => row.id === id))
  // Those that there was no room for come next time; what could not be read is what is left when nothing could.
  if (old.length === 0) return left
  // One person's chunks side by side, as they are read.
  const moved = old.flatMap(({ chunks }) => chunks).sort((a, b) => (orderOf(a.row) < orderOf(b.row) ? -1 : 1))
  const id = randomBytes(16).toString('hex')
  const { bytes, places, sha256 } = packSegment(
    id,
    moved.map((chunk) => chunk.bytes),
  )
  const placed = moved.flatMap(({ row }, i) => {
    const place = places[i]
    return place === undefined ? [] : [{ row, place }]
  })
  await objects.put(segmentKey(id), bytes)
  const fresh = await transaction(input, async (client) => {
    const { rows: now } = await client.query<{ id: string; mac: Buffer }>(
      'select id, mac from vault.segments where id = any($1) order by id for update',
      [old.map(({ row }) => row.id)],
    )
    // An erasure came in between: what was read holds too much.
    if (!old.every(({ row }) => now.some((one) => one.id === row.id && one.mac.equals(row.mac)))) return null
    // Numbered under the lock, see `drain-group.ts`.
    const made = index.sign({
      id,
      number: index.nextNumber(),
      bytes: bytes.length,
      sha256,
      chunks: placed.length,
      live_bytes: total,
      digest: digestBytes(sum(placed.map(({ row, place }) => chunkTerm(index.key, id, place, factsOfRow(row))))),
    })
    index.announceLeaving(old.map(({ row }) => row))
    await insertSegmentRow(client, made)
    await client.query(
      `update vault.chunks c set segment_id = $1, at_offset = t.at_offset
       from unnest($2::text[], $3::bigint[]) as t(batch_id, at_offset) where c.batch_id = t.batch_id`,
      [id, placed.map(({ row }) => row.batch_id), placed.map(({ place }) => place.offset)],
    )
    await client.query('delete from vault.segments where id = any($1)', [old.map(({ row }) => row.id)])
    return made
  })
  if (fresh !== null) {
    index.committed(fresh)
    for (const { row } of old) await objects.delete(segmentKey(row.id))
  } else {
    await objects.delete(segmentKey(id))
  }
  return []
}

/** @returns null for a segment that isn't what was written: it stays for whoever looks into the exposure */
async function readWhole(
  { database, objects, index }: CompactionInput,
  row: SegmentRow,
): Promise<{ row: ChunkRow; bytes: Uint8Array }[] | null> {
  const { rows } = await database.pool.query<ChunkRow>(
    `select ${CHUNK_COLUMNS.join(', ')} from vault.chunks where segment_id = $1`,
    [row.id],
  )
  const digest = sum(rows.map((chunk) => chunkTerm(index.key, row.id, placeOfRow(chunk), factsOfRow(chunk))))
  if (!isSegmentRowGenuine(index.key, row) || !digestBytes(digest).equals(row.digest)) {
    await raiseExposure(database, 'index-changed', { segment: row.id })
    return null
  }
  try {
    const bytes = await objects.get(segmentKey(row.id))
    if (hash('sha256', bytes, 'base64url') === row.sha256) {
      return rows.map((chunk) => ({
        row: chunk,
        bytes: bytes.subarray(chunk.at_offset, chunk.at_offset + chunk.length),
      }))
    }
  } catch (error) {
    // A missing object is a damaged one; anything else is a disk that doesn't answer, and tried again later.
    if (!isFairtraceError(error) || error.code !== 'SEGMENT_CORRUPT') throw error
  }
  await raiseExposure(database, 'object-damaged', { segment: row.id })
  return null
}

function orderOf({ pseudonym, recording, part }: ChunkRow): string {
  return `${pseudonym} ${recording} ${String(part).padStart(10, '0')}`
}

async function transaction<T>({ database, lockOwner }: CompactionInput, work: (client: pg.PoolClient) => Promise<T>) {
  const client = await database.pool.connect()
  let isBroken = true
  try {
    await client.query('begin')
    await requireDrainLock(client, lockOwner)
    const result = await work(client)
    await client.query('commit')
    isBroken = false
    return result
  } finally {
    // A connection in a failed transaction isn't used again, and with it the transaction ends.
    client.release(isBroken)
  }
}
