/** A lockdown end to end, on a real portal, ledger, intake and room: who locks, who stops and says so, what goes on, what is followed. */
import { sign } from 'node:crypto'
import { startIntake } from '@fairtrace/server/intake/role'
import { lockdownReport } from '@fairtrace/server/lockdown/report'
import { verdictMessage } from '@fairtrace/server/lockdown/verdict'
import { startRoom } from '@fairtrace/server/room/role'
import { raiseExposure } from '@fairtrace/server/runtime/exposures'
import { dueProbes, type Finding, reportFindings } from '@fairtrace/server/runtime/findings'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { signLockdownEnd } from '@fairtrace/server/runtime/lockdown-end'
import { livePoints } from '@fairtrace/server/runtime/points'
import { readProgramme } from '@fairtrace/server/runtime/programme'
import type { RoleContext, RunningRole } from '@fairtrace/server/runtime/role'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { TEST_SEEDS, waitFor } from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OWNER, Person, type PortalGround, PROTECTION, startPortalGround, startProgramme } from './portal-ground.ts'

describe('a lockdown', () => {
  let ground: PortalGround
  let owner: string
  let protection: string
  let person: Person
  let leaving: Person
  let asVault: OpenDatabase
  let asPortal: OpenDatabase
  const running: RunningRole[] = []
  const log = pino({ level: 'silent' })

  beforeAll(async () => {
    ground = await startPortalGround()
    owner = await ground.signIn(OWNER.name, OWNER.password)
    protection = await ground.signIn(PROTECTION.name, PROTECTION.password)
    await startProgramme(ground, owner)
    person = await Person.join(ground, owner)
    leaving = await Person.join(ground, owner)
    ground.moveClock(15 * 86_400_000)
    await person.consent()
    await leaving.consent()
    asVault = openDatabase(ground.databaseUrl('vault'), 2)
    asPortal = openDatabase(ground.databaseUrl('portal'), 2)
    const context = (role: 'intake' | 'room'): RoleContext => ({
      ...{ role, installation: 'demonstration', databaseUrl: ground.databaseUrl(role), objectsDir: '', keysDir: null },
      ...{ keeper: null, demoAccountsFile: null, signIn: null, access: null, log, addresses: {} },
      secrets: { signingSeed: TEST_SEEDS[role] },
      clock: { nowMs: ground.nowMs },
      listen: { host: '127.0.0.1', port: 0 },
    })
    running.push(await startIntake(context('intake')), await startRoom(context('room')))
  })
  afterAll(async () => {
    for (const role of running) await role.stop()
    await asVault?.close()
    await asPortal?.close()
    await ground.stop()
  })

  const state = async () => {
    const programme = await readProgramme(asVault, null)
    return [programme?.state, programme?.epoch]
  }
  const epoch = async () => Number((await state())[1])
  /** As the gate does, past its judgement. */
  const reopen = async () => {
    const programme = await readProgramme(asPortal, null)
    if (programme === null) throw new RangeError('no programme')
    const { id, epoch: seen, lockdown } = programme
    const end = {
      programme: id,
      upTo: lockdown?.number ?? 0,
      epoch: seen + 1,
      state: 'running',
      ground: 'test',
    } as const
    const word = signLockdownEnd({ ...end, atMs: Date.now() }, signerFromSeed(TEST_SEEDS.issuer))
    await asPortal.pool.query('select install.end_lock($1, $2, $3, $4)', [
      ...[end.upTo, seen, 'running', JSON.stringify(word)],
    ])
  }
  const finding: Finding = { kind: 'reader-unexpected', subject: 'table vault.chunks', detail: { reader: 'somebody' } }
  const report = (findings: readonly Finding[]) =>
    reportFindings(asVault, { finder: 'test', scope: 'database', findings, complete: true })
  const exposure = async () =>
    (
      await ground.sql.query(
        'select id, state, severity, reopened from install.exposures order by found_at_ms desc limit 1',
      )
    ).rows[0]

  it('is refused to the programme owner and to whoever is not signed in', async () => {
    expect((await ground.call('/api/lockdown', { body: {} })).code).toBe('SESSION_REQUIRED')
    expect((await ground.call('/api/lockdown', { body: {}, token: owner })).status).toBe(403)
    expect((await state())[0]).toBe('running')
  })

  it('is one call for data protection; every point stops, signs, and nothing is missing', async () => {
    await waitFor(async () => ((await livePoints(asVault)).length >= 5 ? true : null))
    const next = (await epoch()) + 1
    const locked = await ground.call('/api/lockdown', {
      body: { reason: 'Somebody saw something.' },
      token: protection,
    })
    expect(locked.body).toEqual({ epoch: next })
    const found = await waitFor(async () => {
      const one = await lockdownReport(asVault, next)
      // The watchers of the test sign no acknowledgement.
      return one?.missing.every(({ point }) => point.endsWith('-of-the-test')) ? one : null
    })
    expect(found.acknowledged.map(({ role }) => role).toSorted()).toEqual(['intake', 'ledger', 'portal', 'room'])
    expect(found.missing.map(({ role }) => role).toSorted()).toEqual(['scanner', 'sentinel'])
    expect(found).toMatchObject({
      causes: [{ reason: 'Somebody saw something.' }],
      devicesConnected: 0,
      endedAtMs: null,
    })
    for (const { afterMs } of found.acknowledged) expect(afterMs).toBeLessThan(5_000)
  })

  it('gives no lease and takes no new choice, and leaves people their view, their pause and their withdrawal', async () => {
    const device = await person.enrol()
    expect((await person.lease(device)).code).toBe('PROGRAMME_NOT_RUNNING')
    expect((await person.consent()).code).toBe('PROGRAMME_NOT_RUNNING')
    expect((await person.get('/api/consent')).status).toBe(200)
    expect((await leaving.post('/api/consent/pause', {})).status).toBe(200)
    expect((await leaving.withdraw()).status).toBe(200)
  })

  it('shows on a page what was reached, to staff alone', async () => {
    const shown = await ground.call('/lockdown', { token: protection })
    expect(shown.status).toBe(200)
    expect(String(shown.body.text)).toContain('Only the gate lets it run again')
    expect((await ground.call('/lockdown', { token: person.session })).status).not.toBe(200)
  })

  it('can be repeated without another epoch, and an end that did not know of it fails', async () => {
    const before = await readProgramme(asPortal, null)
    await ground.call('/api/lockdown', { body: {}, token: protection })
    expect(await state()).toEqual(['locked', before?.epoch])
    const word = { body: '', signature: '' }
    const end = asPortal.pool.query('select install.end_lock($1, $2, $3, $4)', [
      ...[before?.lockdown?.number, before?.epoch, 'running', JSON.stringify(word)],
    ])
    await expect(end).rejects.toMatchObject({ code: 'FT001' })
    await reopen()
    expect(await state()).toEqual(['running', (before?.epoch ?? 0) + 1])
  })

  it('follows a finding: it locks, closes after two clean probes, is held, and comes back graver', async () => {
    const before = await epoch()
    expect(await report([finding])).toMatchObject({ raised: 1, locked: true })
    expect(await report([finding])).toMatchObject({ raised: 0, locked: false })
    expect(await state()).toEqual(['locked', before + 1])
    expect(await exposure()).toMatchObject({ state: 'contained', severity: 'critical' })
    expect(await report([])).toMatchObject({ closed: 0 })
    expect(await report([])).toMatchObject({ closed: 1 })
    const [probe] = await dueProbes(asVault, 'test')
    expect(probe).toMatchObject({ subject: finding.subject, state: 'closed' })
    expect(probe?.dueInMs).toBeLessThanOrEqual(1_000)
    await reopen()
    expect(await report([finding])).toMatchObject({ raised: 0, reopened: 1, locked: true })
    expect(await exposure()).toMatchObject({ state: 'contained', reopened: 1 })
    await report([])
    await report([])
    await reopen()
  })

  it('locks again if somebody let it run past the gate while something is exposed', async () => {
    await report([finding])
    await reopen()
    const before = await epoch()
    expect(await report([finding])).toMatchObject({ raised: 0, reopened: 0, locked: true })
    expect(await epoch()).toBe(before + 1)
    await report([])
    await report([])
    await reopen()
  })

  it('closes what nobody looks at again, or a false alarm, by two people of two roles alone', async () => {
    await raiseExposure(asVault, 'chunk-damaged', { segment: 's-1' })
    const { id } = await exposure()
    const judged = { id, kind: 'chunk-damaged', subject: '{"segment":"s-1"}' }
    const said = { verdict: 'mended', reason: 'The disk was replaced.' } as const
    const programme = await readProgramme(asPortal, null)
    const by = (name: string, seed: string) => ({
      name,
      signature: sign(
        null,
        verdictMessage(programme?.id ?? '', judged, said),
        signerFromSeed(seed).privateKey,
      ).toString('base64url'),
    })
    const dana = by('Dana Weiss', TEST_SEEDS.dataProtection)
    const robin = by('Robin Okafor', TEST_SEEDS.workerRepresentative)
    const hand = (signatures: readonly unknown[]) =>
      ground.call(`/api/exposures/${id}/verdict`, { token: protection, body: { ...said, signatures } })
    expect((await hand([dana])).code).toBe('APPROVAL_INVALID')
    expect((await hand([dana, { ...dana, name: 'Robin Okafor' }])).code).toBe('APPROVAL_INVALID')
    expect((await hand([dana, robin])).status).toBe(200)
    expect((await exposure()).state).toBe('closed')
    await reopen()
  })

  it('asks a person first where the charter says so', async () => {
    const lock = await asVault.pool.query(
      `select * from install.report('test', 'asked', false,
         '[{"kind":"object-unnamed","subject":"file x","severities":["low"],"asks":true,"detail":{}}]', 1)`,
    )
    expect(lock.rows).toEqual([{ raised: 1, closed: 0, reopened: 0, epoch: null }])
    expect((await state())[0]).toBe('running')
    const { rows } = await ground.sql.query(`select state from install.exposures where kind = 'object-unnamed'`)
    expect(rows).toEqual([{ state: 'open' }])
  })
})
