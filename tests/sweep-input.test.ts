/** Input that is made to break a sweep, and a sweep that is killed: what was left out is counted and named, and the rest is searched. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { actionToken } from '@fairtrace/server/sentinel/honey/action-token'
import { buildMarkerTables, formsOfId } from '@fairtrace/server/sentinel/sweep/marker-index'
import { ScanPool } from '@fairtrace/server/sentinel/sweep/scan-pool'
import { aCharter, TEST_HONEY_KEY, waitFor } from '@fairtrace/testing/harness'
import { SIMULATED_APPS } from '@fairtrace/testing/simulator'
import { parquetMetadata } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SteeredActions } from '../apps/cli/src/honey/steered-actions.ts'
import { HONEY, type SweepGround, startSweepGround } from './sweep-ground.ts'

const CHILD = fileURLToPath(new URL('sweep.child.ts', import.meta.url))
const isRoot = process.getuid?.() === 0
const LIMITS = { bytesMax: 64_000_000, unpackedBytesMax: 2_000_000 }

describe('a file that is made to break the search', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-bad-'))
  const tables = buildMarkerTables([...formsOfId(HONEY.pseudonym)], [])
  const pool = new ScanPool(
    { ...{ tables, digests: [], sizes: [] }, windowKey: new Uint8Array(32), batchHeader: null },
    20_000,
  )
  afterAll(async () => {
    await pool.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const scan = async (name: string, bytes: Buffer) => {
    writeFileSync(join(folder, name), bytes)
    const { hits, skipped, bytes: read } = await pool.file(join(folder, name), LIMITS)
    return { markers: hits?.markers.length ?? 0, skipped, read }
  }

  it('unpacks no further than the limit, finds what came before it, and names it', async () => {
    const long = Buffer.concat([Buffer.from(`${HONEY.pseudonym} `), Buffer.alloc(300_000_000)])
    for (const [name, packed] of [
      ['bomb.gz', gzipSync(long, { level: 1 })],
      ['bomb.zst', zstdCompressSync(long)],
    ] as const) {
      const { skipped, read, markers } = await scan(name, packed)
      expect([skipped, markers > 0]).toEqual(['unpacks-to-too-much', true])
      expect(read).toBeLessThan(packed.length + LIMITS.unpackedBytesMax + 1_000_000)
    }
  })

  it('searches a line of JSON of any length, and one that only opens', async () => {
    const line = `{"a":"${'x'.repeat(30_000_000)}${HONEY.pseudonym}","kind":${'{"kind":'.repeat(500_000)}`
    expect(await scan('line.json', Buffer.from(line))).toMatchObject({ markers: 1, skipped: null })
  })

  it('does not believe what a Parquet file says of its pages', async () => {
    const whole = await parquetBytes(folder, `select string_agg(sha256(r::text), '') as t from range(40000) s(r)`)
    expect((await scan('whole.parquet', whole)).skipped).toBeNull()
    const { row_groups } = parquetMetadata(
      whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length) as ArrayBuffer,
    )
    const column = row_groups[0]?.columns[0]?.meta_data
    const at = Number(column?.dictionary_page_offset ?? column?.data_page_offset)
    // A page's header: field 1 its type, field 2 how large it unpacks, as varints.
    expect([whole[at], whole[at + 2]]).toEqual([0x15, 0x15])
    const lying = Buffer.from(whole)
    let end = at + 3
    while ((lying[end] ?? 0) & 0x80) end++
    for (let i = at + 3; i < end; i++) lying[i] = 0xff
    lying[end] = 0x7f
    expect((await scan('page.parquet', lying)).skipped).toBe('undecodable')
  })

  it('does not believe what a Parquet file says of itself anywhere', async () => {
    const whole = await parquetBytes(folder, `select i, 'text ' || (i % 50) as t from range(3000) s(i)`)
    const footer = whole.readUInt32LE(whole.length - 8)
    const counts = new Map<string | null, number>()
    for (let i = 0; i < 60; i++) {
      const broken = Buffer.from(whole)
      // Every place of the footer and of the first page's header in turn, a byte or several, to the most it can say.
      const start = i % 2 === 0 ? 4 + (i % 40) : whole.length - 8 - footer + Math.floor((footer * i) / 60)
      for (let n = 0; n < 1 + (i % 5); n++) broken[start + n] = n === i % 5 ? 0x7f : 0xff
      const { skipped } = await scan('broken.parquet', broken)
      counts.set(skipped, (counts.get(skipped) ?? 0) + 1)
    }
    expect([...counts.keys()].every((why) => [null, 'undecodable', 'unpacks-to-too-much'].includes(why))).toBe(true)
    expect(counts.get('undecodable')).toBeGreaterThan(10)
    expect((await scan('after.txt', Buffer.from(HONEY.pseudonym))).markers).toBe(1)
  }, 60_000)

  it.skipIf(!isRoot)(
    'is named where this process has no right to it, as are a pipe, a link in a circle and a folder',
    () => {
      const closed = mkdtempSync(join(tmpdir(), 'fairtrace-closed-'))
      try {
        chmodSync(closed, 0o755)
        mkdirSync(join(closed, 'shut'))
        writeFileSync(join(closed, 'shut/in.txt'), 'x')
        chmodSync(join(closed, 'shut'), 0o700)
        writeFileSync(join(closed, 'own.txt'), 'x', { mode: 0o600 })
        writeFileSync(join(closed, 'all.txt'), 'x')
        symlinkSync(closed, join(closed, 'loop'))
        spawnSync('mkfifo', [join(closed, 'pipe')])
        // Root reads everything: another user doesn't.
        const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', CHILD, 'folder', closed], {
          ...{ uid: 65_534, gid: 65_534, encoding: 'utf8' },
        })
        expect([stderr, JSON.parse(stdout || '[]').toSorted()]).toEqual([
          '',
          [
            ['all.txt', null],
            ['loop', 'link'],
            ['own.txt', 'unreadable'],
            ['pipe', 'not-a-file'],
            ['shut', 'unreadable'],
          ],
        ])
      } finally {
        rmSync(closed, { recursive: true, force: true })
      }
    },
  )
})

describe('a sweep', () => {
  let swept: SweepGround
  beforeAll(async () => {
    swept = await startSweepGround()
  })
  afterAll(() => swept.stop())

  it('that was killed goes on where it was, and reads nothing again', async () => {
    const folder = swept.folder('many')
    for (let i = 0; i < 640; i++) writeFileSync(join(folder, `${i}.txt`), Buffer.alloc(50_000, `${i} `))
    const place = { name: 'many', at: `file://${folder}` }
    const { ground } = swept
    const asked = {
      databaseUrl: ground.database.url('scanner'),
      objectsDir: ground.objectsDir,
      honeyKey: TEST_HONEY_KEY,
      place,
    }
    const sweeping = spawn(process.execPath, ['--no-warnings', CHILD, 'sweep', JSON.stringify(asked)], {
      stdio: ['ignore', 'ignore', openSync('/dev/null', 'w')],
    })
    const done = async () => {
      const { rows } = await ground.sql.query<{ count: number }>(
        `select count(*)::int as count from scanner.swept where place = 'many'`,
      )
      return rows[0]?.count ?? 0
    }
    await waitFor(async () => (await done()) > 0)
    const ended = new Promise((resolve) => sweeping.on('close', resolve))
    sweeping.kill('SIGKILL')
    await ended
    const before = await done()
    expect(before).toBeLessThan(640)
    const report = (await swept.sweep([place], 'many')).report('many')
    expect(report).toMatchObject({ number: 1, state: 'complete', items: 640 })
    // The database may have finished what the process asked for last.
    expect(report.unchanged).toBeGreaterThanOrEqual(before)
    expect(report.bytes).toBe((640 - report.unchanged) * 50_000)
  })

  it('looks again at a file that did not change when ciphertext becomes known that it is a copy of', async () => {
    const { segmentKey } = await import('@fairtrace/server/vault/segment')
    const { createHash, randomBytes } = await import('node:crypto')
    const { sql, objectsDir } = swept.ground
    const folder = swept.folder('early')
    const segment = randomBytes(123_457)
    writeFileSync(join(folder, 'early.bin'), segment)
    writeFileSync(join(folder, 'other.bin'), randomBytes(123_456))
    const places = [{ name: 'early', at: `file://${folder}` }]
    expect((await swept.sweep(places, 'early')).found.get('early')).toEqual([])
    const id = 'cd'.repeat(16)
    mkdirSync(join(objectsDir, segmentKey(id), '..'), { recursive: true })
    writeFileSync(join(objectsDir, segmentKey(id)), segment)
    await sql.query(
      `insert into vault.segments (id, number, bytes, sha256, chunks, live_bytes, digest, mac)
       values ($1, 7, $2, $3, 0, 0, '', '')`,
      [id, segment.length, createHash('sha256').update(segment).digest('hex')],
    )
    const { found, report } = await swept.sweep(places, 'early')
    expect(found.get('early')).toMatchObject([{ kind: 'copy-found', subject: 'place early: early.bin' }])
    expect(report('early')).toMatchObject({ items: 2, unchanged: 1 })
  })

  it('recognises what honey participants did in a folder like that of a release: AgentNet, Parquet, CSV', async () => {
    const { capture } = aCharter()
    const steered = new SteeredActions(TEST_HONEY_KEY, 5, aCharter({ capture: { ...capture, apps: SIMULATED_APPS } }))
    const actions = [steered.begin(), ...Array.from({ length: 119 }, () => steered.next())]
    const rows = actions
      .filter(({ kind }) => kind !== 'switch')
      .map((action) => ({
        ...{
          kind: action.kind,
          button: null,
          count: null,
          direction: null,
          key: null,
          keys: null,
          text_kind: null,
          length: null,
        },
        ...Object.fromEntries(
          Object.entries(action).map(([name, value]) => [
            name === 'text' ? 'text_kind' : name,
            Array.isArray(value) ? value.join('+') : typeof value === 'object' ? null : value,
          ]),
        ),
      }))
    const folder = swept.folder('release')
    const jsonl = join(swept.folder('rows'), 'rows.jsonl')
    writeFileSync(jsonl, rows.map((row) => JSON.stringify(row)).join('\n'))
    const columns = 'kind, button, count, direction, key, keys, text_kind, length'
    const from = `select ${columns} from read_json('${jsonl}', maximum_depth = 1)`
    writeFileSync(join(folder, 'train.parquet'), await parquetBytes(folder, from))
    await duck(`copy (${from}) to '${join(folder, 'train.csv')}' (header)`)
    const code = rows.map((row) => ({ value: { code: pyautogui(row) } }))
    writeFileSync(join(folder, 'agentnet.jsonl'), JSON.stringify({ task_id: 'x', traj: code }))
    expect(rows.flatMap((row) => actionToken(row) ?? [])).toHaveLength(rows.length)
    const { found } = await swept.sweep([{ name: 'release', at: `file://${folder}` }], 'release')
    const subjects = (found.get('release') ?? []).map(({ kind, subject }) => `${kind} ${subject}`)
    expect(subjects.toSorted()).toEqual(
      ['agentnet.jsonl', 'train.csv', 'train.parquet'].map((name) => `marker-seen place release: ${name}`),
    )
  })
})

/** As packages/release writes it. */
function pyautogui(row: Readonly<Record<string, unknown>>): string {
  const at = 'x=0.5, y=0.25'
  const key = (name: unknown) => String(name).replace('escape', 'esc').replace('meta', 'win')
  switch (row.kind) {
    case 'click':
      if (row.button !== 'left') return `pyautogui.${row.button}Click(${at})`
      return `pyautogui.${['click', 'doubleClick', 'tripleClick'][Number(row.count) - 1]}(${at})`
    case 'hover':
      return `pyautogui.moveTo(${at})`
    case 'drag':
      return `pyautogui.moveTo(${at})\npyautogui.dragTo(${at}, button='${row.button}')`
    case 'scroll': {
      const sign = row.direction === 'down' || row.direction === 'left' ? '-' : ''
      const call = row.direction === 'up' || row.direction === 'down' ? 'scroll' : 'hscroll'
      return `pyautogui.moveTo(${at})\npyautogui.${call}(${sign}4)`
    }
    case 'press':
      return `pyautogui.press('${key(row.key)}')`
    case 'hotkey':
      return `pyautogui.hotkey(${String(row.keys)
        .split('+')
        .map((name) => `'${key(name)}'`)
        .join(', ')})`
    default:
      return `pyautogui.write('<${row.text_kind}:${row.length}>')`
  }
}

async function parquetBytes(folder: string, select: string): Promise<Buffer> {
  const path = join(folder, '..', `${process.pid}.parquet`)
  await duck(`copy (${select}) to '${path}' (format parquet, compression snappy)`)
  const bytes = readFileSync(path)
  rmSync(path)
  return bytes
}

async function duck(sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(sql)
  connection.closeSync()
  instance.closeSync()
}
