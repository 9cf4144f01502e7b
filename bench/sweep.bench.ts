/** Sweeps: small tables by their metadata and rows, content of a folder, and 45,000 tables in one go. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SweepContext, Sweeper } from '@fairtrace/server/sentinel/sweep/sweep'
import { openDatabase } from '@fairtrace/server/store/database'
import { startTestGround, TEST_HONEY_KEY, type TestGround } from '@fairtrace/testing/harness'
import pg from 'pg'
import type { Benchmark, Runs } from './benchmark.ts'

const RUNS = 3
const TABLES = 5_000
const MANY_TABLES = 45_000
const ROWS = 5
const MIB = 1024 * 1024
const FILES = 24
const FILE_MIB = 32

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'sentinel.sweep',
    unit: 'tables/s',
    better: 'higher',
    target: 1_000,
    peerName: null,
    run: () => withGround((ground) => tablesPerSecond(ground, TABLES, RUNS)),
  },
  {
    name: 'sentinel.sweep.content',
    unit: 'MB/s',
    better: 'higher',
    target: 200,
    peerName: null,
    run: () => withGround(contentPerSecond),
  },
  {
    // Every table read, rows included, for the first time. Takes minutes to prepare.
    name: 'sentinel.sweep.45000-tables',
    unit: 's',
    better: 'lower',
    target: null,
    peerName: null,
    run: () =>
      withGround(async (ground) => {
        const { ours } = await tablesPerSecond(ground, MANY_TABLES, 1)
        return { ours: ours.map((perSecond) => MANY_TABLES / perSecond), peer: null }
      }),
  },
]

async function withGround(work: (ground: TestGround) => Promise<Runs>): Promise<Runs> {
  const ground = await startTestGround()
  try {
    return await work(ground)
  } finally {
    await ground.stop()
  }
}

async function tablesPerSecond(ground: TestGround, tables: number, runs: number): Promise<Runs> {
  await ground.sql.query('create database lake')
  await ground.sql.query(`create role lake_reader login password 'lake'`)
  const at = new URL(ground.database.superuserUrl)
  at.pathname = '/lake'
  const lake = new pg.Client({ connectionString: at.href })
  await lake.connect()
  // Many tables in one transaction would run out of room for locks.
  for (let from = 0; from < tables; from += 500) {
    const sql = Array.from({ length: Math.min(500, tables - from) }, (_, i) => {
      const name = `t_${from + i}`
      return `create table ${name} (order_id int, name text, total numeric, note text, made_at timestamptz);
        insert into ${name} select i, 'name ' || i, i, repeat('n', 80), now() from generate_series(1, ${ROWS}) i`
    })
    await lake.query(sql.join(';'))
  }
  await lake.query('grant select on all tables in schema public to lake_reader')
  const ours: number[] = []
  for (let run = 0; run < runs; run++) {
    await ground.sql.query('delete from scanner.swept')
    const startedAt = performance.now()
    const report = await sweep(ground, { name: 'lake', at: `postgresql://${at.host}/lake` })
    if (report.items !== tables) throw new RangeError(`${report.items} of ${tables} tables were swept`)
    ours.push(tables / ((performance.now() - startedAt) / 1_000))
  }
  await lake.end()
  return { ours, peer: null }
}

/** Half of it text with ids that are nobody's, half of it noise, as ciphertext and compressed files are. */
async function contentPerSecond(ground: TestGround): Promise<Runs> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-content-'))
  try {
    const line = () =>
      `2026-01-05T09:00:00Z info person=${randomBytes(16).toString('base64url')} did something ordinary\n`
    const text = Buffer.from(Array.from({ length: 40_000 }, line).join(''))
    for (let i = 0; i < FILES; i++) {
      const part = i % 2 === 0 ? text : randomBytes(4 * MIB)
      const file = Buffer.alloc(FILE_MIB * MIB)
      for (let at = 0; at < file.length; at += part.length) part.copy(file, at)
      writeFileSync(join(folder, String(i)), file)
    }
    const ours: number[] = []
    for (let run = 0; run < RUNS; run++) {
      await ground.sql.query('delete from scanner.swept')
      const startedAt = performance.now()
      const { bytes } = await sweep(ground, { name: 'content', at: `file://${folder}` })
      ours.push(bytes / 1e6 / ((performance.now() - startedAt) / 1_000))
    }
    return { ours, peer: null }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function sweep(ground: TestGround, place: { readonly name: string; readonly at: string }) {
  const database = openDatabase(ground.database.url('scanner'), 4)
  const context: SweepContext = {
    database,
    databaseUrl: ground.database.url('scanner'),
    objectsDir: ground.objectsDir,
    honeyKey: TEST_HONEY_KEY,
    settings: { dataDir: null, access: { lake: { user: 'lake_reader', password: 'lake' } } },
    surfaces: () => [],
    rate: { bytesPerSecond: 1e12, queriesPerSecond: 1e9 },
    signal: new AbortController().signal,
    report: async () => undefined,
  }
  try {
    const [report] = await new Sweeper(context).round([place], place.name)
    if (report === undefined || report.state !== 'complete') throw new RangeError('the sweep was not complete')
    return report
  } finally {
    await database.close()
  }
}
