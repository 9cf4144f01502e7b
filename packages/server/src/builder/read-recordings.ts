/**
 * Reads the recordings in scope out of the segments, ordered by person, recording and part.
 *
 * Pages through the index instead of holding it: memory doesn't grow with what is stored. Chunks of a page that lie side by side are
 * read at once.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import { inflateRawSync } from 'node:zlib'
import { type Action, BATCH_BODY_BYTES_MAX, FairtraceError, isFairtraceError } from '@fairtrace/core'
import type { RecordedPart } from '@fairtrace/release'
import { raiseExposure } from '../runtime/exposures.ts'
import { honeyPseudonymsAmong } from '../sentinel/honey/honey-people.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { CHUNK_COLUMNS, type ChunkRow, factsOfRow, placeOfRow } from '../vault/chunk-rows.ts'
import { chunkAad, openChunk, segmentKey } from '../vault/segment.ts'

const PAGE_ROWS = 500

export interface RecordingsInput {
  readonly database: OpenDatabase
  readonly objects: FileObjects
  readonly contentKeys: ReadonlyMap<string, Uint8Array>
  /** Hashes of the charters whose recordings may be used under the one in force. */
  readonly charters: ReadonlySet<string>
  readonly signal: AbortSignal
  /** Actions read so far, of the total at the beginning. */
  onProgress(done: number, total: number): void
  /** Told of each chunk that goes into the release. */
  onUsed(row: ChunkRow): void
}

/**
 * Chunks without an opened key are left out: their key was destroyed, or they came after the keys were opened. Consent is not
 * asked here; whoever withdrew left the scope when erasure destroyed their key and their index.
 * @throws `SEGMENT_CORRUPT` for a chunk that does not open or hold actions, `HONEY_UNKNOWN`; nothing is released then
 */
export async function* readRecordings(input: RecordingsInput): AsyncGenerator<RecordedPart> {
  const { database, objects, contentKeys, charters, signal, onProgress, onUsed } = input
  const { rows } = await database.pool.query<{ total: number }>(
    'select coalesce(sum(actions), 0)::bigint as total from vault.chunks',
  )
  const total = rows[0]?.total ?? 0
  const people = await realPeople(database)
  let done = 0
  const keys = new Map([...contentKeys].map(([id, key]) => [id, createSecretKey(key)]))
  // The one place that decides whose recordings are in a release.
  // Made under terms that the charter in force widens, or that nobody knows: its person has not agreed to this use.
  const isInScope = (row: ChunkRow): boolean =>
    charters.has(row.charter_hash) && keys.has(row.content_key_id) && people.has(row.pseudonym)
  for await (const page of pagesInOrder(database)) {
    signal.throwIfAborted()
    const inScope = page.filter(isInScope)
    const sealed = await readChunks(objects, inScope)
    for (const row of page) {
      done += row.actions
      const key = keys.get(row.content_key_id)
      if (key === undefined || !isInScope(row)) continue
      const actions = parseActions(await open(input, row, key, sealed.get(row.batch_id)))
      onUsed(row)
      const outcome = row.last && (row.outcome === 'done' || row.outcome === 'not-done') ? row.outcome : null
      yield { person: row.pseudonym, recording: row.recording, task: row.task, outcome, actions }
    }
    onProgress(Math.min(done, total), total)
    await breathe()
  }
}

/** Everybody stored here but honey participants; who came later is not in it, and so in no release either. */
async function realPeople(database: OpenDatabase): Promise<ReadonlySet<string>> {
  const { rows } = await database.pool.query<{ pseudonym: string }>('select distinct pseudonym from vault.chunks')
  const all = rows.map(({ pseudonym }) => pseudonym)
  const honey = await honeyPseudonymsAmong(database, all)
  return new Set(all.filter((pseudonym) => !honey.has(pseudonym)))
}

/**
 * @param bytes of the chunk, or undefined where they could not be read
 * @throws `SEGMENT_CORRUPT`, and says that it is an exposure
 */
async function open(
  { database, objects }: RecordingsInput,
  row: ChunkRow,
  key: KeyObject,
  bytes: Uint8Array | undefined,
): Promise<Buffer> {
  try {
    if (bytes !== undefined) return openChunk(chunkAad(factsOfRow(row)), key, bytes)
  } catch {
    // Looked at once more below: it may have moved to another segment since the page was read.
  }
  const { rows } = await database.pool.query<ChunkRow>(
    `select ${CHUNK_COLUMNS.join(', ')} from vault.chunks where batch_id = $1`,
    [row.batch_id],
  )
  const now = rows[0]
  try {
    if (now !== undefined && now.segment_id !== row.segment_id) {
      const moved = (await readChunks(objects, [now])).get(row.batch_id) ?? new Uint8Array()
      return openChunk(chunkAad(factsOfRow(row)), key, moved)
    }
    throw new FairtraceError('SEGMENT_CORRUPT', `a chunk of ${row.length} bytes does not open`)
  } catch (error) {
    if (isFairtraceError(error) && error.code === 'SEGMENT_CORRUPT') {
      await raiseExposure(database, 'chunk-damaged', { segment: row.segment_id, batch: row.batch_id })
    }
    throw error
  }
}

/** Chunks by batch. What can't be read is left out. */
async function readChunks(objects: FileObjects, rows: readonly ChunkRow[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const chunks = new Map<string, Uint8Array>()
  for (const [segment, own] of Map.groupBy(rows, (row) => row.segment_id)) {
    const read = await objects.readMany(segmentKey(segment), own.map(placeOfRow)).catch((error: unknown) => {
      if (isFairtraceError(error) && error.code === 'SEGMENT_CORRUPT') return []
      throw error
    })
    own.forEach((row, i) => {
      const bytes = read[i]
      if (bytes) chunks.set(row.batch_id, bytes)
    })
  }
  return chunks
}

async function* pagesInOrder(database: OpenDatabase): AsyncGenerator<readonly ChunkRow[]> {
  let last = { pseudonym: '', recording: '', part: -1, batch_id: '' }
  for (;;) {
    const page = await database.db
      .selectFrom('vault.chunks')
      .select(CHUNK_COLUMNS)
      .where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple('pseudonym', 'recording', 'part', 'batch_id'),
          '>',
          tuple(last.pseudonym, last.recording, last.part, last.batch_id),
        ),
      )
      .orderBy('pseudonym')
      .orderBy('recording')
      .orderBy('part')
      .orderBy('batch_id')
      .limit(PAGE_ROWS)
      .execute()
    yield page
    const end = page.at(-1)
    if (end === undefined || page.length < PAGE_ROWS) return
    last = end
  }
}

/**
 * The vault parsed these actions before it sealed them, and the seal held; what the release builder writes of them it takes from
 * closed lists, so nothing is parsed a second time here.
 */
function parseActions(deflated: Uint8Array): readonly Action[] {
  try {
    const options = { maxOutputLength: BATCH_BODY_BYTES_MAX, chunkSize: Math.max(16_384, 12 * deflated.length) }
    const json = inflateRawSync(deflated, options)
    const actions: unknown = JSON.parse(json.toString('utf8'))
    if (Array.isArray(actions)) return actions
  } catch {
    // Fails closed below, without the reason: a parser's message could quote content.
  }
  throw new FairtraceError('SEGMENT_CORRUPT', `a chunk of ${deflated.length} bytes does not hold actions`)
}
