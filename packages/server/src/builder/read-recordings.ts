/**
 * Reads the recordings in scope out of the segments, one chunk after the other, ordered by person, recording and part.
 *
 * Pages through the index instead of holding it: memory doesn't grow with what is stored.
 */
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'
import { type Action, BATCH_BODY_BYTES_MAX, FairtraceError } from '@fairtrace/core'
import type { RecordedPart } from '@fairtrace/release'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { openChunk, segmentKey } from '../vault/segment.ts'

const PAGE_ROWS = 500
const inflate = promisify(inflateRaw)

export interface RecordingsInput {
  readonly database: OpenDatabase
  readonly objects: FileObjects
  readonly contentKeys: ReadonlyMap<string, Uint8Array>
  /** Hashes of the charters whose recordings may be used under the one in force. */
  readonly charters: ReadonlySet<string>
  readonly signal: AbortSignal
  /** Actions read so far, of the total at the beginning. */
  onProgress(done: number, total: number): void
  /** Told of each content key under which something goes into the release. */
  onUsed(contentKeyId: string): void
}

/**
 * Chunks without an opened key are left out: their key was destroyed, or they came after the keys were opened. Consent is not
 * asked here; whoever withdrew left the scope when erasure destroyed their key and their index.
 * @throws `SEGMENT_CORRUPT` for a chunk that does not open or hold actions; nothing is released then
 */
export async function* readRecordings(input: RecordingsInput): AsyncGenerator<RecordedPart> {
  const { database, objects, contentKeys, charters, signal, onProgress, onUsed } = input
  const { rows } = await database.pool.query<{ total: number }>(
    'select coalesce(sum(actions), 0)::bigint as total from vault.chunks',
  )
  const total = rows[0]?.total ?? 0
  let done = 0
  for await (const chunk of chunksInOrder(database)) {
    signal.throwIfAborted()
    done += chunk.actions
    onProgress(Math.min(done, total), total)
    // Made under terms that the charter in force widens, or that nobody knows: its person has not agreed to this use.
    if (!charters.has(chunk.charter_hash)) continue
    const contentKey = contentKeys.get(chunk.content_key_id)
    if (contentKey === undefined) continue
    const sealed = await objects.read(segmentKey(chunk.segment_id), chunk.at_offset, chunk.length)
    const name = { segmentId: chunk.segment_id, batchId: chunk.batch_id, pseudonym: chunk.pseudonym }
    const actions = await parseActions(openChunk(name, contentKey, sealed))
    onUsed(chunk.content_key_id)
    yield { person: chunk.pseudonym, task: chunk.task, outcome: chunk.last ? chunk.outcome : null, actions }
  }
}

async function* chunksInOrder(database: OpenDatabase) {
  let last = { pseudonym: '', recording: '', part: -1, batch_id: '' }
  for (;;) {
    const page = await database.db
      .selectFrom('vault.chunks')
      .select(['batch_id', 'segment_id', 'at_offset', 'length', 'content_key_id', 'pseudonym', 'recording', 'part'])
      .select(['charter_hash', 'task', 'outcome', 'last', 'actions'])
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
    yield* page
    const end = page.at(-1)
    if (end === undefined || page.length < PAGE_ROWS) return
    last = end
  }
}

/**
 * The vault parsed these actions before it sealed them, and the seal held; what the release builder writes of them it takes from
 * closed lists, so nothing is parsed a second time here.
 */
async function parseActions(deflated: Uint8Array): Promise<readonly Action[]> {
  try {
    const json = await inflate(deflated, { maxOutputLength: BATCH_BODY_BYTES_MAX })
    const actions: unknown = JSON.parse(json.toString('utf8'))
    if (Array.isArray(actions)) return actions
  } catch {
    // Fails closed below, without the reason: a parser's message could quote content.
  }
  throw new FairtraceError('SEGMENT_CORRUPT', `a chunk of ${deflated.length} bytes does not hold actions`)
}
