import { lockProgramme } from '@fairtrace/server/runtime/lockdown'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bringEvidence, CAUSE, gateSignature, QUORUM } from './gate-ground.ts'
import {
  DAY_MS,
  OWNER,
  Person,
  type PortalGround,
  PROTECTION,
  RESEARCHER,
  startPortalGround,
  startProgramme,
} from './portal-ground.ts'

describe('the gate of a programme', () => {
  let ground: PortalGround
  let database: OpenDatabase
  let owner: string
  let protection: string
  let person: Person
  const state = async () => (await ground.call('/api/programme')).body
  const gate = async () => (await ground.call('/api/gate', { token: protection })).body
  const reasons = async () => ((await gate()).missing as { reason: string }[]).map(({ reason }) => reason)
  const open = () => ground.call('/api/gate/open', { token: owner, body: {} })
  const incident = async () => {
    const { body } = await ground.call('/api/incidents', { token: protection })
    return (body.incidents as { id: string; epoch: number }[])[0]
  }

  beforeAll(async () => {
    ground = await startPortalGround()
    ground.portal.setReady(true)
    database = openDatabase(ground.databaseUrl('portal'), 2)
    owner = await ground.signIn(OWNER.name, OWNER.password)
    protection = await ground.signIn(PROTECTION.name, PROTECTION.password)
    await startProgramme(ground, owner)
    person = await Person.join(ground, owner)
  })
  afterAll(async () => {
    await database?.close()
    await ground?.stop()
  })

  it('starts a demonstration without evidence, once, and writes down that it did', async () => {
    expect(await state()).toMatchObject({ state: 'running', epoch: 1 })
    const { rows } = await ground.sql.query('select epoch, kind from gate.openings')
    expect(rows).toEqual([{ epoch: 1, kind: 'demonstration' }])
    await ground.call('/api/programme/pause', { token: protection, body: { reason: 'a look around' } })
    await ground.call('/api/programme/resume', { token: owner, body: {} })
    expect(await state()).toMatchObject({ state: 'running', epoch: 1 })
  })

  it('asks the same demonstration for everything once it was locked', async () => {
    await lockProgramme(database, 'somebody pressed the button')
    expect(await state()).toMatchObject({ state: 'locked' })
    await expect.poll(incident, { timeout: 10_000 }).toBeDefined()
    expect(await open()).toMatchObject({ status: 409, code: 'START_REFUSED' })
    for (const reason of [
      'evidence-missing',
      'unannounced-missing',
      'root-cause-missing',
      'notices-missing',
      'statement-missing',
    ]) {
      expect(await reasons()).toContain(reason)
    }
    expect(await ground.call('/api/programme/state', { token: owner, body: { state: 'running' } })).toMatchObject({
      code: 'PROGRAMME_STATE_REFUSED',
    })
  })

  it('is for staff to see, for the owner to open, and open to the signatures of the four alone', async () => {
    const researcher = await ground.signIn(RESEARCHER.name, RESEARCHER.password)
    expect((await ground.call('/api/gate')).code).toBe('SESSION_REQUIRED')
    expect((await person.get('/api/gate')).code).toBe('ROLE_REQUIRED')
    expect((await ground.call('/api/gate/statements', { token: researcher, body: {} })).code).toBe('ROLE_REQUIRED')
    expect((await ground.call('/api/gate/open', { token: protection, body: {} })).code).toBe('ROLE_REQUIRED')
    const forged = gateSignature('A'.repeat(43), QUORUM[0])
    const asked = { hash: 'A'.repeat(43), ...forged, name: 'Nobody' }
    expect((await ground.call('/api/gate/signatures', { body: asked })).code).toBe('APPROVAL_INVALID')
  })

  it('opens with evidence, root cause, notices and four signatures, under a new epoch', async () => {
    const { id } = (await incident()) ?? { id: '' }
    await ground.call(`/api/incidents/${id}/cause`, { token: protection, body: CAUSE })
    await ground.call(`/api/incidents/${id}/notices/send`, { token: protection, body: {} })
    await bringEvidence(ground.sql, ground.nowMs())
    const locked = (await state()).epoch as number
    const drawn = (await ground.call('/api/gate/statements', { token: owner, body: {} })).body
    expect(await reasons()).toEqual(Array.from({ length: 4 }, () => 'signature-missing'))
    for (const [i, member] of QUORUM.entries()) {
      expect((await open()).code).toBe('START_REFUSED')
      const hash = String(drawn.hash)
      const { body } = await ground.call('/api/gate/signatures', { body: { hash, ...gateSignature(hash, member) } })
      expect(body.missing).toHaveLength(3 - i)
    }
    expect(await gate()).toMatchObject({ open: true, missing: [] })
    const opened = await open()
    expect(opened).toMatchObject({ status: 200, body: { state: 'running', epoch: locked + 1 } })
    const logged = opened.body.logged as { detail: { statement: { incidents: string[] }; signatures: unknown[] } }
    expect(logged.detail.statement.incidents).toEqual([id])
    expect(logged.detail.signatures).toHaveLength(4)
    expect(await state()).toMatchObject({ state: 'running', epoch: locked + 1 })
  })

  it('resumes after a pause under the signatures that stand', async () => {
    await ground.call('/api/programme/pause', { token: protection, body: { reason: 'a look around' } })
    expect((await ground.call('/api/programme/resume', { token: owner, body: {} })).body).toMatchObject({
      state: 'running',
    })
  })

  it('closes by itself when evidence lapses, says why, and asks for four signatures again', async () => {
    ground.moveClock(8 * DAY_MS)
    await expect.poll(async () => (await state()).state, { timeout: 15_000 }).toBe('paused')
    const { rows } = await ground.sql.query('select ended_reason from gate.openings order by epoch desc limit 1')
    expect(rows[0].ended_reason).toContain('no evidence that counts now')
    await bringEvidence(ground.sql, ground.nowMs())
    expect(await reasons()).toEqual(['statement-void'])
    expect((await ground.call('/api/programme/resume', { token: owner, body: {} })).code).toBe('START_REFUSED')
  })

  it('shows people a page of it', async () => {
    const page = await ground.call('/gate', { token: owner, headers: { accept: 'text/html' } })
    expect(page.status).toBe(200)
    expect(page.body.text).toContain('What the four sign')
  })
})
