import { readFileSync, writeFileSync } from 'node:fs'
import { type Charter, charterHash } from '@fairtrace/core'
import { CHARTER_YAML } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Answer,
  DAY_MS,
  OWNER,
  Person,
  type PortalGround,
  PROTECTION,
  RESEARCHER,
  sessionOf,
  startPortalGround,
  startProgramme,
} from './portal-ground.ts'

const PAGES = ['/', '/sign-in', '/log', '/me', '/programme', '/releases'] as const

describe('the portal', () => {
  let ground: PortalGround
  let owner: string
  let researcher: string

  beforeAll(async () => {
    ground = await startPortalGround()
    owner = await ground.signIn(OWNER.name, OWNER.password)
    researcher = await ground.signIn(RESEARCHER.name, RESEARCHER.password)
  })
  afterAll(() => ground?.stop())

  const page = (path: string, token?: string) => ground.call(path, token === undefined ? {} : { token })
  const text = (answer: Answer) => String(answer.body.text)

  // First: later tests need it ready.
  it('says that it starts until it is told that all is ready, and the API works meanwhile', async () => {
    expect(await page('/healthz')).toMatchObject({ status: 503, body: { state: 'starting' } })
    const home = await page('/')
    expect(home.status).toBe(503)
    expect(text(home)).toContain('Fairtrace is starting')
    expect(await page('/api/programme')).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    ground.portal.setReady(true)
    expect(await page('/healthz')).toMatchObject({ status: 200, body: { state: 'ready' } })
    expect(text(await page('/'))).toContain('There is no programme yet')
    await startProgramme(ground, owner)
  })

  describe('keeps staff to their roles', () => {
    it.each([
      ['/api/programme/charter', { yaml: CHARTER_YAML }],
      ['/api/programme/state', { state: 'paused' }],
      ['/api/programme/epoch', {}],
      ['/api/invitations', { count: 1 }],
    ])('at %s', async (path, body) => {
      const person = await Person.join(ground, owner)
      expect(await ground.call(path, { body })).toMatchObject({ status: 401, code: 'SESSION_REQUIRED' })
      for (const token of [researcher, person.session]) {
        expect(await ground.call(path, { body, token })).toMatchObject({ status: 403, code: 'ROLE_REQUIRED' })
      }
    })

    it('lets nobody but a participant speak as one', async () => {
      for (const path of ['/api/consent', '/api/devices']) {
        expect(await ground.call(path)).toMatchObject({ status: 401, code: 'SESSION_REQUIRED' })
        expect(await ground.call(path, { token: owner })).toMatchObject({ status: 403, code: 'ROLE_REQUIRED' })
        expect(await ground.call(path, { token: 'A'.repeat(43) })).toMatchObject({ status: 401 })
      }
    })

    it('lets data protection pause, and not run again', async () => {
      const token = await ground.signIn(PROTECTION.name, PROTECTION.password)
      const move = (state: string) => ground.call('/api/programme/state', { token, body: { state } })
      expect(await move('paused')).toMatchObject({ status: 200, body: { state: 'paused' } })
      expect(await move('running')).toMatchObject({ status: 403, code: 'ROLE_REQUIRED' })
      await ground.call('/api/programme/state', { token: owner, body: { state: 'running' } })
    })
  })

  describe('a programme', () => {
    it('moves only along its states', async () => {
      const move = (state: string) => ground.call('/api/programme/state', { token: owner, body: { state } })
      expect(await move('draft')).toMatchObject({ status: 409, code: 'PROGRAMME_STATE_REFUSED' })
      expect(await move('approved')).toMatchObject({ code: 'PROGRAMME_STATE_REFUSED' })
      expect(await move('sleeping')).toMatchObject({ status: 400, code: 'BODY_INVALID' })
      expect(await move('running')).toMatchObject({ status: 200, body: { state: 'running', logged: null } })
    })

    it('refuses a charter with every fault named, of another programme, or that is too long', async () => {
      const put = (yaml: string) => ground.call('/api/programme/charter', { token: owner, body: { yaml } })
      const faulty = await put(
        CHARTER_YAML.replace('reflection: 14 days', 'reflection: 1 hour').replace('DE }', 'Germany }'),
      )
      expect(faulty).toMatchObject({ status: 422, code: 'CHARTER_INVALID' })
      expect(JSON.stringify(faulty.body)).toMatch(/notice\.reflection.*|controller\.country/)
      expect(await put(CHARTER_YAML.replace('test-programme', 'other-programme'))).toMatchObject({
        code: 'CHARTER_NOT_IN_FORCE',
      })
      expect(await put('x'.repeat(3 * 1024 * 1024))).toMatchObject({ status: 400, code: 'BODY_INVALID' })
    })

    it('commits its changes to the ledger, and raises its epoch', async () => {
      const { body } = await ground.call('/api/programme')
      const raised = await ground.call('/api/programme/epoch', { token: owner, body: {} })
      expect(raised.body).toMatchObject({
        epoch: Number(body.epoch) + 1,
        logged: { detail: { programme: 'test-programme' } },
      })
      const { rows } = await ground.sql.query('select entry from ledger.entries order by idx')
      const types = rows.map(({ entry }) => (JSON.parse(entry) as { type: string }).type)
      expect(types.slice(0, 3)).toEqual(['charter.applied', 'programme.state', 'programme.state'])
      expect(types.at(-1)).toBe('programme.epoch')
    })

    it('tells devices the charter, the key of the day and where intake is', async () => {
      const { body } = await page('/api/programme')
      expect(body).toMatchObject({ vaultKey: null, intake: 'http://127.0.0.1:7401' })
      expect(charterHash(body.charter as Charter)).toBe(body.charterHash)
      const key = Buffer.alloc(32, 7)
      const insert = 'insert into vault.day_keys values ($1, $2, $3, $4, $5, $6)'
      const nowMs = ground.nowMs()
      await ground.sql.query(insert, ['0'.repeat(16), key, nowMs - 1_000, nowMs + DAY_MS, 'signed', false])
      await ground.sql.query(insert, ['1'.repeat(16), key, nowMs - 1_000, nowMs + DAY_MS, 'signed', true])
      await ground.sql.query(insert, ['2'.repeat(16), key, nowMs - DAY_MS, nowMs - 1, 'signed', false])
      expect((await page('/api/programme')).body).toMatchObject({
        programme: 'test-programme',
        state: 'running',
        charter: { notice: { reflection: 14 * DAY_MS } },
        vaultKey: { keyId: '0'.repeat(16), publicKey: key.toString('base64url'), signature: 'signed' },
      })
    })

    it('shows no total below k, and none that one decision would change', async () => {
      const people = await Promise.all(Array.from({ length: 6 }, () => Person.join(ground, owner)))
      ground.moveClock(14 * DAY_MS)
      const shown = async () => /At least \d+|Fewer than \d+/.exec(text(await page('/programme', owner)))?.[0]
      // Whoever watches the number while somebody decides sees nothing: it is of last midnight.
      for (const person of people) {
        await person.consent()
        expect(await shown()).toBe('Fewer than 5')
      }
      ground.moveClock(DAY_MS)
      expect(await shown()).toBe('At least 5')
      await people[0]?.withdraw()
      ground.moveClock(DAY_MS)
      expect(await shown()).toBe('At least 5')
      await people[1]?.withdraw()
      expect(text(await page('/'))).toContain('At least 5')
      ground.moveClock(DAY_MS)
      expect(await shown()).toBe('Fewer than 5')
    })
  })

  describe('its answers', () => {
    it.each([...PAGES, '/assets/portal.js', '/api/programme', '/ledger/checkpoint', '/nothing'])(
      'are confined by headers at %s',
      async (path) => {
        const { headers } = await page(path)
        expect(headers.get('content-security-policy')).toMatch(
          /^default-src 'none'; script-src 'self'; style-src 'self'/,
        )
        expect(headers.get('content-security-policy')).not.toContain('unsafe')
        expect(headers.get('x-content-type-options')).toBe('nosniff')
        expect(headers.get('referrer-policy')).toBe('same-origin')
        expect(headers.get('x-frame-options')).toBe('DENY')
      },
    )

    it('are not kept by caches, but for tiles and assets', async () => {
      for (const path of ['/', '/api/programme']) {
        expect((await page(path)).headers.get('cache-control')).toBe('no-store')
      }
      expect((await page('/ledger/checkpoint')).headers.get('cache-control')).toBe('no-cache')
    })

    it('hold no inline script or style, and nothing from elsewhere', async () => {
      for (const path of PAGES) {
        const html = text(await page(path, path === '/me' ? (await Person.join(ground, owner)).session : owner))
        expect(html).not.toMatch(/<script(?![^>]* src="\/)|<style|\son[a-z]+=|\sstyle=|(?:src|href)="(?:https?:)?\/\//)
      }
    })

    it('say nothing of what broke, and log no message of it', async () => {
      await ground.sql.query('alter table release.releases rename to hidden')
      const before = ground.logged.length
      const json = await ground.call('/releases', { token: researcher })
      await ground.sql.query('alter table release.hidden rename to releases')
      expect(json.status).toBe(500)
      expect(text(json)).toContain('INTERNAL')
      expect(text(json)).not.toMatch(/relation|select|pg/)
      expect(ground.logged.length).toBe(before + 1)
      expect(ground.logged.at(-1)).not.toMatch(/relation|127\.0\.0\.1/)
    })

    it.each([
      ['no JSON', '/api/join', '{', 'application/json'],
      ['another type', '/api/join', '<code/>', 'application/xml'],
      ['a strange field', '/api/join', '{"code":"x","admin":true}', 'application/json'],
      ['a body that is too large', '/api/join', JSON.stringify({ code: 'x'.repeat(100_000) }), 'application/json'],
    ])('to %s are refusals in the one form', async (_what, path, body, type) => {
      const answer = await ground.call(path, { body, headers: { 'content-type': type } })
      expect(answer).toMatchObject({ status: 400, code: 'BODY_INVALID' })
      expect(Object.keys(answer.body.error as object)).toEqual(['code', 'message', 'advice'])
    })

    it('are described in OpenAPI 3.1 from the schemas that validate', async () => {
      const { body } = await page('/api/openapi.json')
      expect(body.openapi).toBe('3.1.0')
      const paths = body.paths as Record<string, Record<string, { requestBody?: unknown; responses: object }>>
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining([
          '/api/charters/{hash}',
          '/api/consent',
          '/api/consent/withdraw',
          '/api/devices',
          '/api/devices/cut-off',
          '/api/invitations',
          '/api/join',
          '/api/leases',
          '/api/passkeys',
          '/api/passkeys/options',
          '/api/passkeys/remove',
          '/api/permits',
          '/api/programme',
          '/api/programme/changes',
          '/api/programme/charter',
          '/api/programme/charter/approvals',
          '/api/programme/epoch',
          '/api/programme/state',
          '/api/sessions/revoke-all',
          '/api/sign-in',
          '/api/sign-out',
          '/api/step-up',
          '/api/step-up/options',
          '/healthz',
        ]),
      )
      expect(JSON.stringify(paths['/api/consent']?.post?.requestBody)).toContain('noticeVersion')
      expect(Object.keys(paths['/api/leases']?.post?.responses ?? {})).toContain('200')
    })
  })

  describe('its ledger routes', () => {
    it('serve the checkpoint and tiles, and nothing else', async () => {
      const checkpoint = await page('/ledger/checkpoint')
      const [origin, size] = text(checkpoint).split('\n')
      expect(origin).toBe('fairtrace/test-programme')
      expect(checkpoint.headers.get('content-type')).toMatch(/^text\/plain/)
      const tile = await page(`/ledger/tile/0/000.p/${size}`)
      expect(tile.status).toBe(200)
      expect(tile.headers.get('cache-control')).toContain('immutable')
      expect((await page(`/ledger/tile/entries/000.p/${size}`)).status).toBe(200)
      for (const path of [
        '/ledger/tile/9/000',
        '/ledger/tile/..%2fcheckpoint',
        '/ledger/secrets',
        '/ledger/tile/0/999',
      ]) {
        expect((await page(path)).status).toBe(404)
      }
    })
  })

  describe('the local sign-in', () => {
    const tryIn = (name: string, password: string, headers: Record<string, string> = {}) =>
      ground.call('/api/sign-in', { body: { name, password }, headers })

    it('gives one answer to a wrong name and to a wrong password', async () => {
      const [name, password] = await Promise.all([tryIn('Nobody', OWNER.password), tryIn(OWNER.name, 'wrong')])
      expect(name).toMatchObject({ status: 401, code: 'SESSION_REQUIRED' })
      expect(password.body).toEqual(name.body)
      expect(name.headers.get('set-cookie')).toBeNull()
    })

    it.each([
      ['in production', { installation: 'production' as const }],
      ['where others on the network could reach it', { listen: { host: '0.0.0.0', port: 0 } }],
      ['without a file of accounts', { demoAccountsFile: null }],
    ])('does not exist %s', async (_where, settings) => {
      const { address, setReady } = await ground.another(settings)
      setReady(true)
      const url = address.replace('0.0.0.0', '127.0.0.1')
      const body = JSON.stringify({ name: OWNER.name, password: OWNER.password })
      for (const path of ['/api/sign-in', '/sign-in']) {
        const answer = await fetch(`${url}${path}`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
        })
        expect(answer.status).toBe(404)
      }
      expect(await (await fetch(`${url}/sign-in`)).text()).toContain('no sign-in of its own')
    })

    it('sets a cookie that scripts and other sites never get, new at each sign-in, gone at sign-out', async () => {
      const first = await tryIn(OWNER.name, OWNER.password)
      expect(first.body).toEqual({ role: 'programme-owner' })
      expect(first.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/)
      const before = sessionOf(first.headers)
      const again = await tryIn(OWNER.name, OWNER.password, { cookie: `fairtrace_session=${before}` })
      const after = sessionOf(again.headers)
      expect(after).toMatch(/^[\w-]{43}$/)
      expect(after).not.toBe(before)
      const invite = (token: string) => ground.call('/api/invitations', { token, body: { count: 1 } })
      expect((await invite(before)).status).toBe(401)
      expect((await invite(after)).status).toBe(200)
      const headers = { cookie: `fairtrace_session=${after}`, origin: ground.url }
      expect((await ground.call('/api/sign-out', { body: {}, headers })).status).toBe(200)
      expect((await invite(after)).status).toBe(401)
    })

    it('of a participant leads to their own page and to nobody else’s', async () => {
      const people = [await Person.join(ground, owner), await Person.join(ground, owner)]
      ground.moveClock(14 * DAY_MS)
      await people[0]?.consent()
      const file = JSON.parse(readFileSync(ground.accountsFile, 'utf8')) as { accounts: object[] }
      for (const [i, { session }] of people.entries()) {
        file.accounts.push({ name: `Person ${i}`, role: 'participant', password: `password-${i}`, session })
      }
      writeFileSync(ground.accountsFile, JSON.stringify(file))
      const cookies = await Promise.all(
        [0, 1].map(async (i) => sessionOf((await tryIn(`Person ${i}`, `password-${i}`)).headers)),
      )
      const as = (i: number, path: string) =>
        ground.call(path, { headers: { cookie: `fairtrace_session=${cookies[i]}` } })
      expect(text(await as(0, '/me'))).toContain('Your devices may record what you chose')
      expect(text(await as(1, '/me'))).toContain('you have not said yes')
      expect((await as(0, '/me/receipts/1')).headers.get('content-disposition')).toContain('attachment')
      expect((await as(1, '/me/receipts/1')).status).toBe(404)
      expect((await as(1, '/programme')).status).toBe(403)
      expect((await page('/me')).headers.get('location')).toBe('/sign-in')
    })
  })

  describe('a request that carries a cookie', () => {
    const post = (headers: Record<string, string>) =>
      ground.call('/api/invitations', {
        body: { count: 1 },
        headers: { cookie: `fairtrace_session=${owner}`, ...headers },
      })

    it.each([
      ['from another site', { 'sec-fetch-site': 'cross-site' }],
      ['from a neighbour on the same site', { 'sec-fetch-site': 'same-site' }],
      ['from another origin', { origin: 'https://evil.example' }],
      ['from an origin that hides', { origin: 'null' }],
      ['whose two statements differ', { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }],
      ['that says nothing of where it comes from', {}],
    ])('changes nothing %s', async (_where, headers) => {
      expect(await post(headers as Record<string, string>)).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
    })

    it('does what it says from a page of ours', async () => {
      expect((await post({ 'sec-fetch-site': 'same-origin', origin: ground.url })).status).toBe(200)
      expect((await post({ origin: ground.url })).status).toBe(200)
    })

    it('can’t sign anybody in or out from elsewhere', async () => {
      const headers = { origin: 'https://evil.example', cookie: `fairtrace_session=${owner}` }
      const body = { name: OWNER.name, password: OWNER.password }
      expect(await ground.call('/api/sign-in', { body, headers })).toMatchObject({ code: 'ORIGIN_REFUSED' })
      expect(await ground.call('/api/sign-out', { body: {}, headers })).toMatchObject({ code: 'ORIGIN_REFUSED' })
    })
  })

  // Last: it takes the ledger away.
  it('pauses at once without the ledger, and starts nothing without it', async () => {
    await ground.stopLedger()
    const move = (state: string) => ground.call('/api/programme/state', { token: owner, body: { state } })
    const pause = move('paused')
    await expect.poll(async () => (await page('/api/programme')).body.state, { timeout: 2_000 }).toBe('paused')
    const run = move('running')
    expect(await pause).toMatchObject({ status: 200, body: { state: 'paused', logged: null } })
    expect(await run).toMatchObject({ status: 503, code: 'LEDGER_UNAVAILABLE' })
    expect((await page('/api/programme')).body.state).toBe('paused')
  })
})
