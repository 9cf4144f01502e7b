/** Attacks on what is stored: every object and every row of the index, changed, swapped, moved, taken away or brought back. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { startVault } from '@fairtrace/server/vault/role'
import { segmentKey } from '@fairtrace/server/vault/segment'
import { aDevice, startTestGround, type TestGround, waitFor } from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillVault } from '../release-ground.ts'

const log = pino({ level: 'silent' })
const REAL = { nowMs: () => Date.now() }

describe('what is stored, attacked by who can write disk and database', () => {
  let ground: TestGround
  let ledger: RunningRole
  let vault: RunningRole
  const start = () => startVault({ ...ground.contextOf('vault'), log, clock: REAL, addresses: {} })

  beforeAll(async () => {
    ground = await startTestGround()
    ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock: REAL, addresses: {} })
    vault = await start()
    // Two segments at least: what is swapped needs another one.
    for (const people of [
      [aDevice(), aDevice()],
      [aDevice(), aDevice()],
    ])
      await fill(people)
    expect((await segments()).length).toBeGreaterThan(1)
  })
  afterAll(async () => {
    await vault.stop()
    await ledger.stop()
    await ground.stop()
  })

  let stored = 0
  async function fill(people: ReturnType<typeof aDevice>[]): Promise<void> {
    stored += people.length
    await fillVault(ground, people, 1, stored)
  }
  const sql = async (text: string, values: unknown[] = []) => (await ground.sql.query(text, values)).rows
  const segments = async (): Promise<{ id: string; bytes: number }[]> =>
    await sql('select id, bytes::int from vault.segments order by number')
  const pathOf = (id: string) => join(ground.objectsDir, segmentKey(id))
  const exposures = async (): Promise<{ kind: string; detail: Record<string, unknown> }[]> =>
    await sql(`select kind, detail from install.exposures where state in ('open', 'contained') order by kind`)
  const checked = async (): Promise<{ kind: string; what: string }[]> => {
    const id = `check-${Math.random()}`
    await sql('insert into vault.checks (id, bytes_per_second) values ($1, 1000000000)', [id])
    await sql('notify fairtrace_check_requests')
    return await waitFor(async () => {
      const [row] = await sql('select state, findings from vault.checks where id = $1', [id])
      return row.state === 'done' ? row.findings : null
    })
  }
  async function putBack(table: string, row: Record<string, unknown>): Promise<void> {
    const names = Object.keys(row)
    const places = names.map((_, i) => `$${i + 1}`)
    await sql(`insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`, Object.values(row))
  }
  async function replace(chunk: Record<string, unknown>): Promise<void> {
    await sql('delete from vault.chunks where batch_id = $1', [chunk.batch_id])
    await putBack('vault.chunks', chunk)
  }
  /** Everything as it was, so that the next attack stands alone. */
  async function restored(undo: () => Promise<unknown> | unknown): Promise<void> {
    await undo()
    await sql('delete from install.exposures')
    expect(await checked()).toEqual([])
    expect(await exposures()).toEqual([])
  }

  it('finds nothing where nothing was touched', async () => {
    expect(await checked()).toEqual([])
    expect(await exposures()).toEqual([])
  })

  it.each([
    ['a bit flipped in a chunk', (path: string) => flip(path, readFileSync(path).length - 1)],
    ['a bit flipped in its head', (path: string) => flip(path, 6)],
    ['its end cut off', (path: string) => truncateSync(path, readFileSync(path).length - 7)],
    [
      'bytes after its end',
      (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')])),
    ],
    ['nothing left in it', (path: string) => truncateSync(path, 0)],
    ['gone', (path: string) => rmSync(path)],
  ])('finds an object with %s', async (_what, attack) => {
    const [segment] = await segments()
    const path = pathOf(segment?.id ?? '')
    const before = readFileSync(path)
    attack(path)
    expect(await checked()).toEqual([{ kind: 'object-damaged', what: segment?.id }])
    expect(await exposures()).toMatchObject([{ kind: 'object-damaged', detail: { segment: segment?.id } }])
    await restored(() => writeFileSync(path, before))
  })

  it('finds two objects that changed places', async () => {
    const [one, two] = await segments()
    const [first, second] = [pathOf(one?.id ?? ''), pathOf(two?.id ?? '')]
    const [a, b] = [readFileSync(first), readFileSync(second)]
    writeFileSync(first, b)
    writeFileSync(second, a)
    expect((await checked()).map(({ what }) => what).sort()).toEqual([one?.id, two?.id].sort())
    await restored(() => {
      writeFileSync(first, a)
      writeFileSync(second, b)
    })
  })

  it('finds an object that nobody names', async () => {
    const [one] = await segments()
    const path = join(ground.objectsDir, 'segments', 'ff', `ff${'0'.repeat(30)}`)
    mkdirSync(dirname(path), { recursive: true })
    copyFileSync(pathOf(one?.id ?? ''), path)
    expect(await checked()).toEqual([{ kind: 'object-unnamed', what: `segments/ff/ff${'0'.repeat(30)}` }])
    await restored(() => rmSync(path))
  })

  it.each([
    ['points elsewhere in its segment', 'at_offset = at_offset + 1'],
    ['points outside', 'at_offset = 1000000000'],
    ['points before its segment', 'at_offset = -5'],
    ['has another length', 'length = length - 1'],
    ['is said to be of another person', `pseudonym = 'somebody-else'`],
    ['is said to be of another task', `task = 'another-task'`],
    ['is said to be under another charter', `charter_hash = 'another'`],
    ['is said to be under a newer consent', 'consent_version = consent_version + 1'],
    ['is said to be of another recording', `recording = 'another'`],
    ['names another content key', `content_key_id = 'another'`],
    ['is said to have come from another device', `device = 'another'`],
  ])('finds a row that %s', async (_what, change) => {
    const [chunk] = await sql('select * from vault.chunks order by batch_id limit 1')
    await sql(`update vault.chunks set ${change} where batch_id = $1`, [chunk.batch_id])
    expect((await checked()).every(({ kind, what }) => kind === 'index-changed' && what === chunk.segment_id)).toBe(
      true,
    )
    expect(await exposures()).toContainEqual({
      kind: 'index-changed',
      detail: { segment: chunk.segment_id, batch: null },
    })
    await restored(() => replace(chunk))
  })

  it('finds a row that was moved to another segment, and one that was made up', async () => {
    const [one, two] = await segments()
    const [chunk] = await sql('select * from vault.chunks where segment_id = $1 limit 1', [one?.id])
    await sql('update vault.chunks set segment_id = $1 where batch_id = $2', [two?.id, chunk.batch_id])
    expect(new Set((await checked()).map(({ what }) => what))).toEqual(new Set([one?.id, two?.id]))
    await restored(() => replace(chunk))
    await sql(
      `insert into vault.chunks select 'made-up', segment_id, at_offset, length, content_key_id, pseudonym, device, 999999, recording,
         part, last, task, outcome, charter_hash, consent_version, actions from vault.chunks where batch_id = $1`,
      [chunk.batch_id],
    )
    expect((await checked()).map(({ what }) => what)).toContain(one?.id)
    await restored(() => sql(`delete from vault.chunks where batch_id = 'made-up'`))
  })

  it('finds a row that was taken away', async () => {
    const [chunk] = await sql('select * from vault.chunks order by batch_id limit 1')
    await sql('delete from vault.chunks where batch_id = $1', [chunk.batch_id])
    expect(await checked()).toEqual([{ kind: 'index-changed', what: chunk.segment_id }])
    await restored(() => replace(chunk))
  })

  it.each([
    ['hash', `sha256 = 'AAAA'`],
    ['length', 'bytes = bytes - 1'],
    ['count of chunks', 'chunks = chunks + 1'],
    ['digest', `digest = decode(repeat('00', 32), 'hex')`],
    ['number', 'number = number + 1000000'],
  ])('finds a segment whose %s was rewritten', async (_what, change) => {
    const [segment] = await sql('select * from vault.segments order by number limit 1')
    await sql(`update vault.segments set ${change} where id = $1`, [segment.id])
    expect((await checked()).map(({ what }) => what)).toContain(segment.id)
    await restored(async () => {
      await sql('delete from vault.segments where id = $1', [segment.id])
      await putBack('vault.segments', segment)
    })
  })

  it('finds an index rolled back: a segment gone with its rows and its object', async () => {
    const [segment] = await sql('select * from vault.segments order by number limit 1')
    const chunks = await sql('select * from vault.chunks where segment_id = $1', [segment.id])
    const path = pathOf(segment.id)
    const before = readFileSync(path)
    await sql('delete from vault.chunks where segment_id = $1', [segment.id])
    await sql('delete from vault.segments where id = $1', [segment.id])
    rmSync(path)
    expect(await checked()).toMatchObject([{ kind: 'index-rolled-back' }])
    expect(await exposures()).toMatchObject([{ kind: 'index-rolled-back', detail: { expected: 2, found: 1 } }])
    await restored(async () => {
      writeFileSync(path, before)
      await putBack('vault.segments', segment)
      for (const chunk of chunks) await putBack('vault.chunks', chunk)
    })
  })

  it('finds the same while no vault runs, when the next one starts', async () => {
    await vault.stop()
    const [segment] = await sql('select * from vault.segments order by number desc limit 1')
    await sql('delete from vault.segments where id = $1', [segment.id])
    vault = await start()
    await waitFor(async () => ((await exposures()).some(({ kind }) => kind === 'index-rolled-back') ? true : null))
    // Its object is named by nobody now: it went as what a crash leaves behind, and is missed.
    expect((await exposures()).length).toBe(1)
  })
})

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
