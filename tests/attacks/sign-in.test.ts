/** What somebody tries who wants another's session, a role that isn't theirs, or a victim sent elsewhere. */
import { request as httpRequest } from 'node:http'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Browser,
  type LyingProvider,
  newRsaKey,
  type Staff,
  signedToken,
  startLyingProvider,
  startProvider,
  type TestProvider,
} from '../oidc-ground.ts'
import { OWNER, Person, type PortalGround, RESEARCHER, startPortalGround, startProgramme } from '../portal-ground.ts'

const OLGA: Staff = { sub: 'olga', name: 'Olga Owner', groups: ['fairtrace-owners', 'everybody'] }
const AUDREY: Staff = { sub: 'audrey', name: 'Audrey', groups: ['fairtrace-audit', 'fairtrace-research'] }
const SESSION = 'fairtrace_session'

/** Every route that changes something for whoever is signed in, with a body that its schema takes. */
const POSTS: readonly (readonly [string, unknown])[] = [
  ['/api/sign-out', {}],
  ['/api/sessions/revoke-all', {}],
  ['/api/passkeys/options', {}],
  ['/api/passkeys', { id: 'AA', response: { clientDataJSON: 'AA', attestationObject: 'AA' } }],
  ['/api/passkeys/remove', { id: 'AA' }],
  ['/api/step-up/options', { purpose: 'run-programme' }],
  [
    '/api/step-up',
    {
      purpose: 'run-programme',
      id: 'AA',
      response: { clientDataJSON: 'AA', authenticatorData: 'AA', signature: 'AA' },
    },
  ],
  ['/sign-out', {}],
  ['/security/sign-out-everywhere', {}],
]

describe('the sign-in', () => {
  let ground: PortalGround
  let provider: TestProvider
  let lying: LyingProvider
  /** A portal in production whose staff sign in at the real provider, and one whose provider lies. */
  let url: string
  let deceivedUrl: string

  beforeAll(async () => {
    provider = await startProvider()
    lying = await startLyingProvider()
    ground = await startPortalGround()
    const production = { installation: 'production', demoAccountsFile: null } as const
    const portal = await ground.another({ ...production, signIn: provider.settings })
    const deceived = await ground.another({ ...production, signIn: lying.settings })
    for (const { setReady } of [ground.portal, portal, deceived]) setReady(true)
    url = portal.address
    deceivedUrl = deceived.address
    await provider.connect(url)
    await startProgramme(ground, await ground.signIn(OWNER.name, OWNER.password))
  })
  afterAll(async () => {
    await ground?.stop()
    await provider?.stop()
    await lying?.stop()
  })

  const api = async (path: string, token: string, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  const signIn = async (who: Staff, browser = new Browser()) => {
    provider.next = who
    const answer = await browser.get(await browser.toCallback(url))
    return { status: answer.status, text: await answer.text(), token: browser.cookies(url).get(SESSION) ?? '', browser }
  }

  it('through a real provider gives all roles of a person’s groups, and their name', async () => {
    const { status, text, token } = await signIn(AUDREY)
    expect(status).toBe(200)
    expect(text).toContain('<meta http-equiv="refresh" content="0; url=/programme">')
    const page = await api('/releases', token)
    expect(page.text).toContain('Audrey, researcher and auditor')
    expect((await api('/api/invitations', token, { count: 1 })).text).toContain('ROLE_REQUIRED')
    expect((await api('/api/invitations', (await signIn(OLGA)).token, { count: 1 })).status).toBe(200)
  })

  describe('fixation', () => {
    it('finds a new session after the sign-in, and neither the planted one nor the attacker’s alive', async () => {
      const attacker = await signIn(AUDREY)
      const browser = new Browser()
      browser.cookies(url).set(SESSION, attacker.token)
      const { token } = await signIn(OLGA, browser)
      expect(token).toMatch(/^[\w-]{43}$/)
      expect(token).not.toBe(attacker.token)
      expect((await api('/releases', attacker.token)).text).not.toContain('Olga')
      expect((await api('/api/passkeys', attacker.token)).status).toBe(401)
      browser.cookies(url).set(SESSION, 'A'.repeat(43))
      expect((await signIn(OLGA, browser)).token).not.toBe('A'.repeat(43))
    })

    it('can’t end a sign-in that the victim’s browser did not begin', async () => {
      const attacker = new Browser()
      provider.next = AUDREY
      const callback = await attacker.toCallback(url)
      const victim = new Browser()
      expect((await refusal(await victim.get(callback))).code).toBe('SIGN_IN_FAILED')
      // Nor if the victim has one of their own under way.
      await victim.get(`${url}/sign-in/oidc`)
      expect((await refusal(await victim.get(callback))).code).toBe('SIGN_IN_FAILED')
      expect(victim.cookies(url).get(SESSION)).toBeUndefined()
    })
  })

  describe('a replay', () => {
    it('of a callback is refused, in the same browser too', async () => {
      const browser = new Browser()
      provider.next = OLGA
      const callback = await browser.toCallback(url)
      const key = browser.cookies(url).get('fairtrace_sign_in') ?? ''
      expect((await browser.get(callback)).status).toBe(200)
      browser.cookies(url).set('fairtrace_sign_in', key)
      expect(await refusal(await browser.get(callback))).toMatchObject({ status: 401, code: 'SIGN_IN_FAILED' })
    })

    it('of a code under another sign-in’s state is refused', async () => {
      const [one, two] = [new Browser(), new Browser()]
      provider.next = OLGA
      const code = new URL(await one.toCallback(url)).searchParams.get('code') ?? ''
      const other = new URL(await two.toCallback(url))
      other.searchParams.set('code', code)
      expect((await refusal(await two.get(other.href))).code).toBe('SIGN_IN_FAILED')
    })

    it('of a state is refused, and a wrong one uses the sign-in up', async () => {
      const browser = new Browser()
      provider.next = OLGA
      const callback = await browser.toCallback(url)
      const wrong = new URL(callback)
      wrong.searchParams.set('state', 'A'.repeat(43))
      const key = browser.cookies(url).get('fairtrace_sign_in') ?? ''
      expect((await refusal(await browser.get(wrong.href))).code).toBe('SIGN_IN_FAILED')
      browser.cookies(url).set('fairtrace_sign_in', key)
      expect((await refusal(await browser.get(callback))).code).toBe('SIGN_IN_FAILED')
    })
  })

  describe('a redirect', () => {
    it.each(['?return=https://evil.example', '?redirect_uri=https://evil.example', '?next=//evil.example'])(
      'to elsewhere can’t be asked for with %s',
      async (query) => {
        const begun = await fetch(`${url}/sign-in/oidc${query}`, { redirect: 'manual' })
        expect(begun.headers.get('location')).toContain(`${provider.settings.issuer}/auth?`)
        expect(begun.headers.get('location')).not.toContain('evil')
        const browser = new Browser()
        provider.next = OLGA
        const callback = await browser.toCallback(url)
        const ended = await browser.get(`${callback}&${query.slice(1)}`)
        expect(ended.headers.get('location')).toBeNull()
        expect(await ended.text()).not.toContain('evil')
      },
    )

    it('does not follow a Host header that lies', async () => {
      const location = await new Promise<string | undefined>((resolve, reject) => {
        const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' }
        httpRequest(`${url}/sign-in/oidc`, { headers }, (response) => {
          response.resume()
          resolve(response.headers.location)
        })
          .on('error', reject)
          .end()
      })
      expect(new URL(location ?? '').searchParams.get('redirect_uri')).toBe(`${url}/sign-in/callback`)
    })
  })

  describe('a provider’s answer', () => {
    const nowS = () => Math.floor(Date.now() / 1000)

    it('that is in order lets in', async () => {
      expect((await deceive((honest, sign) => sign(honest))).status).toBe(200)
    })

    it.each<[string, LyingProvider['idToken']]>([
      ['for another audience', (honest, sign) => sign({ ...honest, aud: 'another-portal' })],
      [
        'for others besides, from another party',
        (honest, sign) => sign({ ...honest, aud: ['fairtrace', 'b'], azp: 'b' }),
      ],
      ['of another issuer', (honest, sign) => sign({ ...honest, iss: 'https://login.evil.example' })],
      ['with another nonce', (honest, sign) => sign({ ...honest, nonce: 'another' })],
      ['without a nonce', ({ nonce: _nonce, ...honest }, sign) => sign(honest)],
      ['that has expired', (honest, sign) => sign({ ...honest, iat: nowS() - 600, exp: nowS() - 300 })],
      ['that never expires', ({ exp: _exp, ...honest }, sign) => sign(honest)],
      ['of nobody', ({ sub: _sub, ...honest }, sign) => sign(honest)],
      ['signed by another key', (honest) => signedToken(honest, newRsaKey())],
      ['signed by nobody', (honest) => signedToken(honest, null)],
      ['without any ID token', () => null],
    ])('%s is refused', async (_what, idToken) => {
      const { status, code, browser } = await deceive(idToken)
      expect({ status, code }).toEqual({ status: 401, code: 'SIGN_IN_FAILED' })
      expect(browser.cookies(deceivedUrl).get(SESSION)).toBeUndefined()
    })

    it.each([
      ['a group without a role', ['everybody']],
      ['no groups', []],
      ['a claim that is missing', undefined],
      ['a claim of another form', { 'fairtrace-owners': true }],
      ['a name that every object has', ['__proto__', 'constructor', 'toString']],
      ['a group that only begins the same', ['fairtrace-owners-of-cats', 'FAIRTRACE-OWNERS']],
    ])('with %s gives no role, and no session', async (_what, groups) => {
      const { status, code, browser } = await deceive(({ groups: _groups, ...honest }, sign) =>
        sign(groups === undefined ? honest : { ...honest, groups }),
      )
      expect({ status, code }).toEqual({ status: 403, code: 'ROLE_REQUIRED' })
      expect(browser.cookies(deceivedUrl).get(SESSION)).toBeUndefined()
    })

    it('that is an error is said in our words alone', async () => {
      provider.next = { error: 'access_denied', description: 'Call 555-EVIL to unlock' }
      const browser = new Browser()
      const answer = await refusal(await browser.get(await browser.toCallback(url)))
      expect(answer).toMatchObject({ status: 401, code: 'SIGN_IN_FAILED' })
      expect(answer.text).toContain('cancelled or refused')
      expect(answer.text).not.toMatch(/EVIL|access_denied/)
    })

    it('that does not come is no way in', async () => {
      const { address } = await ground.another({ signIn: { ...provider.settings, issuer: 'http://127.0.0.1:9' } })
      const answer = await refusal(await fetch(`${address}/sign-in/oidc`, { redirect: 'manual' }))
      expect(answer).toMatchObject({ status: 503, code: 'SIGN_IN_UNAVAILABLE' })
    })

    async function deceive(idToken: LyingProvider['idToken']) {
      lying.idToken = idToken
      const browser = new Browser()
      const begun = await browser.get(`${deceivedUrl}/sign-in/oidc`)
      const asked = new URL(begun.headers.get('location') ?? '').searchParams
      lying.nonce = asked.get('nonce') ?? ''
      const callback = `${deceivedUrl}/sign-in/callback?code=c&state=${asked.get('state')}`
      return { ...(await refusal(await browser.get(callback))), browser }
    }
  })

  it('behind a proxy keeps its cookies to https and to its own name', async () => {
    const portal = 'https://fairtrace.example'
    const { address } = await ground.another({ signIn: { ...provider.settings, portal } })
    const begun = await fetch(`${address}/sign-in/oidc`, { redirect: 'manual' })
    expect(begun.headers.get('set-cookie')).toMatch(
      /^__Host-fairtrace_sign_in=[\w-]{43};.*HttpOnly; Secure; SameSite=Lax/,
    )
    const location = new URL(begun.headers.get('location') ?? '')
    expect(location.searchParams.get('redirect_uri')).toBe(`${portal}/sign-in/callback`)
    expect(location.searchParams.get('code_challenge_method')).toBe('S256')
  })

  describe('a request from another site', () => {
    it.each(POSTS)('changes nothing at %s', async (path, body) => {
      const { token } = await signIn(OLGA)
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, {}]) {
        const response = await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', cookie: `${SESSION}=${token}`, ...headers } as HeadersInit,
          body: JSON.stringify(body),
          redirect: 'manual',
        })
        expect(await refusal(response)).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
      }
      expect((await api('/api/passkeys', token)).status).toBe(200)
    })
  })

  describe('of a participant', () => {
    const form = async (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) => {
      const body = new URLSearchParams(fields)
      const response = await fetch(`${url}${path}`, { method: 'POST', body, headers, redirect: 'manual' })
      const token = /fairtrace_session=([\w-]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1] ?? null
      return { ...(await refusal(response)), token, location: response.headers.get('location') }
    }
    const invitation = async () => {
      const { token } = await signIn(OLGA)
      return JSON.parse((await api('/api/invitations', token, { count: 1 })).text).codes[0] as string
    }

    it('takes an invitation once, shows the key once, and the key opens their part', async () => {
      const code = await invitation()
      const joined = await form('/join', { code })
      const key = /aria-label="Your key"><code>([\w-]{43})</.exec(joined.text)?.[1] ?? ''
      expect((await api('/me', joined.token ?? '')).status).toBe(200)
      expect(await form('/join', { code })).toMatchObject({ code: 'INVITATION_UNKNOWN', token: null })
      const again = await form('/sign-in/participant', { session: key })
      expect(again).toMatchObject({ status: 303, location: '/me' })
      expect(again.token).not.toBe(key)
      expect((await api('/me', again.token ?? '')).text).not.toContain(key)
    })

    it('is refused with a key that nobody has, in one sentence', async () => {
      for (const session of ['A'.repeat(43), 'x', `' or true --`]) {
        const answer = await form('/sign-in/participant', { session })
        expect(answer).toMatchObject({ status: 401, token: null })
        expect(answer.text).toContain('Nobody has this key')
      }
    })

    it('is not begun by another site, which would have the victim speak for somebody that it knows', async () => {
      const { session } = await Person.join(ground, await ground.signIn(OWNER.name, OWNER.password))
      const headers = { origin: 'https://evil.example' }
      for (const [path, fields] of [
        ['/sign-in/participant', { session }],
        ['/join', { code: await invitation() }],
      ] as const) {
        expect(await form(path, fields, headers)).toMatchObject({ code: 'ORIGIN_REFUSED', token: null })
      }
    })
  })

  it('of a participant opens nothing of staff', async () => {
    const { session } = await Person.join(ground, await ground.signIn(OWNER.name, OWNER.password))
    for (const path of ['/programme', '/releases']) expect((await api(path, session)).status).toBe(403)
    for (const [path, body] of [
      ['/api/invitations', { count: 1 }],
      ['/api/programme/state', { state: 'paused' }],
      ['/api/programme/epoch', {}],
    ] as const) {
      const answer = await api(path, session, body)
      expect(answer.text).toContain('ROLE_REQUIRED')
    }
  })

  it('is over after signing out, and everywhere after ending all sessions', async () => {
    const [one, two] = [await signIn(OLGA), await signIn(OLGA)]
    const other = await signIn(AUDREY)
    const headers = { cookie: `${SESSION}=${one.token}`, origin: url, 'content-type': 'application/json' }
    const out = await fetch(`${url}/api/sign-out`, { method: 'POST', headers, body: '{}' })
    expect(out.status).toBe(200)
    expect((await api('/api/passkeys', one.token)).status).toBe(401)
    expect((await api('/api/passkeys', two.token)).status).toBe(200)
    const three = await signIn(OLGA)
    expect((await api('/api/sessions/revoke-all', three.token, {})).status).toBe(200)
    for (const { token } of [two, three]) expect((await api('/api/passkeys', token)).status).toBe(401)
    expect((await api('/api/passkeys', other.token)).status).toBe(200)
  })

  it('alone does not let a programme run in production: that needs a passkey', async () => {
    const { token } = await signIn(OLGA)
    expect((await api('/api/programme/state', token, { state: 'paused' })).status).toBe(200)
    const run = () => api('/api/programme/state', token, { state: 'running' })
    expect((await run()).text).toContain('STEP_UP_REQUIRED')
    const origin = url.replace('127.0.0.1', 'localhost')
    const authenticator = softwareAuthenticator()
    const created = JSON.parse((await api('/api/passkeys/options', token, {})).text)
    expect((await api('/api/passkeys', token, authenticator.create(created, origin))).status).toBe(200)
    expect((await run()).text).toContain('STEP_UP_REQUIRED')
    const purpose = 'run-programme'
    const { options } = JSON.parse((await api('/api/step-up/options', token, { purpose })).text)
    await api('/api/step-up', token, { purpose, ...authenticator.get(options, origin) })
    expect((await run()).status).toBe(200)
  })

  it('by password can be tried only so often, right or wrong, for one name at a time', async () => {
    const tryIn = (name: string, password: string) => ground.call('/api/sign-in', { body: { name, password } })
    for (let i = 0; i < 10; i++) expect((await tryIn(OWNER.name, `guess ${i}`)).status).toBe(401)
    expect(await tryIn(OWNER.name, OWNER.password)).toMatchObject({ status: 429, code: 'SIGN_IN_LIMITED' })
    expect(await tryIn(RESEARCHER.name, RESEARCHER.password)).toMatchObject({ status: 200 })
  })
})

/** The code on an error page or in a refusal. */
async function refusal(response: Response) {
  const text = await response.text()
  const code = /<code>([A-Z_]+)<\/code>|"code":"([A-Z_]+)"/.exec(text)
  return { status: response.status, code: code?.[1] ?? code?.[2] ?? null, text }
}
