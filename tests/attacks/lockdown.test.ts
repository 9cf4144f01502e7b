/** Attacks on a lockdown: what hangs, what is held, what is forged, taken away or written back by a superuser. */
import { startIntake } from '@fairtrace/server/intake/role'
import { MisfitWatch } from '@fairtrace/server/lockdown/fit'
import { lockdownReport } from '@fairtrace/server/lockdown/report'
import { startRoom } from '@fairtrace/server/room/role'
import { reportFindings } from '@fairtrace/server/runtime/findings'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { lockProgramme } from '@fairtrace/server/runtime/lockdown'
import { signLockdownEnd } from '@fairtrace/server/runtime/lockdown-end'
import { acknowledgementsOf, livePoints, signBeat } from '@fairtrace/server/runtime/points'
import { type ProgrammeWatch, readProgramme, watchProgramme } from '@fairtrace/server/runtime/programme'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { type WatcherWatch, watchWatchers } from '@fairtrace/server/runtime/watchers'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import {
  aBatch,
  aDevice,
  aGrant,
  aPermit,
  approved,
  startTestGround,
  TEST_SEEDS,
  type TestGround,
  waitFor,
} from '@fairtrace/testing/harness'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const log = pino({ level: 'silent' })
const clock = { nowMs: () => Date.now() }

describe('a lockdown', () => {
  let ground: TestGround
  let database: OpenDatabase
  let programme: ProgrammeWatch
  let watchers: WatcherWatch
  let intake: RunningRole
  const running: RunningRole[] = []

  beforeAll(async () => {
    ground = await startTestGround()
    database = openDatabase(ground.database.url('portal'), 4)
    programme = await watchProgramme(database)
    watchers = await watchWatchers(database, programme, log, 'portal')
    intake = await startIntake({ ...ground.contextOf('intake'), log, clock, addresses: {} })
    running.push(intake, await startRoom({ ...ground.contextOf('room'), log, clock, addresses: {} }))
  })
  afterEach(async () => {
    if ((await readProgramme(database, null))?.state === 'locked') await reopen()
  })
  afterAll(async () => {
    for (const role of running) await role.stop()
    await watchers?.stop()
    await programme?.stop()
    await database?.close()
    await ground?.stop()
  })

  const lock = (seenEpoch = 0) => lockProgramme(database, 'A test.', { seenEpoch })
  const current = async () => {
    const now = await readProgramme(database, null)
    if (now === null) throw new RangeError('no programme')
    return now
  }
  async function reopen(): Promise<void> {
    await database.pool.query('select install.settle_lock()')
    const { id, epoch, lockdown } = await current()
    const upTo = lockdown?.number ?? 0
    const end = { programme: id, upTo, epoch: epoch + 1, state: 'running', ground: 'test', atMs: Date.now() } as const
    const word = signLockdownEnd(end, signerFromSeed(TEST_SEEDS.issuer))
    await database.pool.query('select install.end_lock($1, $2, $3, $4)', [upTo, epoch, 'running', JSON.stringify(word)])
    await waitFor(async () => {
      await programme.refresh()
      return programme.current()?.state === 'running' ? true : null
    })
  }
  async function asSuperuser<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: ground.database.superuserUrl })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  it('waits for no transaction that holds the programme’s row, and is brought home when it lets go', async () => {
    await asSuperuser(async (holder) => {
      await holder.query('begin')
      await holder.query('select * from install.programme for update')
      const startedAt = performance.now()
      const { epoch } = await lock()
      expect(performance.now() - startedAt).toBeLessThan(2_000)
      // The row says that it runs; every process knows better.
      const { rows } = await ground.sql.query('select state from install.programme')
      expect(rows).toEqual([{ state: 'running' }])
      expect(await current()).toMatchObject({ state: 'locked', epoch })
      await waitFor(async () => ((await acknowledgementsOf(database, epoch ?? 0)).length >= 2 ? true : null), 6_000)
      await holder.query('rollback')
    })
    await waitFor(async () => {
      const { rows } = await ground.sql.query('select state from install.programme')
      return rows[0]?.state === 'locked' ? true : null
    }, 6_000)
  })

  it('is not undone by writing the state back, nor by an end that the issuer did not sign', async () => {
    const { epoch } = await lock()
    await ground.sql.query(`update install.programme set state = 'running'`)
    expect((await current()).state).toBe('locked')
    const { id, lockdown } = await current()
    const end = {
      programme: id,
      upTo: lockdown?.number ?? 0,
      epoch: (epoch ?? 0) + 1,
      state: 'running',
      ground: 'x',
      atMs: 1,
    } as const
    const forged = signLockdownEnd(end, signerFromSeed(TEST_SEEDS.vault))
    await ground.sql.query('update install.lockdowns set ended = $1, ended_at_ms = 1 where number = $2', [
      JSON.stringify(forged),
      lockdown?.number,
    ])
    expect((await current()).state).toBe('locked')
    await ground.sql.query(`update install.lockdowns set ended = null, ended_at_ms = null where number = $1`, [
      lockdown?.number,
    ])
  })

  it('is not undone, for any process that saw it, by taking its row away and lowering the epoch', async () => {
    const { epoch } = await lock()
    await programme.refresh()
    const { rows } = await ground.sql.query('select * from install.lockdowns order by number desc limit 1')
    await ground.sql.query('delete from install.lockdowns where number = $1', [rows[0].number])
    await ground.sql.query(`update install.programme set state = 'running', epoch = 0`)
    await programme.refresh()
    expect(programme.current()?.state).toBe('locked')
    expect(programme.current()?.epoch).toBeGreaterThanOrEqual(epoch ?? 0)
    const { number, at_ms, by, reason, state_before, epoch_before } = rows[0]
    await ground.sql.query(
      `insert into install.lockdowns (number, epoch, at_ms, by, reason, state_before, epoch_before, points)
       overriding system value values ($1, $2, $3, $4, $5, $6, $7, '[]')`,
      [number, epoch, at_ms, by, reason, state_before, epoch_before],
    )
  })

  it('does not count an acknowledgement that the key of its role did not sign, nor one of another epoch', async () => {
    const { epoch } = await lock()
    await waitFor(async () => ((await acknowledgementsOf(database, epoch ?? 0)).length >= 2 ? true : null))
    const { rows } = await ground.sql.query('select * from install.acknowledgements where role = $1', ['room'])
    const insert =
      'insert into install.acknowledgements (epoch, point, role, body, signature) values ($1, $2, $3, $4, $5)'
    await ground.sql.query(insert, [epoch, 'vault-forged', 'vault', rows[0].body, rows[0].signature])
    await ground.sql.query(insert, [(epoch ?? 0) + 7, rows[0].point, 'room', rows[0].body, rows[0].signature])
    const roles = (await acknowledgementsOf(database, epoch ?? 0)).map(({ role }) => role)
    expect(roles.toSorted()).toEqual(['intake', 'room'])
    expect(await acknowledgementsOf(database, (epoch ?? 0) + 7)).toEqual([])
    await ground.sql.query(`delete from install.acknowledgements where point = 'vault-forged' or epoch = $1`, [
      (epoch ?? 0) + 7,
    ])
  })

  it('names a point that showed life and did not stop', async () => {
    const beat = {
      point: 'vault-hung',
      role: 'vault',
      programme: ground.charter.programme,
      build: 'b',
      epoch: 0,
      state: 'running',
      beatMs: Date.now(),
      detail: {},
    }
    const { body, signature } = signBeat(beat, signerFromSeed(TEST_SEEDS.vault))
    await ground.sql.query(
      `insert into install.points (point, role, build, started_at_ms, body, signature) values ('vault-hung', 'vault', 'b', 0, $1, $2)`,
      [body, signature],
    )
    const { epoch } = await lock()
    await waitFor(async () => ((await acknowledgementsOf(database, epoch ?? 0)).length >= 2 ? true : null))
    const report = await lockdownReport(database, epoch ?? 0)
    expect(report?.missing.map(({ point }) => point)).toContain('vault-hung')
    expect(report?.overByMs).toBe((report?.atMs ?? 0) + 70_000)
    await ground.sql.query(`delete from install.points where point = 'vault-hung'`)
  })

  it('is what two who lock at once agree on', async () => {
    const [a, b] = await Promise.all([lock(), lock()])
    expect(a.epoch).toBe(b.epoch)
    expect(await current()).toMatchObject({ state: 'locked', epoch: a.epoch })
  })

  it('stands if somebody locks while the gate lets it run again', async () => {
    await lock()
    const { id, epoch, lockdown } = await current()
    const upTo = lockdown?.number ?? 0
    const end = { programme: id, upTo, epoch: epoch + 1, state: 'running', ground: 'test', atMs: Date.now() } as const
    const word = JSON.stringify(signLockdownEnd(end, signerFromSeed(TEST_SEEDS.issuer)))
    const opening = 'select install.end_lock($1, $2, $3, $4)'
    await asSuperuser(async (gate) => {
      await gate.query('begin')
      await gate.query(opening, [upTo, epoch, 'running', word])
      // Not seen by the gate, which has judged already, and not waiting for it.
      await lock()
      await gate.query('commit')
    })
    const after = await current()
    expect(after.state).toBe('locked')
    await database.pool.query('select install.settle_lock()')
    // Above what could have run for a moment.
    expect((await current()).epoch).toBeGreaterThan(epoch + 1)
    await expect(database.pool.query(opening, [upTo, epoch, 'running', word])).rejects.toMatchObject({ code: 'FT001' })
  })

  it('keeps what was on its way, sealed, and lets it in when the gate has opened', async () => {
    const { epoch: before } = await current()
    const key = 'a'.repeat(16)
    await ground.sql.query(
      `insert into vault.day_keys (key_id, public_key, opens_at_ms, closes_at_ms, signature) values ($1, $2, 0, 9999999999999, 'x')`,
      [key, Buffer.alloc(32, 9)],
    )
    const settings = { charter: ground.charter, device: aDevice(), sequence: 0, atMs: Date.now(), epoch: before }
    const sealed = aBatch({ ...settings, vaultKey: { keyId: key, publicKey: Buffer.alloc(32, 9) } })
    const send = async (permitEpoch: number) => {
      const answer = await fetch(`${intake.address}/batches`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${aPermit(sealed.id, Date.now(), { epoch: permitEpoch })}`,
          'content-type': 'application/octet-stream',
        },
        body: new Uint8Array(sealed.bytes),
      })
      return answer.status
    }
    const { epoch } = await lock()
    await waitFor(async () => ((await acknowledgementsOf(database, epoch ?? 0)).length >= 2 ? true : null))
    // Nobody gets a permit of this epoch; one that came from nowhere is of no use.
    expect(await send(epoch ?? 0)).not.toBe(200)
    expect(await send(before)).toBe(200)
    const count = async (table: string) =>
      Number((await ground.sql.query(`select count(*) as n from ${table}`)).rows[0].n)
    expect([await count('inbox.held'), await count('inbox.batches')]).toEqual([1, 0])
    await reopen()
    await waitFor(async () => ((await count('inbox.batches')) === 1 ? true : null))
    expect(await count('inbox.held')).toBe(0)
  })

  it('does not take an old sign of life under a new row for a watcher that lives, and closes its doors in time', async () => {
    expect(watchers.alive()).toEqual({ sentinel: true, scanner: true })
    const { rows } = await ground.sql.query(`select * from install.points where role = 'sentinel'`)
    ground.watchers.silence('sentinel')
    await ground.sql.query(`delete from install.points where role = 'sentinel'`)
    await ground.sql.query(
      `insert into install.points (point, role, build, started_at_ms, body, signature)
       values ('sentinel-again', 'sentinel', 'b', 0, $1, $2)`,
      [rows[0].body, rows[0].signature],
    )
    const forged = signBeat(
      { ...JSON.parse(rows[0].body), point: 'sentinel-forged', beatMs: Date.now() },
      signerFromSeed(TEST_SEEDS.vault),
    )
    await ground.sql.query(
      `insert into install.points (point, role, build, started_at_ms, body, signature)
       values ('sentinel-forged', 'sentinel', 'b', 0, $1, $2)`,
      [forged.body, forged.signature],
    )
    await watchers.look()
    expect(watchers.alive()).toEqual({ sentinel: false, scanner: true })
    expect(() => watchers.require()).toThrowError(expect.objectContaining({ code: 'WATCH_SILENT' }))
    await ground.sql.query(`delete from install.points where role = 'sentinel'`)
    await ground.watchers.revive('sentinel')
    await watchers.look()
    expect(() => watchers.require()).not.toThrow()
  })

  it('follows a row that says keys were opened, where the keeper never made a grant active', async () => {
    const asVault = openDatabase(ground.database.url('vault'), 1)
    const grant = aGrant(ground.charter, { recipientKey: 'k'.repeat(43) })
    await ground.sql.query(`insert into vault.openings (id, request, state) values ('forged', $1, 'opened')`, [
      JSON.stringify(approved(grant)),
    ])
    await new MisfitWatch().look(asVault, await current(), Date.now())
    const { rows } = await ground.sql.query('select kind, subject from install.exposures')
    expect(rows).toEqual([{ kind: 'opening-without-grant', subject: 'opening forged' }])
    expect((await current()).state).toBe('locked')
    await ground.sql.query('delete from vault.openings')
    await asVault.close()
  })

  it('takes nothing real for a rehearsal that is over', async () => {
    await ground.sql.query('delete from install.exposures')
    const [kind, subject] = ['reader-unexpected', 'table of a rehearsal'] as const
    await ground.sql.query(
      `insert into assurance.drills (id, drill, safeguard, started_by, expected, state_before, epoch_before, ledger_index, salt,
         registered_at_ms, planted_at_ms, ends_at_ms)
       values ('rehearsed', 'a', 'a', 'a', $1, 'running', 0, 0, '', 1, 1, $2)`,
      [JSON.stringify([{ kind, subject }]), Date.now() + 60_000],
    )
    const look = (isThere: boolean) =>
      reportFindings(database, {
        ...{ finder: 'a-test', scope: '', complete: true },
        findings: isThere ? [{ kind, subject, detail: {} }] : [],
      })
    await look(true)
    for (let i = 0; i < 2; i++) await look(false)
    await ground.sql.query(`update assurance.drills set state = 'passed'`)
    await reopen()
    await look(true)
    const { rows } = await ground.sql.query('select state, drill, reopened from install.exposures order by found_at_ms')
    expect(rows).toEqual([
      { state: 'closed', drill: 'rehearsed', reopened: 0 },
      { state: expect.stringMatching(/^(open|contained)$/), drill: null, reopened: 0 },
    ])
    const { rows: locks } = await ground.sql.query('select drill from install.lockdowns order by number desc limit 1')
    expect(locks).toEqual([{ drill: null }])
  })

  it('is shown by nobody who left, and by no row of another role', async () => {
    const asIntake = openDatabase(ground.database.url('intake'), 1)
    const insert = `insert into install.points (point, role, build, started_at_ms, body, signature) values ('x', 'vault', 'b', 0, '{}', 'x')`
    await asIntake.pool.query(insert)
    expect((await livePoints(database)).map(({ point }) => point)).not.toContain('x')
    await expect(
      asIntake.pool.query(`update install.points set left_at = now() where role = 'room'`),
    ).resolves.toMatchObject({
      rowCount: 0,
    })
    await asIntake.close()
  })
})
