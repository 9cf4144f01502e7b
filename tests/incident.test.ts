import { raiseExposure } from '@fairtrace/server/runtime/exposures'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { waitFor } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CAUSE } from './gate-ground.ts'
import {
  OWNER,
  Person,
  type PortalGround,
  PROTECTION,
  RESEARCHER,
  startPortalGround,
  startProgramme,
} from './portal-ground.ts'

describe('an incident', () => {
  let ground: PortalGround
  let database: OpenDatabase
  let owner: string
  let protection: string
  let researcher: string
  let people: readonly Person[]
  let id = ''
  const report = async (token = protection) =>
    (await ground.call(`/api/incidents/${id}`, { token })).body.report as Record<string, never>
  const file = async (format: string) =>
    String((await ground.call(`/api/incidents/${id}/export?format=${format}`, { token: protection })).body.text)

  beforeAll(async () => {
    ground = await startPortalGround()
    ground.portal.setReady(true)
    database = openDatabase(ground.databaseUrl('portal'), 2)
    owner = await ground.signIn(OWNER.name, OWNER.password)
    protection = await ground.signIn(PROTECTION.name, PROTECTION.password)
    researcher = await ground.signIn(RESEARCHER.name, RESEARCHER.password)
    await startProgramme(ground, owner)
    people = await Promise.all(Array.from({ length: 6 }, () => Person.join(ground, owner)))
    await ground.sql.query(`insert into sentinel.audience values ('database', 0, null, $1, '[]')`, [
      JSON.stringify([
        {
          who: 'intern',
          what: 'vault.chunks',
          through: 'grant to public',
          expected: false,
          sinceMs: 1_700_000_000_000,
        },
      ]),
    ])
    await raiseExposure(database, 'reader-unexpected', { rows: 1 }, 'table vault.chunks')
    id = await waitFor(async () => {
      const { body } = await ground.call('/api/incidents', { token: protection })
      return (body.incidents as { id: string }[])[0]?.id ?? null
    })
    await waitFor(async () => (JSON.stringify((await report()).surfaces).includes('intern') ? true : null))
  })
  afterAll(async () => {
    await database?.close()
    await ground?.stop()
  })

  it('is nobody’s to see without a role, and data protection’s alone to change', async () => {
    expect((await ground.call('/api/incidents')).code).toBe('SESSION_REQUIRED')
    expect((await ground.call('/api/incidents', { token: researcher })).code).toBe('ROLE_REQUIRED')
    expect((await people[0]?.get(`/api/incidents/${id}`))?.code).toBe('ROLE_REQUIRED')
    expect((await ground.call(`/api/incidents/${id}/cause`, { token: owner, body: CAUSE })).code).toBe('ROLE_REQUIRED')
    expect((await ground.call(`/api/incidents/${id}/notices/send`, { token: owner, body: {} })).code).toBe(
      'ROLE_REQUIRED',
    )
    expect((await ground.call(`/api/incidents/${'A'.repeat(22)}`, { token: protection })).code).toBe('NOT_FOUND')
  })

  it('says who could read what, since when, and counts people in steps of k', async () => {
    expect(await report()).toMatchObject({
      isRehearsal: false,
      endedAtMs: null,
      surfaces: [
        {
          kind: 'reader-unexpected',
          surface: 'table vault.chunks',
          fromMs: 1_700_000_000_000,
          readers: [{ who: 'intern', through: 'grant to public' }],
          couldRead: { atLeast: 5 },
        },
      ],
      reads: [],
    })
  })

  it('names nobody who takes part, in no form', async () => {
    const forms = [
      JSON.stringify(await report()),
      await file('markdown'),
      await file('html'),
      JSON.stringify((await ground.call(`/api/incidents/${id}/export?format=dpv`, { token: protection })).body),
    ]
    for (const form of forms) {
      expect(form.length).toBeGreaterThan(500)
      for (const { pseudonym } of people) expect(form).not.toContain(pseudonym)
    }
  })

  it('has a timeline in order, with the lockdown in it', async () => {
    const { timeline } = (await report()) as unknown as { timeline: { atMs: number; what: string }[] }
    const times = timeline.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(timeline.map(({ what }) => what).join('\n')).toMatch(
      /Found: reader-unexpected[\s\S]*Locked: An exposure was found/,
    )
  })

  it('takes a root cause with safeguards of the catalogue alone, and logs it', async () => {
    const path = `/api/incidents/${id}/cause`
    const post = (body: unknown) => ground.call(path, { token: protection, body })
    expect((await post({ ...CAUSE, text: 'short' })).code).toBe('BODY_INVALID')
    expect((await post({ ...CAUSE, safeguards: ['no-such-safeguard'] })).code).toBe('BODY_INVALID')
    expect((await post({ ...CAUSE, actions: [] })).code).toBe('BODY_INVALID')
    expect((await post(CAUSE)).body.ledgerIndex).toBeTypeOf('number')
    expect((await report()).cause).toMatchObject({ text: CAUSE.text, by: 'data-protection' })
  })

  it('tells each person concerned, once it is approved and not before', async () => {
    const [person] = people
    await ground.call(`/api/incidents/${id}/notices`, { token: protection, body: {} })
    expect((await person?.get('/api/me/notices'))?.body.notices).toEqual([])
    await ground.call(`/api/incidents/${id}/notices/send`, { token: protection, body: {} })
    for (const one of people) {
      const notices = (await one.get('/api/me/notices')).body.notices as { text: string }[]
      expect(notices).toHaveLength(1)
      expect(notices[0]?.text).toContain('table vault.chunks')
    }
    const me = await person?.get('/me')
    expect(me?.body.text).toContain('What you were told')
    expect((await report()).notices).toMatchObject({ approvedBy: PROTECTION.name, drafted: { atLeast: 5 } })
  })

  it('shows pages that hold', async () => {
    for (const path of ['/incidents', `/incidents/${id}`]) {
      const page = await ground.call(path, { token: protection, headers: { accept: 'text/html' } })
      expect(page.status).toBe(200)
    }
  })
})
