/** Attacks on what a release reads: whoever has every right on disk and database, but no key, gets nothing else read in its place. */
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { charterHash } from '@fairtrace/core'
import { readRecordings } from '@fairtrace/server/builder/read-recordings'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { FileObjects } from '@fairtrace/server/store/objects'
import { type ChunkFacts, chunkAad, packSegment, sealChunk, segmentKey } from '@fairtrace/server/vault/segment'
import { aCharter, answerHoney, CHARTER_YAML, startTestDatabase, type TestDatabase } from '@fairtrace/testing/harness'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const PEOPLE = ['ada', 'bob']
const key = randomBytes(32)

describe('reading for a release, attacked by who can write disk and database', () => {
  let test: TestDatabase
  let sql: pg.Pool
  let database: OpenDatabase
  let honey: { stop(): Promise<void> }
  let folder: string
  let objects: FileObjects
  let rows: Record<string, unknown>[]

  beforeAll(async () => {
    test = await startTestDatabase()
    sql = new pg.Pool({ connectionString: test.superuserUrl, max: 2 })
    sql.on('error', () => undefined)
    database = openDatabase(test.url('builder'))
    honey = answerHoney(test.url('scanner'))
    const charter = aCharter()
    await sql.query(
      `insert into install.programme (id, state, epoch, charter_hash, charter_yaml) values ($1, 'running', 0, $2, $3)`,
      [charter.programme, charterHash(charter), CHARTER_YAML],
    )
  })
  afterAll(async () => {
    await honey.stop()
    await database.close()
    await sql.end()
    await test.stop()
  })
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fairtrace-read-'))
    objects = new FileObjects(folder)
    await sql.query('truncate vault.chunks, install.exposures')
    for (const segment of ['one', 'two']) await store(segment)
    rows = (await sql.query('select * from vault.chunks order by batch_id')).rows
    return () => rmSync(folder, { recursive: true, force: true })
  })

  /** Two people's batches in one segment, under a key that is open. */
  async function store(name: string): Promise<void> {
    const id = randomBytes(16).toString('hex')
    const facts = PEOPLE.map(
      (pseudonym, part): ChunkFacts => ({
        ...FACTS,
        batchId: `${name}-${pseudonym}`,
        device: `${name}-${pseudonym}-laptop`,
        pseudonym,
        part,
      }),
    )
    const chunks = facts.map((chunk) =>
      sealChunk(
        chunkAad(chunk),
        createSecretKey(key),
        deflateRawSync(JSON.stringify([{ kind: 'press', key: 'enter' }])),
      ),
    )
    const { bytes, places } = packSegment(id, chunks)
    await objects.put(segmentKey(id), bytes)
    for (const [i, chunk] of facts.entries()) {
      await sql.query(
        `insert into vault.chunks values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
        [
          ...[chunk.batchId, id, places[i]?.offset, places[i]?.length, chunk.contentKeyId, chunk.pseudonym],
          ...[chunk.device, chunk.sequence, chunk.recording, chunk.part, chunk.last, chunk.task, chunk.outcome],
          ...[chunk.charterHash, chunk.consentVersion, chunk.actions],
        ],
      )
    }
  }
  async function read(): Promise<number> {
    let parts = 0
    const input = {
      database,
      objects,
      contentKeys: new Map([['the-key', key]]),
      charters: new Set(['the-charter']),
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onUsed: () => undefined,
    }
    for await (const part of readRecordings(input)) parts += part.actions.length
    return parts
  }
  const pathOf = (row: Record<string, unknown> | undefined) => join(folder, segmentKey(String(row?.segment_id)))

  it('reads all where nothing was touched', async () => {
    expect(await read()).toBe(4)
    expect((await sql.query('select 1 from install.exposures')).rowCount).toBe(0)
  })

  it.each([
    ['a flipped bit', () => edit(rows[0], (bytes) => flip(bytes, Number(rows[0]?.at_offset) + 15))],
    ['a cut end', () => truncateSync(pathOf(rows[0]), 30)],
    ['a missing object', () => rmSync(pathOf(rows[0]))],
    [
      'an object in place of another',
      () =>
        writeFileSync(
          pathOf(rows[0]),
          readFileSync(pathOf(rows.find((row) => row.segment_id !== rows[0]?.segment_id))),
        ),
    ],
    ['a row that points elsewhere', () => set('at_offset = at_offset + 1')],
    ['a row that points outside', () => set('at_offset = 1000000')],
    ['a row that points before the object', () => set('at_offset = -1')],
    ['a row of no length', () => set('length = 0')],
    ['a row of more than there is', () => set('length = 2000000000')],
    ["a row that points to another person's chunk", () => set(`at_offset = ${Number(rows[1]?.at_offset)}`)],
    ['a row that is said to be of another person', () => set(`pseudonym = 'bob'`)],
    ['a row that is said to be of another task', () => set(`task = 'another'`)],
    ['a row that is said to have gone well', () => set(`task = 'a', outcome = 'done'`)],
    ['a row that is said to be of a newer consent', () => set('consent_version = 9')],
    ['a row that is said to be of another recording', () => set(`recording = 'another'`)],
    ['a row of an older charter, brought into scope', () => reseal()],
  ])('reads nothing at all with %s, and says that it is an exposure', async (_what, attack) => {
    await attack()
    await expect(read()).rejects.toMatchObject({ code: 'SEGMENT_CORRUPT' })
    const { rows: raised } = await sql.query(`select kind, detail, found_by from install.exposures`)
    expect(raised).toEqual([
      {
        kind: 'chunk-damaged',
        detail: { segment: rows[0]?.segment_id, batch: rows[0]?.batch_id },
        found_by: 'fairtrace_builder',
      },
    ])
  })

  it('reads a chunk that moved to another segment meanwhile', async () => {
    const [row] = rows
    const bytes = readFileSync(pathOf(row)).subarray(
      Number(row?.at_offset),
      Number(row?.at_offset) + Number(row?.length),
    )
    const id = randomBytes(16).toString('hex')
    const moved = packSegment(id, [bytes])
    await objects.put(segmentKey(id), moved.bytes)
    await sql.query('update vault.chunks set segment_id = $2, at_offset = $3 where batch_id = $1', [
      row?.batch_id,
      id,
      moved.places[0]?.offset,
    ])
    expect(await read()).toBe(4)
  })

  async function set(change: string): Promise<void> {
    await sql.query(`update vault.chunks set ${change} where batch_id = $1`, [rows[0]?.batch_id])
  }
  function edit(row: Record<string, unknown> | undefined, change: (bytes: Buffer) => void): void {
    const bytes = readFileSync(pathOf(row))
    change(bytes)
    writeFileSync(pathOf(row), bytes)
  }
  /** What was captured under terms that nobody agreed to use: sealed as such, and the row rewritten to the charter in scope. */
  async function reseal(): Promise<void> {
    const [row] = rows
    const facts = {
      ...FACTS,
      batchId: String(row?.batch_id),
      device: String(row?.device),
      pseudonym: 'ada',
      charterHash: 'an-older-one',
    }
    const chunk = sealChunk(
      chunkAad(facts),
      createSecretKey(key),
      deflateRawSync(JSON.stringify([{ kind: 'press', key: 'enter' }])),
    )
    edit(row, (bytes) => chunk.copy(bytes, Number(row?.at_offset)))
  }
})

const FACTS: ChunkFacts = {
  batchId: '',
  contentKeyId: 'the-key',
  pseudonym: '',
  device: '',
  sequence: 0,
  recording: 'the-recording',
  part: 0,
  last: true,
  task: null,
  outcome: null,
  charterHash: 'the-charter',
  consentVersion: 1,
  actions: 1,
}

function flip(bytes: Buffer, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 1
}
