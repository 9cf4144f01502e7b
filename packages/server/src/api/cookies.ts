/** The portal's two cookies: no script sees them, and none but the portal's own address gets them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SESSION_MS } from './sessions.ts'

export class PortalCookies {
  readonly #isSecure: boolean
  readonly #session: string
  readonly #signIn: string

  /** @param isSecure whether people reach the portal over https; without it, it is on the loopback address alone */
  constructor(isSecure: boolean) {
    this.#isSecure = isSecure
    // The prefix makes a browser refuse a cookie of this name that a neighbour on the same domain sets.
    const prefix = isSecure ? '__Host-' : ''
    this.#session = `${prefix}fairtrace_session`
    this.#signIn = `${prefix}fairtrace_sign_in`
  }

  session(request: FastifyRequest): string | undefined {
    return request.cookies[this.#session]
  }

  setSession(reply: FastifyReply, token: string): void {
    reply.setCookie(this.#session, token, { ...this.#options('strict'), maxAge: SESSION_MS / 1000 })
  }

  clearSession(reply: FastifyReply): void {
    reply.clearCookie(this.#session, this.#options('strict'))
  }

  /** Ties a sign-in at the organisation's provider to the browser that began it. */
  signIn(request: FastifyRequest): string | undefined {
    return request.cookies[this.#signIn]
  }

  setSignIn(reply: FastifyReply, token: string, lifeMs: number): void {
    // Lax: the provider's site sends the browser back here, and a strict cookie would stay at home.
    reply.setCookie(this.#signIn, token, { ...this.#options('lax'), maxAge: lifeMs / 1000 })
  }

  clearSignIn(reply: FastifyReply): void {
    reply.clearCookie(this.#signIn, this.#options('lax'))
  }

  #options(sameSite: 'strict' | 'lax') {
    return { path: '/', httpOnly: true, secure: this.#isSecure, sameSite } as const
  }
}
