/** Models at the portal: who may retire one, and what a person sees of what their withdrawal has reached. */
import { randomUUID } from 'node:crypto'
import { TEST_PUBLIC_KEYS } from '@fairtrace/testing/harness'
import { verifyErasureReceipt } from '@fairtrace/verify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

const RELEASE = 'R'.repeat(43)
const DECLARED = { copiesDestroyed: true, reason: 'Its release was closed.' }

describe('a model of a closed release', () => {
  let ground: PortalGround
  let person: Person
  let model: string
  beforeAll(async () => {
    ground = await startPortalGround()
    ground.portal.setReady(true)
    const owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    person = await Person.join(ground, owner)
    ground.moveClock(15 * DAY_MS)
    await person.consent()
    model = randomUUID()
    await ground.sql.query(
      `insert into room.runs (id, release, grant_hash, account, request, requested_at_ms, state) values ($1, $2, '', 'somebody', '{}', 0, 'approved')`,
      [model, RELEASE],
    )
    await ground.sql.query(
      `insert into room.models (id, run, release, registered_at_ms, card, state) values ($1, $1, $2, 0, '{"audience":"release"}', 'to-retrain')`,
      [model, RELEASE],
    )
  })
  afterAll(() => ground?.stop())

  const retire = async (who: typeof RESEARCHER | typeof PROTECTION, body: unknown = DECLARED) =>
    await ground.call(`/api/room/models/${model}/retire`, { token: await ground.signIn(who.name, who.password), body })
  const erasure = async () => (await person.get('/api/me/erasure')).body as { erasure: unknown; receipt: string | null }
  const receipt = async () => verifyErasureReceipt((await erasure()).receipt ?? '', TEST_PUBLIC_KEYS.issuer)

  it('is retired by nobody but who trained it or data protection, and never without the declaration', async () => {
    expect((await retire(RESEARCHER)).code).toBe('NOT_FOUND')
    expect((await retire(PROTECTION, { ...DECLARED, copiesDestroyed: false })).code).toBe('BODY_INVALID')
    expect((await ground.call(`/api/room/models/${model}/retire`, { body: DECLARED })).status).toBe(401)
  })

  it('is a pending step of the erasure of whoever was in the release, until it is retired', async () => {
    expect(await erasure()).toEqual({ erasure: null, receipt: null })
    await person.withdraw()
    expect((await receipt()).isComplete).toBe(false)
    // As vault, keeper and builder do.
    await ground.sql.query('delete from vault.erasure_requests')
    await ground.sql.query(`insert into vault.release_erasures values ($1, 2, 'done', $2)`, [
      person.pseudonym,
      JSON.stringify([RELEASE]),
    ])
    await ground.sql.query(`insert into vault.release_closings (release, id, state) values ($1, 'c', 'closed')`, [
      RELEASE,
    ])
    const stepOf = async (what: string) => (await receipt()).steps.find((step) => step.what === what)
    expect(await stepOf('model')).toEqual({ what: 'model', id: model, state: 'pending', entry: null })
    expect(await stepOf('release')).toMatchObject({ id: RELEASE, state: 'done' })
    expect((await retire(PROTECTION)).body).toEqual({ model })
    expect(await stepOf('model')).toMatchObject({ state: 'done' })
    const { body } = await person.get('/me')
    expect(String(body.text)).toContain('What your withdrawal has reached')
    // The ledger has still to say so: its entries come at fixed times.
    expect((await receipt()).isComplete).toBe(false)
  })
})
