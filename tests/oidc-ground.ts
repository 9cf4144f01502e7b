/** OpenID Connect providers on the loopback address: a real one, and one that lies; and a browser that carries cookies between. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { SignInSettings } from '@fairtrace/server/runtime/sign-in-settings'
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider'

const CLIENT_SECRET = 'a-secret-of-the-test-alone-0123456789'

export interface Staff {
  readonly sub: string
  readonly name: string
  readonly groups: unknown
}

export interface TestProvider {
  readonly settings: SignInSettings
  /** Names the portal to the provider. */
  connect(portalUrl: string): Promise<void>
  /** Who signs in next, or the error with which the provider sends them back. */
  next: Staff | { readonly error: string; readonly description: string }
  stop(): Promise<void>
}

const ROLES = {
  'fairtrace-owners': 'programme-owner',
  'fairtrace-research': 'researcher',
  'fairtrace-audit': 'auditor',
} as const

function settingsFor(issuer: string): SignInSettings {
  return {
    issuer,
    clientId: 'fairtrace',
    clientSecret: CLIENT_SECRET,
    scopes: ['openid', 'profile', 'groups'],
    groupsClaim: 'groups',
    roles: { ...ROLES },
  }
}

/** `oidc-provider` with its defaults, except that its login page is a person who always signs in. */
export async function startProvider(): Promise<TestProvider> {
  let handle = (_request: IncomingMessage, response: ServerResponse): unknown => response.writeHead(503).end()
  const { server, issuer } = await listen((request, response) => handle(request, response))
  const test: TestProvider = {
    settings: settingsFor(issuer),
    next: { sub: 'nobody', name: 'Nobody', groups: [] },
    connect: async (portalUrl) => {
      const people = new Map<string, Staff>()
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: 'fairtrace',
            client_secret: CLIENT_SECRET,
            redirect_uris: [`${portalUrl}/sign-in/callback`],
          },
        ],
        adapter: InMemory,
        jwks: { keys: [{ ...newRsaKey().export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
        cookies: { keys: ['a-cookie-key-of-the-test'] },
        claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
        conformIdTokenClaims: false,
        pkce: { required: () => true },
        features: { devInteractions: { enabled: false } },
        interactions: { url: (_context, { uid }) => `/login/${uid}` },
        ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
        findAccount: (_context, sub) => {
          const person = people.get(sub)
          return person === undefined ? undefined : { accountId: sub, claims: () => ({ ...person }) }
        },
        // Nobody is asked whether the portal may know them: it belongs to the same organisation.
        loadExistingGrant: async (context) => {
          const grant = new context.oidc.provider.Grant({
            clientId: context.oidc.client?.clientId ?? '',
            accountId: context.oidc.session?.accountId ?? '',
          })
          grant.addOIDCScope('openid profile groups')
          await grant.save()
          return grant
        },
      })
      const callback = provider.callback()
      handle = (request, response) => {
        if (!request.url?.startsWith('/login/')) return callback(request, response)
        const { next } = test
        if ('error' in next) {
          const result = { error: next.error, error_description: next.description }
          return provider.interactionFinished(request, response, result)
        }
        people.set(next.sub, next)
        return provider.interactionFinished(request, response, { login: { accountId: next.sub } })
      }
    },
    stop: () => close(server),
  }
  return test
}

export type Claims = Readonly<Record<string, unknown>>

export interface LyingProvider {
  readonly settings: SignInSettings
  /** Makes the next ID token; null sends none. */
  idToken: (honest: Claims, sign: (claims: Claims) => string) => string | null
  /** Of the sign-in under way. */
  nonce: string
  stop(): Promise<void>
}

/** Answers every code with whatever token the test makes; keys and addresses are in order. */
export async function startLyingProvider(): Promise<LyingProvider> {
  const key = newRsaKey()
  const { n, e } = key.export({ format: 'jwk' })
  const jwks = { keys: [{ kty: 'RSA', n, e, kid: 'key', alg: 'RS256', use: 'sig' }] }
  const { server, issuer } = await listen((request, response) => {
    answer(request.url ?? '')
      .then((body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)))
      .catch(() => response.writeHead(500).end())
  })
  const answer = async (url: string): Promise<object> => {
    if (url.startsWith('/.well-known/')) {
      return {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        id_token_signing_alg_values_supported: ['RS256'],
      }
    }
    if (url === '/jwks') return jwks
    const nowS = Math.floor(Date.now() / 1000)
    const honest = { iss: issuer, aud: 'fairtrace', sub: 'olga', nonce: lying.nonce, iat: nowS, exp: nowS + 60 }
    const idToken = lying.idToken({ ...honest, groups: ['fairtrace-owners'] }, (claims) => signedToken(claims, key))
    return { access_token: 'access', token_type: 'Bearer', ...(idToken === null ? {} : { id_token: idToken }) }
  }
  const lying: LyingProvider = {
    settings: settingsFor(issuer),
    idToken: (honest, signIt) => signIt(honest),
    nonce: '',
    stop: () => close(server),
  }
  return lying
}

export function newRsaKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

/** A compact JWS (RFC 7515), RS256; `null` in place of a key signs with nothing (`alg: none`). */
export function signedToken(claims: Claims, key: KeyObject | null): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode(key === null ? { alg: 'none' } : { alg: 'RS256', kid: 'key' })}.${encode(claims)}`
  return `${input}.${key === null ? '' : sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

/** What the provider keeps, for one test. */
class InMemory implements Adapter {
  static readonly #kept = new Map<string, AdapterPayload>()
  readonly #kind: string

  constructor(kind: string) {
    this.#kind = kind
  }

  async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    InMemory.#kept.set(this.#key(id), payload)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return InMemory.#kept.get(this.#key(id))
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return [...InMemory.#kept.values()].find((payload) => payload.kind === 'Session' && payload.uid === uid)
  }

  /** No device flow here. */
  async findByUserCode(): Promise<undefined> {
    return undefined
  }

  async consume(id: string): Promise<undefined> {
    const payload = await this.find(id)
    if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string): Promise<undefined> {
    InMemory.#kept.delete(this.#key(id))
  }

  async revokeByGrantId(grantId: string): Promise<undefined> {
    for (const [key, payload] of InMemory.#kept) if (payload.grantId === grantId) InMemory.#kept.delete(key)
  }

  #key(id: string): string {
    return `${this.#kind}:${id}`
  }
}

/** Follows redirects by hand and keeps cookies per origin, as far as a sign-in needs it. */
export class Browser {
  readonly #jars = new Map<string, Map<string, string>>()

  cookies(url: string): Map<string, string> {
    const { origin } = new URL(url)
    const jar = this.#jars.get(origin) ?? new Map<string, string>()
    this.#jars.set(origin, jar)
    return jar
  }

  async get(url: string): Promise<Response> {
    const jar = this.cookies(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { headers: cookie === '' ? {} : { cookie }, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }

  /** Begins a sign-in and goes on until the provider sends it back: the address of the callback, not opened yet. */
  async toCallback(portalUrl: string): Promise<string> {
    let url = `${portalUrl}/sign-in/oidc`
    for (let i = 0; i < 10; i++) {
      const location = (await this.get(url)).headers.get('location')
      if (location === null) throw new Error(`no redirect from ${new URL(url).pathname}`)
      url = new URL(location, url).href
      if (url.startsWith(`${portalUrl}/sign-in/callback`)) return url
    }
    throw new Error('the provider goes round in circles')
  }
}

function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ server: Server; issuer: string }> {
  const server = createServer(handle)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      resolve({ server, issuer: `http://127.0.0.1:${port}` })
    })
  })
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
