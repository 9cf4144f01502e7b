/**
 * Checks everything that is stored against what the vault wrote: each row of the index, each object wholly, and that there is
 * nothing else. Asked for by a row of `vault.checks`; done here, with the rights that the vault has anyway.
 *
 * Nothing is opened: the index is signed, and each object's hash stands in it. Runs at the pace asked for, and goes on after a
 * restart where it stopped.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ExposureKind, isFairtraceError } from '@fairtrace/core'
import { raiseExposure } from '../runtime/exposures.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { CHUNK_COLUMNS, type ChunkRow, factsOfRow, placeOfRow } from './chunk-rows.ts'
import type { SegmentIndex } from './index-anchor.ts'
import { isSegmentStart, SEGMENT_HEADER_BYTES, segmentKey } from './segment.ts'
import { chunkTerm, digestBytes, isSegmentRowGenuine, type SegmentRow, sum } from './segment-index.ts'

const SEGMENTS_AT_ONCE = 50
const READ_BYTES = 1024 * 1024
const FINDINGS_MAX = 1_000
/** An object without a row may be on its way into the index: it is one too many if it still is after this. */
const UNNAMED_MS = 5_000

export interface ScrubInput {
  readonly database: OpenDatabase
  readonly objects: FileObjects
  readonly index: SegmentIndex
  lockOwner(): number | null
  isStopped(): boolean
}

export interface Finding {
  readonly kind: ExposureKind
  /** Id of a segment, or key of an object; empty where the index as a whole is meant. */
  readonly what: string
  readonly batch?: string
}

interface Check {
  readonly id: string
  readonly bytes_per_second: number
  readonly cursor: string
  readonly done: number
}

/** Serves what was asked for, and what a restart cut short. Resolves early when it is told to stop; the next call goes on. */
export async function serveChecks(input: ScrubInput): Promise<void> {
  for (;;) {
    const { rows } = await input.database.pool.query<Check>(
      `select id, bytes_per_second, cursor, done from vault.checks where state in ('requested', 'running') order by id limit 1`,
    )
    const check = rows[0]
    if (check === undefined || input.isStopped() || input.lockOwner() === null) return
    try {
      if (!(await run(check, input))) return
    } catch (error) {
      const code = isFairtraceError(error) ? error.code : 'DATABASE_FAILED'
      await input.database.pool.query(`update vault.checks set state = 'failed', code = $2 where id = $1`, [
        check.id,
        code,
      ])
      await announce(input, check.id)
    }
  }
}

/** @returns whether it came to its end */
async function run(check: Check, input: ScrubInput): Promise<boolean> {
  const { database, index } = input
  const { pool } = database
  const { rows } = await pool.query<{ total: number }>(
    'select coalesce(sum(bytes), 0)::bigint as total from vault.segments',
  )
  await pool.query(`update vault.checks set state = 'running', total = $2 where id = $1`, [
    check.id,
    rows[0]?.total ?? 0,
  ])
  const unnamed = await unnamedObjects(input)
  const seenAt = performance.now()
  const owner = input.lockOwner()
  if (owner === null) return false
  const ofIndex = await index.check(true, owner)
  await found(
    input,
    check.id,
    ofIndex.map(({ kind, segment }) => ({ kind, what: segment }) as Finding),
    false,
  )
  let { cursor, done } = check
  const pace = new Pace(check.bytes_per_second)
  for (;;) {
    const page = await pool.query<SegmentRow>(
      `select id, number, bytes, sha256, chunks, live_bytes, digest, mac from vault.segments where id > $1 order by id limit $2`,
      [cursor, SEGMENTS_AT_ONCE],
    )
    if (page.rows.length === 0) break
    for (const row of page.rows) {
      if (input.isStopped()) return false
      await found(input, check.id, await findingsOf(input, row, pace), true)
      cursor = row.id
      done += row.bytes
    }
    await pool.query('update vault.checks set cursor = $2, done = $3 where id = $1', [check.id, cursor, done])
    await announce(input, check.id)
  }
  if (unnamed.length > 0) await sleep(Math.max(0, UNNAMED_MS - (performance.now() - seenAt)))
  const still = new Set(unnamed.length > 0 ? await unnamedObjects(input) : [])
  await found(
    input,
    check.id,
    unnamed.filter((key) => still.has(key)).map((key) => ({ kind: 'object-unnamed', what: key }) as const),
    true,
  )
  await pool.query(`update vault.checks set state = 'done' where id = $1`, [check.id])
  await announce(input, check.id)
  return true
}

async function findingsOf(input: ScrubInput, seen: SegmentRow, pace: Pace): Promise<Finding[]> {
  const findings = await look(input, seen, pace)
  if (findings.length === 0) return findings
  // Erasure and compaction change rows while we look: what is wrong is wrong on a second look at what stands there now.
  const { rows } = await input.database.pool.query<SegmentRow>(
    'select id, number, bytes, sha256, chunks, live_bytes, digest, mac from vault.segments where id = $1',
    [seen.id],
  )
  const now = rows[0]
  return now === undefined ? [] : await look(input, now, pace)
}

async function look({ database, objects, index }: ScrubInput, row: SegmentRow, pace: Pace): Promise<Finding[]> {
  const findings: Finding[] = []
  if (!isSegmentRowGenuine(index.key, row)) findings.push({ kind: 'index-changed', what: row.id })
  const { rows: chunks } = await database.pool.query<ChunkRow>(
    `select ${CHUNK_COLUMNS.join(', ')} from vault.chunks where segment_id = $1 order by at_offset`,
    [row.id],
  )
  const digest = sum(chunks.map((chunk) => chunkTerm(index.key, row.id, placeOfRow(chunk), factsOfRow(chunk))))
  if (chunks.length !== row.chunks || !digestBytes(digest).equals(row.digest)) {
    findings.push({ kind: 'index-changed', what: row.id })
  }
  // Said apart, because whoever looks into it wants to know which batch.
  let end = SEGMENT_HEADER_BYTES
  for (const { batch_id: batch, at_offset: offset, length } of chunks) {
    if (offset < end || length <= 0 || offset + length > row.bytes) {
      findings.push({ kind: 'index-changed', what: row.id, batch })
    }
    end = Math.max(end, offset + length)
  }
  if (!(await isObjectWhole(objects, row, pace))) findings.push({ kind: 'object-damaged', what: row.id })
  return findings
}

async function isObjectWhole(objects: FileObjects, row: SegmentRow, pace: Pace): Promise<boolean> {
  const sha256 = createHash('sha256')
  try {
    for (let at = 0; at < row.bytes; at += READ_BYTES) {
      const bytes = await objects.read(segmentKey(row.id), at, Math.min(READ_BYTES, row.bytes - at))
      if (at === 0 && !isSegmentStart(row.id, bytes)) return false
      sha256.update(bytes)
      await pace.took(bytes.length)
    }
    return (await objects.size(segmentKey(row.id))) === row.bytes && sha256.digest('base64url') === row.sha256
  } catch (error) {
    // Missing or too short is what we look for; anything else is a disk that doesn't answer.
    if (isFairtraceError(error) && error.code === 'SEGMENT_CORRUPT') return false
    throw error
  }
}

async function unnamedObjects({ database, objects }: ScrubInput): Promise<string[]> {
  const keys = await objects.list('segments')
  const { rows } = await database.pool.query<{ id: string }>('select id from vault.segments')
  const named = new Set(rows.map(({ id }) => segmentKey(id)))
  return keys.filter((key) => !named.has(key))
}

async function found(
  { database }: ScrubInput,
  check: string,
  findings: readonly Finding[],
  isNew: boolean,
): Promise<void> {
  if (findings.length === 0) return
  if (isNew) {
    for (const { kind, what, batch } of findings) {
      await raiseExposure(database, kind, {
        [kind === 'object-unnamed' ? 'object' : 'segment']: what,
        batch: batch ?? null,
      })
    }
  }
  await database.pool.query(
    `update vault.checks set findings = findings || $2 where id = $1 and jsonb_array_length(findings) < ${FINDINGS_MAX}`,
    [check, JSON.stringify(findings)],
  )
}

async function announce({ database }: ScrubInput, check: string): Promise<void> {
  await database.pool.query(`select pg_notify('fairtrace_checks', $1)`, [check])
}

/** Holds reading to so many bytes a second. */
class Pace {
  readonly #bytesPerSecond: number
  #freeAt = performance.now()

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  async took(bytes: number): Promise<void> {
    this.#freeAt = Math.max(this.#freeAt, performance.now() - 1_000) + (bytes / this.#bytesPerSecond) * 1_000
    const waitMs = this.#freeAt - performance.now()
    if (waitMs > 0) await sleep(waitMs)
  }
}
