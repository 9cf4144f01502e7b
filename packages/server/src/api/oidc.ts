/**
 * Sign-in through the organisation's OpenID Connect provider: authorisation code with PKCE, state and nonce.
 *
 * What a sign-in under way needs stays here, under a random key that only the browser which began it holds, and is used
 * once. Where the browser goes afterwards is decided by the portal alone: no request can name a place.
 */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import * as client from 'openid-client'
import { hashSecret, newSession } from '../consent/secrets.ts'
import { isLoopback, type SignInSettings, STAFF_ROLES, type StaffRole } from '../runtime/sign-in-settings.ts'
import type { SignedIn } from './sessions.ts'
import { ShortLived } from './short-lived.ts'

/** How long a person may take at the provider. */
export const SIGN_IN_MS = 10 * 60_000
export const CALLBACK_PATH = '/sign-in/callback'
const SIGN_INS_MAX = 10_000
const PROVIDER_TIMEOUT_S = 10
/** The provider's keys and addresses are read again after so long. */
const DISCOVERY_MS = 3_600_000
const GROUPS_MAX = 1_000
const CLOCK_TOLERANCE_S = 30

interface UnderWay {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

export class OidcSignIn {
  readonly #settings: SignInSettings
  readonly #portalAddress: () => string
  readonly #nowMs: () => number
  readonly #underWay: ShortLived<UnderWay>
  #provider: { readonly configuration: client.Configuration; readonly readAtMs: number } | null = null
  /** One reading for all who wait for it: a provider that is slow isn't asked by each of them. */
  #reading: Promise<client.Configuration> | null = null

  /**
   * @param portalAddress where people reach the portal
   * @param nowMs of a clock that only the passing of time moves
   */
  constructor(settings: SignInSettings, portalAddress: () => string, nowMs: () => number) {
    this.#settings = settings
    this.#portalAddress = portalAddress
    this.#nowMs = nowMs
    this.#underWay = new ShortLived({ nowMs, lifeMs: SIGN_IN_MS, countMax: SIGN_INS_MAX })
  }

  /**
   * Begins a sign-in: where to send the browser, and the key that it must bring back in a cookie.
   * @throws `SIGN_IN_UNAVAILABLE` if the provider does not answer
   */
  async begin(): Promise<{ readonly url: string; readonly key: string }> {
    const configuration = await this.#configuration()
    const underWay = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    }
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback(''),
      scope: this.#settings.scopes.join(' '),
      state: underWay.state,
      nonce: underWay.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(underWay.verifier),
      code_challenge_method: 'S256',
    })
    const key = newSession()
    this.#underWay.put(hashSecret(key), underWay)
    return { url: url.href, key }
  }

  /**
   * Ends a sign-in with what the provider sent the browser back with. Whatever comes of it, it can't be tried again.
   * @param key from the cookie, or undefined if the browser has none
   * @param query of the callback, with its question mark
   * @throws `SIGN_IN_FAILED`; `SIGN_IN_UNAVAILABLE`; `ROLE_REQUIRED` if none of the person's groups has a role
   */
  async finish(key: string | undefined, query: string): Promise<SignedIn> {
    const underWay = key === undefined ? null : this.#underWay.take(hashSecret(key))
    if (underWay === null) {
      throw new FairtraceError('SIGN_IN_FAILED', 'no sign-in is under way in this browser, or it took too long')
    }
    const claims = await this.#claims(underWay, query)
    const groups = groupsOf(claims[this.#settings.groupsClaim])
    const roles = this.#roles(groups)
    if (roles.size === 0) throw new FairtraceError('ROLE_REQUIRED', 'none of your groups has a role here')
    const name = [claims.name, claims.preferred_username].find((text) => typeof text === 'string' && text !== '')
    return {
      kind: 'staff',
      name: typeof name === 'string' ? name.slice(0, 128) : 'Member of staff',
      account: hashSecret(`${claims.iss}\n${claims.sub}`),
      roles,
      groups,
    }
  }

  /** Claims of an ID token whose signature, issuer, audience, nonce and times have been checked. */
  async #claims({ state, nonce, verifier }: UnderWay, query: string): Promise<client.IDToken> {
    const configuration = await this.#configuration()
    try {
      const tokens = await client.authorizationCodeGrant(configuration, new URL(this.#callback(query)), {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const claims = tokens.claims()
      if (claims === undefined) throw new FairtraceError('SIGN_IN_FAILED', 'the provider sent no ID token')
      return claims
    } catch (cause) {
      // Denied. What the provider wrote is not repeated: it may hold anything, from anybody.
      if (isFairtraceError(cause)) throw cause
      if (isOutOfReach(cause)) throw unavailable(cause)
      if (cause instanceof client.AuthorizationResponseError) {
        throw new FairtraceError('SIGN_IN_FAILED', 'your organisation’s sign-in was cancelled or refused', { cause })
      }
      throw new FairtraceError('SIGN_IN_FAILED', 'the answer of your organisation’s sign-in did not hold', { cause })
    }
  }

  /** A group without a role gives none. */
  #roles(names: readonly string[]): ReadonlySet<StaffRole> {
    const roleOf = new Map(Object.entries(this.#settings.roles))
    const given = new Set(names.map((name) => roleOf.get(name)))
    return new Set(STAFF_ROLES.filter((role) => given.has(role)))
  }

  #callback(query: string): string {
    return new URL(`${CALLBACK_PATH}${query}`, this.#portalAddress()).href
  }

  /** @throws `SIGN_IN_UNAVAILABLE` */
  #configuration(): Promise<client.Configuration> | client.Configuration {
    if (this.#provider !== null && this.#nowMs() < this.#provider.readAtMs + DISCOVERY_MS) {
      return this.#provider.configuration
    }
    this.#reading ??= this.#discover().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #discover(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings
    const server = new URL(issuer)
    // Checks signatures of ID tokens too, although they come straight from the provider.
    const execute = [client.enableNonRepudiationChecks]
    if (server.protocol === 'http:' && isLoopback(server.hostname)) execute.push(client.allowInsecureRequests)
    try {
      const configuration = await client.discovery(
        server,
        clientId,
        { [client.clockTolerance]: CLOCK_TOLERANCE_S },
        clientSecret === undefined ? client.None() : secretAuthentication(clientSecret),
        { execute, timeout: PROVIDER_TIMEOUT_S },
      )
      this.#provider = { configuration, readAtMs: this.#nowMs() }
      return configuration
    } catch (cause) {
      throw unavailable(cause)
    }
  }
}

function groupsOf(claim: unknown): readonly string[] {
  const names = typeof claim === 'string' ? [claim] : Array.isArray(claim) ? claim.slice(0, GROUPS_MAX) : []
  return names.filter((name) => typeof name === 'string' && name !== '' && name.length <= 256)
}

/** In the header, as the standard wants every provider to allow, unless it says that it doesn't. */
function secretAuthentication(secret: string): client.ClientAuth {
  const basic = client.ClientSecretBasic(secret)
  const post = client.ClientSecretPost(secret)
  return (server, metadata, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    return (methods.includes('client_secret_basic') ? basic : post)(server, metadata, body, headers)
  }
}

/** `fetch` fails with a TypeError, openid-client's own limit with a code. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof client.ClientError && error.code === 'OAUTH_TIMEOUT')
}

function unavailable(cause: unknown): FairtraceError {
  return new FairtraceError('SIGN_IN_UNAVAILABLE', 'your organisation’s sign-in does not answer', { cause })
}
