/** The ledger on a real PostgreSQL: many writers at once, kill -9 at any moment, and a database that was tampered with. */
import { setTimeout as sleep } from 'node:timers/promises'
import { charterHash, ledgerOrigin } from '@fairtrace/core'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { ledgerProof } from '@fairtrace/server/ledger/proof'
import { readLedgerFile } from '@fairtrace/server/ledger/tiles'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import {
  aCharter,
  CHARTER_YAML,
  ledgerContext,
  startRoleProcess,
  startTestDatabase,
  startTestLedger,
  TEST_PUBLIC_KEYS,
  type TestDatabase,
} from '@fairtrace/testing/harness'
import { trustLog, verifyCommitted, verifyLedger } from '@fairtrace/verify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const CHARTER = aCharter()
const ORIGIN = ledgerOrigin(CHARTER.programme)
const TRUST = trustLog(TEST_PUBLIC_KEYS.ledger, ORIGIN)

let server: TestDatabase
let superuser: OpenDatabase
/** Callers of every role that may append. */
let callers: OpenDatabase[]
/** What a test started, stopped even if it failed. */
const started: { stop(): Promise<void> }[] = []

async function startHere() {
  const running = await startTestLedger(server.url('ledger'))
  started.push(running)
  return running
}

async function startApart() {
  const running = await startRoleProcess(ledgerContext(server.url('ledger')))
  started.push(running)
  return running
}

const caller = (): OpenDatabase => callers[0] ?? superuser
const append = (detail: unknown, database = caller()) =>
  appendToLedger(database, 'test.entry', detail, { waitForCheckpoint: true })

function verify(seen: readonly string[] = []) {
  const read = (path: string) => readLedgerFile(caller(), path)
  return verifyLedger(read, { trust: TRUST, seen })
}

beforeAll(async () => {
  server = await startTestDatabase()
  superuser = openDatabase(server.superuserUrl, 2)
  callers = (['portal', 'vault', 'builder'] as const).map((role) => openDatabase(server.url(role), 4))
})
afterAll(async () => {
  for (const database of [superuser, ...callers]) await database.close()
  await server.stop()
})
beforeEach(async () => {
  await superuser.pool.query(
    'truncate ledger.inbox, ledger.entries, ledger.tiles, ledger.checkpoints, install.programme restart identity',
  )
  await superuser.db
    .insertInto('install.programme')
    .values({
      id: CHARTER.programme,
      state: 'running',
      epoch: 0,
      charter_hash: charterHash(CHARTER),
      charter_yaml: CHARTER_YAML,
    })
    .execute()
})
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop()
})

describe('appendToLedger', () => {
  it('gives up without a ledger, so that nothing happens that was not logged', async () => {
    await expect(append({ a: 1 })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
  }, 30_000)

  it('waits for a checkpoint that covers the entry, and the proof opens the commitment', async () => {
    await startHere()
    const detail = { grant: 'g1', person: 'p1' }
    const { index, salt } = await append(detail)
    const proof = await ledgerProof(caller(), index, salt)
    expect(verifyCommitted('test.entry', detail, proof, TRUST)).toMatchObject({ index })
    expect(JSON.stringify(await superuser.db.selectFrom('ledger.entries').selectAll().execute())).not.toContain('p1')
  })

  it('gives every caller its own place, in order, none twice', async () => {
    await startHere()
    const first = await append({ first: true })
    const rest = await Promise.all(Array.from({ length: 200 }, (_, i) => append({ i }, callers[i % callers.length])))
    expect(rest.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(rest.map((_, i) => first.index + 1 + i))
    expect((await verify()).size).toBe(201)
  })
})

describe('the ledger', () => {
  it('waits for a programme, and then signs the empty log', async () => {
    await superuser.db.deleteFrom('install.programme').execute()
    await startHere()
    await sleep(200)
    expect(await readLedgerFile(caller(), '/checkpoint')).toBeNull()
    await superuser.db
      .insertInto('install.programme')
      .values({
        id: CHARTER.programme,
        state: 'draft',
        epoch: 0,
        charter_hash: charterHash(CHARTER),
        charter_yaml: CHARTER_YAML,
      })
      .execute()
    await superuser.pool.query(`select pg_notify('fairtrace_programme', '')`)
    await expect.poll(() => readLedgerFile(caller(), '/checkpoint')).not.toBeNull()
    expect(await verify()).toMatchObject({ size: 0, origin: ORIGIN })
  })

  it('drops what is no entry, and goes on', async () => {
    await startHere()
    const rows = [
      '',
      'x',
      '{"type":"grant.opened","person":"Kim"}',
      ' {"type":"a.b","commitment":""}',
      'x'.repeat(100_000),
    ]
    for (const entry of rows) await caller().pool.query('insert into ledger.inbox (entry) values ($1)', [entry])
    expect((await append({ a: 1 })).index).toBe(0)
    expect((await verify()).size).toBe(1)
  })

  it('loses nothing and doubles nothing when it is killed again and again under 5,000 entries', async () => {
    const wave = 1_000
    const appends: Promise<{ index: number }>[] = []
    const seen: string[] = []
    // Twenty at a time, so that at every kill entries are on their way, in the inbox and still to come.
    const send = async () => {
      for (let i = 0; i < wave; i++) {
        appends.push(append({ i: appends.length }, callers[i % callers.length]))
        if (i % 20 === 19) await sleep(4)
      }
    }
    let ledger = await startApart()
    for (let kills = 0; kills < 4; kills++) {
      const sending = send()
      await sleep(20 + 40 * kills)
      expect(appends.length).toBeLessThan((kills + 1) * wave)
      await ledger.kill()
      ledger = await startApart()
      await sending
      const checkpoint = await readLedgerFile(caller(), '/checkpoint')
      if (checkpoint !== null) seen.push(checkpoint.toString())
    }
    await send()
    const answers = await Promise.all(appends)
    const total = 5 * wave
    expect(new Set(answers.map(({ index }) => index)).size).toBe(total)
    expect(Math.max(...answers.map(({ index }) => index))).toBe(total - 1)
    expect((await verify(seen)).size).toBe(total)
    const { rows } = await superuser.pool.query('select 1 from ledger.inbox')
    expect(rows).toHaveLength(0)
  })

  it('starts over when its connection is cut, and refuses if the log was changed meanwhile', async () => {
    const cut = () =>
      superuser.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'fairtrace_ledger'`)
    await startHere()
    await append({ before: true })
    await cut()
    expect((await append({ after: true })).index).toBe(1)
    await superuser.pool.query(`update ledger.entries set entry = entry || ' ' where idx = 1`)
    await cut()
    await caller().pool.query('insert into ledger.inbox (entry) select entry from ledger.entries where idx = 0')
    await sleep(2_000)
    const { rows } = await superuser.pool.query('select max(size) as size from ledger.checkpoints')
    expect(rows).toEqual([{ size: 2 }])
  })

  it('writes alone: a second ledger waits until the first is gone', async () => {
    const first = await startHere()
    const second = startHere()
    await sleep(300)
    expect((await append({ by: 'first' })).index).toBe(0)
    await first.stop()
    await second
    expect((await append({ by: 'second' })).index).toBe(1)
    expect((await verify()).size).toBe(2)
  })

  it.each([
    ['an entry of the last bundle was changed', `update ledger.entries set entry = entry || ' ' where idx = 299`],
    ['an entry was added behind its back', `insert into ledger.entries values (300, 10000, 'x')`],
    ['the last entry is gone', 'delete from ledger.entries where idx = 299'],
    [
      'a tile of the edge was changed',
      `update ledger.tiles set data = set_byte(data, 5, get_byte(data, 5) # 1) where width < 256 and level = 0`,
    ],
    [
      'a full tile was changed',
      `update ledger.tiles set data = set_byte(data, 5, get_byte(data, 5) # 1) where width = 256`,
    ],
    ['a tile is gone', 'delete from ledger.tiles where level = 1'],
    ['a tile was added', `insert into ledger.tiles values (0, 7, 1, decode(repeat('00', 32), 'hex'))`],
    [
      'the newest checkpoint is gone',
      'delete from ledger.checkpoints where size = (select max(size) from ledger.checkpoints)',
    ],
    [
      'a checkpoint was forged',
      `insert into ledger.checkpoints select 301, replace(note, E'\\n300\\n', E'\\n301\\n') from ledger.checkpoints where size = 300`,
    ],
    ['a checkpoint of another size was put in its place', 'update ledger.checkpoints set size = 301 where size = 300'],
  ])('refuses to extend a log where %s', async (_what, tampering) => {
    const running = await startHere()
    await append('first')
    await Promise.all(Array.from({ length: 299 }, (_, i) => append({ i })))
    await running.stop()
    const { rowCount } = await superuser.pool.query(tampering)
    expect(rowCount).toBeGreaterThan(0)
    await expect(startHere()).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
  })

  it('serves every width of a tile that a checkpoint ever named, and nothing else', async () => {
    await startHere()
    await Promise.all(Array.from({ length: 300 }, (_, i) => append({ i })))
    const whole = await readLedgerFile(caller(), '/tile/0/000')
    expect(whole?.length).toBe(256 * 32)
    expect(await readLedgerFile(caller(), '/tile/0/000.p/3')).toEqual(whole?.subarray(0, 96))
    expect((await readLedgerFile(caller(), '/tile/0/001.p/44'))?.length).toBe(44 * 32)
    for (const path of [
      '/tile/0/001.p/45',
      '/tile/0/001',
      '/tile/entries/001',
      '/tile/2/000.p/1',
      '/tile/0/1',
      '/../checkpoint',
    ]) {
      expect(await readLedgerFile(caller(), path)).toBeNull()
    }
  })
})
