/** Signing out everywhere, and the local sign-in of a demonstration; where that isn't offered its route doesn't exist. */
import { FairtraceError } from '@fairtrace/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hashSecret } from '../../consent/secrets.ts'
import { type Account, findAccount } from '../accounts.ts'
import type { PortalApp } from '../app.ts'
import { refuseOtherSites, requireOwnPage } from '../identity.ts'
import type { Portal } from '../portal.ts'
import { doneAnswer, noFields, refusals, signInAnswer, signInBody } from '../schemas.ts'
import type { SignedIn } from '../sessions.ts'

export function localSignInRoutes(app: PortalApp, portal: Portal, accountsFile: string): void {
  app.post('/api/sign-in', {
    schema: {
      tags: ['sign-in'],
      summary: 'Sign in; sets a cookie',
      body: signInBody,
      response: { 200: signInAnswer, ...refusals },
    },
    handler: async (request, reply) => {
      const { name, password } = request.body
      const { role } = await signInLocally(portal, accountsFile, request, reply, name, password)
      return { role }
    },
  })
}

export function sessionRoutes(app: PortalApp, portal: Portal): void {
  app.post('/api/sign-out', {
    schema: { tags: ['sign-in'], summary: 'Sign out', body: noFields, response: { 200: doneAnswer, ...refusals } },
    handler: (request, reply) => {
      signOut(portal, request, reply)
      return { done: true as const }
    },
  })

  app.post('/api/sessions/revoke-all', {
    schema: {
      tags: ['sign-in'],
      summary: 'End every session that I began by signing in, on whatever machine',
      security: [{ session: [] }],
      body: noFields,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request, reply) => {
      await signOutEverywhere(portal, request, reply)
      return { done: true as const }
    },
  })
}

/**
 * @throws `SESSION_REQUIRED` if name or password are wrong; `SIGN_IN_LIMITED` after too many of them; `ORIGIN_REFUSED`
 */
export async function signInLocally(
  portal: Portal,
  accountsFile: string,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  password: string,
): Promise<{ readonly who: SignedIn; readonly role: Account['role'] }> {
  refuseOtherSites(request)
  portal.limits.begin(name)
  const account = await findAccount(accountsFile, name, password)
  if (account === null) throw new FairtraceError('SESSION_REQUIRED', 'the name or the password is wrong')
  portal.limits.succeeded(name)
  const who = await personOf(portal, account)
  await beginSession(portal, request, reply, who)
  return { who, role: account.role }
}

/** A new session with a new token; one that the browser had before, whoever set it, ends. */
export async function beginSession(
  { sessions, cookies, access }: Portal,
  request: FastifyRequest,
  reply: FastifyReply,
  who: SignedIn,
): Promise<void> {
  if (who.kind === 'staff') await access.people.saw(who)
  const before = cookies.session(request)
  if (before !== undefined) sessions.end(before)
  cookies.setSession(reply, sessions.start(who))
}

/** @throws `ORIGIN_REFUSED` */
export function signOut({ sessions, cookies }: Portal, request: FastifyRequest, reply: FastifyReply): void {
  const token = cookies.session(request)
  if (token === undefined) return
  requireOwnPage(request)
  sessions.end(token)
  cookies.clearSession(reply)
}

/** @throws `SESSION_REQUIRED`, `ORIGIN_REFUSED` */
export async function signOutEverywhere(portal: Portal, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  portal.sessions.endAll(await portal.identities.requireAnybody(request))
  portal.cookies.clearSession(reply)
}

async function personOf({ store }: Portal, { name, role, session, groups }: Account): Promise<SignedIn> {
  if (role !== 'participant') {
    return { kind: 'staff', name, account: hashSecret(`demonstration\n${name}`), roles: new Set([role]), groups }
  }
  const participant = await store.participant(session ?? '')
  if (participant === null) throw new FairtraceError('SESSION_REQUIRED', 'this person has not joined')
  return { kind: 'participant', name, ...participant }
}
