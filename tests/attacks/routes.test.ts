/**
 * Every route of the OpenAPI document, tried with each credential that must not do: none, one that is over, another installation's, each
 * role that it is not for, a participant's. What is sent is what the route would take, so that it is refused for who asks and nothing else.
 */
import { writeFileSync } from 'node:fs'
import { createApp } from '@fairtrace/server/api/app'
import { OPEN_ROUTES } from '@fairtrace/server/api/route-access'
import { STAFF_ROLES, type StaffRole } from '@fairtrace/server/runtime/sign-in-settings'
import { readRoutes } from '@fairtrace/server/sentinel/surfaces/routes'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  dumpAll,
  OWNER,
  Person,
  type PortalGround,
  sessionOf,
  startPortalGround,
  startProgramme,
} from '../portal-ground.ts'
import { type DeclaredRoute, declaredRoutes } from './route-roles.ts'

type Caller = StaffRole | 'participant'
const STAFF: readonly Caller[] = STAFF_ROLES
const ANYBODY: readonly Caller[] = [...STAFF_ROLES, 'participant']

/** Whom each closed route is for. Written down apart from the routes, so that one that lets more in is found. */
const CALLERS: Readonly<Record<string, readonly Caller[]>> = {
  'POST /api/programme/state': ['programme-owner'],
  'POST /api/programme/epoch': ['programme-owner', 'data-protection'],
  'POST /api/invitations': ['programme-owner'],
  'POST /api/programme/charter': ['programme-owner'],
  'GET /api/consent': ['participant'],
  'POST /api/consent': ['participant'],
  'POST /api/consent/pause': ['participant'],
  'POST /api/consent/resume': ['participant'],
  'POST /api/consent/withdraw': ['participant'],
  'GET /api/concerns': ANYBODY,
  'POST /api/concerns/tokens': ['participant'],
  'POST /api/concerns/{concern}/answer': ['worker-representative'],
  'GET /api/devices': ['participant'],
  'POST /api/devices/codes': ['participant'],
  'POST /api/devices/cut-off': ['participant'],
  'POST /api/programme/pause': ['programme-owner', 'data-protection', 'worker-representative'],
  'POST /api/programme/resume': ['programme-owner'],
  'POST /api/lockdown': ['data-protection', 'worker-representative'],
  'GET /api/lockdown': STAFF,
  'POST /api/exposures/{exposure}/verdict': ['data-protection', 'worker-representative'],
  'POST /api/sessions/revoke-all': ANYBODY,
  'GET /api/passkeys': ANYBODY,
  'POST /api/passkeys': ANYBODY,
  'POST /api/passkeys/options': ANYBODY,
  'POST /api/passkeys/remove': ANYBODY,
  'POST /api/step-up/options': ANYBODY,
  'POST /api/step-up': ANYBODY,
  'GET /api/grants': ['data-protection', 'worker-representative', 'researcher', 'auditor'],
  'POST /api/grants': ['researcher'],
  'GET /api/grants/{id}': ['data-protection', 'worker-representative', 'researcher', 'auditor'],
  'GET /api/grants/{id}/approval-options': ['data-protection', 'worker-representative'],
  'POST /api/grants/{id}/approvals': ['data-protection', 'worker-representative'],
  'POST /api/grants/{id}/refuse': ['data-protection', 'worker-representative'],
  'POST /api/grants/{id}/end': ['data-protection', 'worker-representative', 'researcher'],
  'POST /api/grants/{id}/release': ['researcher'],
  'GET /api/release-jobs/{id}': [
    'programme-owner',
    'data-protection',
    'worker-representative',
    'researcher',
    'auditor',
  ],
  'POST /api/me/data/requests': ['participant'],
  'POST /api/me/data/openings': ['participant'],
  'GET /api/me/data/openings/{id}': ['participant'],
  'GET /api/me/chunks': ['participant'],
  'GET /api/me/chunks/{batch}': ['participant'],
  'GET /api/access/who': ['programme-owner', 'data-protection', 'worker-representative', 'auditor'],
  'GET /api/access/what': ['programme-owner', 'data-protection', 'worker-representative', 'auditor'],
  'GET /api/audience': ['data-protection', 'worker-representative', 'auditor'],
  'GET /api/sweeps': ['data-protection', 'worker-representative', 'auditor'],
  'POST /api/sweeps': ['data-protection'],
  'GET /api/me/accesses': ['participant'],
  'GET /api/me/accesses/{index}/proof': ['participant'],
  'GET /api/me/decisions': ['participant'],
  'GET /api/me/decisions/{kind}/{version}/proof': ['participant'],
  'GET /api/gate': STAFF,
  'POST /api/gate/statements': ['programme-owner', 'data-protection', 'worker-representative'],
  'POST /api/gate/open': ['programme-owner'],
  'GET /api/incidents': ['programme-owner', 'data-protection', 'worker-representative', 'auditor', 'operator'],
  'GET /api/incidents/{id}': ['programme-owner', 'data-protection', 'worker-representative', 'auditor', 'operator'],
  'GET /api/incidents/{id}/export': [
    'programme-owner',
    'data-protection',
    'worker-representative',
    'auditor',
    'operator',
  ],
  'POST /api/incidents/{id}/cause': ['data-protection'],
  'POST /api/incidents/{id}/notices': ['data-protection'],
  'POST /api/incidents/{id}/notices/send': ['data-protection'],
  'GET /api/me/notices': ['participant'],
  'GET /api/me/erasure': ['participant'],
  'POST /api/releases/{release}/close': ['data-protection'],
  'GET /api/room/runs': ['researcher', 'data-protection', 'worker-representative', 'auditor'],
  'POST /api/room/runs': ['researcher'],
  'GET /api/room/runs/{id}': ['researcher', 'data-protection', 'worker-representative', 'auditor'],
  'POST /api/room/runs/{id}/review': ['data-protection'],
  'GET /api/room/runs/{id}/output': ['researcher', 'data-protection'],
  'GET /api/room/models': ['programme-owner', 'researcher', 'data-protection', 'worker-representative', 'auditor'],
  'POST /api/room/models/{id}/retrain': ['researcher'],
  'POST /api/room/models/{id}/retire': ['researcher', 'data-protection'],
  'GET /api/assurance': ANYBODY,
  'POST /api/assurance/drills': ['data-protection', 'worker-representative', 'auditor', 'operator'],
  'POST /api/assurance/drills/{run}/planted': ['data-protection', 'worker-representative', 'auditor', 'operator'],
  'POST /api/assurance/drills/{run}/removed': ['data-protection', 'worker-representative', 'auditor', 'operator'],
  'POST /api/assurance/drills/{run}/end': ['data-protection', 'worker-representative', 'auditor', 'operator'],
}

/** A credential, and whether a route may answer it. */
interface Tried {
  readonly who: string
  readonly token: string | null
  isFor(route: string): boolean
}

/** `who: METHOD /path answered status`, for every route that did not refuse whom it is not for. */
async function letIn(url: string, routes: readonly DeclaredRoute[], credentials: readonly Tried[]): Promise<string[]> {
  const found: string[] = []
  for (const { name, method, path, type, body } of routes) {
    if (Object.hasOwn(OPEN_ROUTES, name)) continue
    for (const { who, token, isFor } of credentials) {
      if (isFor(name)) continue
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(type === null ? {} : { 'content-type': type }),
        },
        ...(body === null ? {} : { body }),
      })
      const text = await response.text()
      const code = /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? 'none'
      const isRefused = STAFF.concat('participant').includes(who as Caller)
        ? response.status === 403 && code === 'ROLE_REQUIRED'
        : response.status === 401 && code === 'SESSION_REQUIRED'
      if (!isRefused) found.push(`${who}: ${name} answered ${response.status} ${code}`)
    }
  }
  return found
}

describe('every route of the portal', () => {
  let ground: PortalGround
  let routes: readonly DeclaredRoute[]
  let credentials: readonly Tried[]
  beforeAll(async () => {
    ground = await startPortalGround()
    const accounts = STAFF_ROLES.map((role) => ({ name: `${role} person`, role, password: `password of ${role}` }))
    writeFileSync(ground.accountsFile, JSON.stringify({ accounts: [OWNER, ...accounts], approvers: [] }))
    const over = await ground.signIn(OWNER.name, OWNER.password)
    // Ended by its holder. That time ends one too, and that no clock of a demonstration moves it, is tested where sessions are.
    await ground.call('/api/sessions/revoke-all', { token: over, body: {} })
    const owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    const elsewhere = await ground.callAt((await ground.another({})).address)('/api/sign-in', {
      body: { name: OWNER.name, password: OWNER.password },
    })
    const never = () => false
    const staff = await Promise.all(
      STAFF_ROLES.map(async (role) => {
        const token = await ground.signIn(`${role} person`, `password of ${role}`)
        return { who: role, token, isFor: (route: string) => CALLERS[route]?.includes(role) === true }
      }),
    )
    const { session } = await Person.join(ground, owner)
    credentials = [
      { who: 'nobody', token: null, isFor: never },
      { who: 'a session that is over', token: over, isFor: never },
      { who: 'a session of another portal', token: sessionOf(elsewhere.headers), isFor: never },
      ...staff,
      { who: 'participant', token: session, isFor: (route) => CALLERS[route]?.includes('participant') === true },
    ]
    const { body } = await ground.call('/api/openapi.json')
    routes = declaredRoutes(body.paths as Parameters<typeof declaredRoutes>[0])
  })
  afterAll(() => ground.stop())

  it('is written down here with whom it is for, or in the list of open ones', () => {
    const closed = routes.map(({ name }) => name).filter((name) => !Object.hasOwn(OPEN_ROUTES, name))
    expect(closed.sort()).toEqual(Object.keys(CALLERS).sort())
    expect(credentials.every(({ token }) => token !== '')).toBe(true)
  })

  it('refuses everybody whom it is not for, and does nothing before it refuses', async () => {
    const before = await dumpAll(ground.sql)
    expect(await letIn(ground.url, routes, credentials)).toEqual([])
    expect(await dumpAll(ground.sql)).toBe(before)
  })

  it('answers those whom it is for, if it changes nothing', async () => {
    const reads = routes.filter(({ name, method }) => method === 'GET' && !Object.hasOwn(OPEN_ROUTES, name))
    for (const { name, path } of reads) {
      for (const { who, token, isFor } of credentials) {
        if (!isFor(name) || token === null) continue
        const { code } = await ground.call(path, { token })
        expect([name, who, code]).not.toEqual([name, who, 'ROLE_REQUIRED'])
        expect([name, who, code]).not.toEqual([name, who, 'SESSION_REQUIRED'])
      }
    }
  })
})

describe('a route that forgets to ask', () => {
  it('is found by the sentinel if it answers anybody, and by these tests if it answers another role', async () => {
    const app = await createApp(pino({ level: 'silent' }))
    const schema = { security: [{ session: [] }] }
    app.get('/api/sweeps', { schema }, async () => ({ places: [] }))
    app.post('/api/lockdown', { schema }, async () => ({ epoch: 2 }))
    app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    try {
      const { findings } = await readRoutes({ portal: url, intake: undefined })
      expect(findings.map(({ kind, subject }) => [kind, subject])).toEqual([
        ['route-open', 'route GET /api/sweeps'],
        ['route-open', 'route POST /api/lockdown'],
      ])
      const { paths } = (await (await fetch(`${url}/api/openapi.json`)).json()) as {
        paths: Parameters<typeof declaredRoutes>[0]
      }
      const researcher = { who: 'researcher', token: 'r'.repeat(43), isFor: () => false }
      expect(await letIn(url, declaredRoutes(paths), [researcher])).toEqual([
        'researcher: GET /api/sweeps answered 200 none',
        'researcher: POST /api/lockdown answered 200 none',
      ])
    } finally {
      await app.close()
    }
  })
})
