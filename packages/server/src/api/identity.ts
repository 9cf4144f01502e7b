/** Who asks. The only place where a cookie or a bearer token becomes a person, so that no route can forget a check. */
import { FairtraceError } from '@fairtrace/core'
import type { FastifyRequest } from 'fastify'
import { hashSecret } from '../consent/secrets.ts'
import type { ConsentStore } from '../consent/store.ts'
import type { StaffRole } from '../runtime/sign-in-settings.ts'
import type { PortalCookies } from './cookies.ts'
import type { Sessions, SignedIn } from './sessions.ts'

/** A person, and the session under which they speak now: the hash of its token. */
export type Identity = SignedIn & { readonly session: string }
export type ParticipantIdentity = Extract<Identity, { kind: 'participant' }>
export type StaffIdentity = Extract<Identity, { kind: 'staff' }>

export class Identities {
  readonly #sessions: Sessions
  readonly #store: ConsentStore
  readonly #cookies: PortalCookies

  constructor(sessions: Sessions, store: ConsentStore, cookies: PortalCookies) {
    this.#sessions = sessions
    this.#store = store
    this.#cookies = cookies
  }

  /**
   * @returns null if nobody is signed in
   * @throws `ORIGIN_REFUSED` if a cookie came with a change that no page of ours sent
   */
  async of(request: FastifyRequest): Promise<Identity | null> {
    const bearer = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(request.headers.authorization ?? '')?.[1]
    if (bearer !== undefined) return identify(this.#sessions.find(bearer) ?? (await this.#participant(bearer)), bearer)
    // A header that is there but strange doesn't fall back to the cookie.
    const token = request.headers.authorization === undefined ? this.#cookies.session(request) : undefined
    if (token === undefined) return null
    if (!['GET', 'HEAD'].includes(request.method)) requireOwnPage(request)
    return identify(this.#sessions.find(token), token)
  }

  /** Staff and participants alike. @throws `SESSION_REQUIRED`, `ORIGIN_REFUSED` */
  async requireAnybody(request: FastifyRequest): Promise<Identity> {
    const who = await this.of(request)
    if (who === null) throw new FairtraceError('SESSION_REQUIRED', 'nobody is signed in')
    return who
  }

  /** @throws `SESSION_REQUIRED`, `ROLE_REQUIRED`, `ORIGIN_REFUSED` */
  async requireParticipant(request: FastifyRequest): Promise<ParticipantIdentity> {
    const who = await this.requireAnybody(request)
    if (who.kind !== 'participant') throw new FairtraceError('ROLE_REQUIRED', 'this is for participants')
    return who
  }

  /** One of these roles is enough. @throws `SESSION_REQUIRED`, `ROLE_REQUIRED`, `ORIGIN_REFUSED` */
  async requireStaff(request: FastifyRequest, ...roles: readonly StaffRole[]): Promise<StaffIdentity> {
    const who = await this.requireAnybody(request)
    if (who.kind !== 'staff' || !roles.some((role) => who.roles.has(role))) {
      throw new FairtraceError('ROLE_REQUIRED', `this is for: ${roles.join(', ')}`)
    }
    return who
  }

  async #participant(session: string): Promise<SignedIn | null> {
    const found = await this.#store.participant(session)
    return found === null ? null : { kind: 'participant', name: 'participant', ...found }
  }
}

function identify(who: SignedIn | null, token: string): Identity | null {
  return who === null ? null : { ...who, session: hashSecret(token) }
}

/**
 * Refuses a change that another site had the browser send. A browser says where it comes from; a client that says nothing
 * has no business with a cookie.
 * @throws `ORIGIN_REFUSED`
 */
export function requireOwnPage(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  const isOwnSite = site === undefined || site === 'same-origin'
  const isOwnOrigin = origin === undefined || hostOf(origin) === request.headers.host
  const isStated = site !== undefined || origin !== undefined
  if (!(isOwnSite && isOwnOrigin && isStated)) {
    throw new FairtraceError('ORIGIN_REFUSED', 'the request did not come from a page of this portal')
  }
}

/** For requests without a session yet: as `requireOwnPage`, but a client that isn't a browser may say nothing. */
export function refuseOtherSites(request: FastifyRequest): void {
  const isStated = request.headers['sec-fetch-site'] !== undefined || request.headers.origin !== undefined
  if (isStated) requireOwnPage(request)
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}
