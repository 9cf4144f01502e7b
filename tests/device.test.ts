/** The device against the real server: portal, intake, vault and ledger on a real database, on a clock that moves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { charterHash, type InputEvent, parseCharter } from '@fairtrace/core'
import { type Device, openDevice } from '@fairtrace/device'
import { startPortal } from '@fairtrace/server/api/role'
import { startIntake } from '@fairtrace/server/intake/role'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RoleContext, RoleName, RunningRole } from '@fairtrace/server/runtime/role'
import { startVault } from '@fairtrace/server/vault/role'
import {
  beatWatchers,
  CHARTER_YAML,
  charterApprovals,
  startTestDatabase,
  startTestKeeper,
  TEST_SEEDS,
  type TestDatabase,
  type TestKeeper,
  waitFor,
} from '@fairtrace/testing/harness'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, OWNER, sessionOf } from './portal-ground.ts'

const BUILD = 'test-build'
const place = {
  x: 10,
  y: 10,
  width: 100,
  height: 100,
  target: { role: 'button', label: 'Save', box: { x: 1, y: 1, width: 9, height: 9 } },
}

function clicks(count: number): InputEvent[] {
  const button = (down: boolean): InputEvent => ({ kind: 'button', atMs: 0, button: 'left', down, clicks: 1, place })
  const all: InputEvent[] = [{ kind: 'focus', atMs: 0, app: 'desktop:orders', field: 'none' }]
  for (let i = 0; i < count; i++) all.push(button(true), button(false))
  return all
}

describe('a device and the server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-device-stack-'))
  const running: Pick<RunningRole, 'stop'>[] = []
  const addresses: RoleContext['addresses'] = {}
  let offsetMs = 0
  const clock = { nowMs: () => Date.now() + offsetMs }
  let database: TestDatabase
  let keeper: TestKeeper
  let sql: pg.Pool
  let url: string
  let owner: string
  let device: Device
  let session: string

  const contextOf = (role: RoleName): RoleContext => ({
    role,
    installation: 'demonstration',
    databaseUrl: database.url(role),
    objectsDir: join(folder, 'objects'),
    keysDir: role === 'vault' ? join(folder, 'keys') : null,
    keeper: role === 'vault' ? keeper.place : null,
    demoAccountsFile: role === 'portal' ? join(folder, 'people.json') : null,
    signIn: null,
    access: null,
    secrets:
      role === 'vault'
        ? { signingSeed: TEST_SEEDS.vault, kmsPassphrase: 'a passphrase for tests' }
        : { signingSeed: role === 'portal' ? TEST_SEEDS.issuer : TEST_SEEDS[role] },
    clock,
    log: pino({ level: 'silent' }),
    listen: { host: '127.0.0.1', port: 0 },
    addresses,
  })
  const post = async (path: string, body: unknown, token?: string) => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    return { answer: await response.json(), headers: response.headers }
  }
  const chunks = async () =>
    (await sql.query('select sequence, actions, task from vault.chunks order by sequence')).rows as {
      sequence: number
      actions: number
      task: string | null
    }[]

  beforeAll(async () => {
    writeFileSync(join(folder, 'people.json'), JSON.stringify({ accounts: [OWNER], approvers: [] }))
    database = await startTestDatabase()
    const charter = parseCharter(CHARTER_YAML, 'charter.yaml')
    keeper = await startTestKeeper({ charter, charterYaml: CHARTER_YAML, clock })
    sql = new pg.Pool({ connectionString: database.superuserUrl, max: 2 })
    // The database stops while connections are still closing; without a listener that would count as a failure.
    sql.on('error', () => undefined)
    running.push(await beatWatchers(sql), await startLedger(contextOf('ledger')))
    const intake = await startIntake(contextOf('intake'))
    running.push(intake)
    if (intake.address !== null) addresses.intake = intake.address
    const portal = await startPortal(contextOf('portal'))
    running.push(portal, await startVault(contextOf('vault')))
    url = portal.address
    owner = sessionOf((await post('/api/sign-in', { name: OWNER.name, password: OWNER.password })).headers)
    const proposed = await post('/api/programme/charter', { yaml: CHARTER_YAML }, owner)
    const hash = String(proposed.answer.charterHash)
    for (const approval of charterApprovals(hash)) {
      await post('/api/programme/charter/approvals', { charter: hash, ...approval }, owner)
    }
    for (const state of ['approved', 'running']) await post('/api/programme/state', { state }, owner)
    device = await openDevice(join(folder, 'device'), { clock })
  })
  afterAll(async () => {
    await device.close()
    for (const role of running.reverse()) await role.stop()
    await keeper.remove()
    await sql.end()
    await database.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('refuses consent before the reflection period is over, and capture before consent', async () => {
    const { answer } = await post('/api/invitations', { count: 1 }, owner)
    const joined = await device.join(url, answer.codes[0])
    session = joined.session
    expect(joined.reflectionEndsAtMs).toBeGreaterThan(clock.nowMs() + 13 * DAY_MS)
    const choice = { noticeVersion: joined.notice.version, categories: ['pointer'] as const, apps: ['desktop:orders'] }
    await expect(device.consent(choice)).rejects.toMatchObject({ code: 'REFLECTION_NOT_OVER' })
    await device.enrol(url, session, BUILD)
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'CONSENT_REQUIRED' })
  })

  it('captures under a real lease, holds for the review, and what arrives is in the vault', async () => {
    offsetMs += 14 * DAY_MS + 1
    const receipt = await device.consent({
      noticeVersion: 1,
      categories: ['pointer', 'switches'],
      apps: ['desktop:orders'],
    })
    expect(receipt.split('.')).toHaveLength(3)
    const report = await device.capture(clicks(5), { task: 'enter-order', replayed: true })
    expect(report.actions).toMatchObject({ switch: 1, click: 5 })
    expect(await device.upload()).toMatchObject({ sealed: 0, uploaded: 0 })
    offsetMs += DAY_MS
    await waitFor(async () => ((await device.programme()).vaultKey === null ? null : true))
    expect(await device.upload()).toMatchObject({ sealed: 1, uploaded: 1, kept: [], stopped: null })
    expect(await waitFor(async () => ((await chunks()).length === 1 ? chunks() : null))).toEqual([
      expect.objectContaining({ actions: 6, task: 'enter-order' }),
    ])
  })

  it('sends many batches, in sequence, and the vault takes each once', async () => {
    for (let i = 0; i < 70; i++) await device.capture(clicks(2), { replayed: true })
    await device.releaseEarly()
    expect(await device.upload()).toMatchObject({ sealed: 70, uploaded: 70, kept: [] })
    const stored = await waitFor(async () => ((await chunks()).length === 71 ? chunks() : null))
    expect(stored.map(({ sequence }) => Number(sequence))).toEqual(stored.map((_chunk, i) => i))
    expect((await sql.query('select code from vault.quarantine')).rows).toEqual([])
  })

  it('captures nothing while the programme is paused, and keeps what waits', async () => {
    await device.capture(clicks(1), { replayed: true })
    await device.releaseEarly()
    await post('/api/programme/state', { state: 'paused' }, owner)
    offsetMs += 120_000
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'PROGRAMME_NOT_RUNNING' })
    expect(await device.upload()).toMatchObject({ sealed: 0, stopped: 'PROGRAMME_NOT_RUNNING' })
    await post('/api/programme/state', { state: 'running' }, owner)
    expect(await device.upload()).toMatchObject({ uploaded: 1, kept: [] })
  })

  it('captures and uploads under the terms agreed to while the charter in force is wider', async () => {
    const wider = CHARTER_YAML.replace('version: 1\ntitle', 'version: 2\ntitle')
      .replace('releases: 365 days', 'releases: 400 days')
      .replace('    - { id: desktop:mail, title: Mail, labels: [Send, Reply] }\n', '')
    const hash = charterHash(parseCharter(wider, 'charter.yaml'))
    await post('/api/programme/charter', { yaml: wider }, owner)
    for (const approval of charterApprovals(hash)) {
      await post('/api/programme/charter/approvals', { charter: hash, ...approval })
    }
    offsetMs += 14 * DAY_MS
    await waitFor(async () => ((await device.programme()).charterHash === hash ? true : null))
    await waitFor(async () => ((await device.programme()).vaultKey === null ? null : true))
    const report = await device.capture(clicks(3), { replayed: true })
    expect(report.actions).toMatchObject({ switch: 1, click: 3 })
    await device.releaseEarly()
    expect(await device.upload()).toMatchObject({ uploaded: 1, kept: [] })
    const named = async () =>
      (await sql.query('select charter_hash from vault.chunks order by sequence desc limit 1')).rows[0].charter_hash
    // Neither the charter in force nor the one agreed to: what is left of the one under the other.
    const terms = await waitFor(async () => ((await chunks()).length === 73 ? named() : null))
    const { rows } = await sql.query('select derived from install.charters where hash = $1', [terms])
    expect(rows).toEqual([{ derived: true }])
    expect((await sql.query('select code from vault.quarantine')).rows).toEqual([])
  })

  it('deletes what waits when the participant withdraws, and captures no more', async () => {
    await device.capture(clicks(1), { replayed: true })
    await device.withdraw()
    expect(await device.review()).toEqual([])
    offsetMs += 120_000
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'CONSENT_REQUIRED' })
  })
})
