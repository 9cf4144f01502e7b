/** The local sign-in of a demonstration. Where it isn't offered these routes don't exist. */
import { FairtraceError } from '@fairtrace/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type AccountRole, findAccount } from '../accounts.ts'
import type { PortalApp } from '../app.ts'
import { refuseOtherSites, requireOwnPage, SESSION_COOKIE } from '../identity.ts'
import type { Portal } from '../portal.ts'
import { doneAnswer, noFields, refusals, signInAnswer, signInBody } from '../schemas.ts'
import { SESSION_MS } from '../sessions.ts'

export function signInRoutes(app: PortalApp, portal: Portal, accountsFile: string): void {
  app.post('/api/sign-in', {
    schema: {
      tags: ['sign-in'],
      summary: 'Sign in; sets a cookie',
      body: signInBody,
      response: { 200: signInAnswer, ...refusals },
    },
    handler: async (request, reply) => {
      const { name, password } = request.body
      return { role: await signIn(portal, accountsFile, request, reply, name, password) }
    },
  })

  app.post('/api/sign-out', {
    schema: { tags: ['sign-in'], summary: 'Sign out', body: noFields, response: { 200: doneAnswer, ...refusals } },
    handler: (request, reply) => {
      signOut(portal, request, reply)
      return { done: true as const }
    },
  })
}

/** @throws `SESSION_REQUIRED` if name or password are wrong; `ORIGIN_REFUSED` */
export async function signIn(
  { sessions, store }: Portal,
  accountsFile: string,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  password: string,
): Promise<AccountRole> {
  refuseOtherSites(request)
  const account = await findAccount(accountsFile, name, password)
  if (account === null) throw new FairtraceError('SESSION_REQUIRED', 'the name or the password is wrong')
  const before = request.cookies[SESSION_COOKIE]
  if (before !== undefined) sessions.end(before)
  let token: string
  if (account.role === 'participant') {
    const participant = await store.participant(account.session ?? '')
    if (participant === null) throw new FairtraceError('SESSION_REQUIRED', 'this person has not joined')
    token = sessions.start({ role: account.role, name: account.name, ...participant })
  } else {
    token = sessions.start({ role: account.role, name: account.name })
  }
  // Not `Secure`: this sign-in exists on the loopback address alone, where the portal speaks plain HTTP.
  reply.setCookie(SESSION_COOKIE, token, { path: '/', httpOnly: true, sameSite: 'strict', maxAge: SESSION_MS / 1000 })
  return account.role
}

/** @throws `ORIGIN_REFUSED` */
export function signOut({ sessions }: Portal, request: FastifyRequest, reply: FastifyReply): void {
  const token = request.cookies[SESSION_COOKIE]
  if (token === undefined) return
  requireOwnPage(request)
  sessions.end(token)
  reply.clearCookie(SESSION_COOKIE, { path: '/' })
}
