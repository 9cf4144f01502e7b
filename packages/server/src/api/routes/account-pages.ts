/** Pages of joining, of signing in and out, and of one's own passkeys. */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import type { FastifyReply } from 'fastify'
import type { Programme } from '../../runtime/programme.ts'
import type { PortalApp } from '../app.ts'
import { refuseOtherSites } from '../identity.ts'
import { type Frame, homeOf } from '../pages/layout.ts'
import { renderSecurity } from '../pages/security-page.ts'
import { renderJoined, renderSignIn, type SignInFault } from '../pages/sign-in-page.ts'
import { passkeyPlace } from '../passkey-place.ts'
import type { Portal } from '../portal.ts'
import { joinBody, participantSignInBody, signInBody } from '../schemas.ts'
import type { SignedIn } from '../sessions.ts'
import { join } from './consent-routes.ts'
import { beginSession, signInLocally, signOut, signOutEverywhere } from './sign-in-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
export type MakeFrame = (title: string, path: string, who: SignedIn | null, programme: Programme | null) => Frame

export function accountPages(app: PortalApp, portal: Portal, frame: MakeFrame): void {
  const { programmes, identities, store, passkeys, clock, accountsFile, hasOrganisation } = portal

  app.get('/sign-in', PAGE, async (request, reply) => {
    const who = await identities.of(request)
    if (who !== null) return reply.redirect(homeOf(who), 303)
    return send(reply, await signInPage(null))
  })

  if (accountsFile !== null) {
    app.post('/sign-in', { ...PAGE, schema: { hide: true, body: signInBody } }, async (request, reply) => {
      const { name, password } = request.body
      try {
        const { who } = await signInLocally(portal, accountsFile, request, reply, name, password)
        return reply.redirect(homeOf(who), 303)
      } catch (error) {
        if (!isFairtraceError(error) || error.code !== 'SESSION_REQUIRED') throw error
        // Denied, and said on the form itself.
        return send(reply.code(401), await signInPage('password'))
      }
    })
  }

  app.post('/join', { ...PAGE, schema: { hide: true, body: joinBody } }, async (request, reply) => {
    // Or another site could have somebody speak for a participant whom it knows.
    refuseOtherSites(request)
    const { session } = await join(portal, request.body.code.trim())
    const participant = await store.participant(session)
    if (participant === null) throw new FairtraceError('SESSION_REQUIRED', 'this person has not joined')
    const who = { kind: 'participant', name: 'participant', ...participant } as const
    await beginSession(portal, request, reply, who)
    return send(reply, renderJoined(frame('You have joined', '/join', who, await programmes.read()), session))
  })

  app.post(
    '/sign-in/participant',
    { ...PAGE, schema: { hide: true, body: participantSignInBody } },
    async (request, reply) => {
      refuseOtherSites(request)
      const participant = await store.participant(request.body.session.trim())
      if (participant === null) return send(reply.code(401), await signInPage('key'))
      await beginSession(portal, request, reply, { kind: 'participant', name: 'participant', ...participant })
      return reply.redirect('/me', 303)
    },
  )

  app.post('/sign-out', PAGE, (request, reply) => {
    signOut(portal, request, reply)
    return reply.redirect('/', 303)
  })

  app.get('/security', PAGE, async (request, reply) => {
    const who = await identities.requireAnybody(request)
    const { origin } = passkeyPlace(portal.publicAddress())
    const view = {
      passkeys: await passkeys.list(who),
      origin,
      isThere: request.headers.host === new URL(origin).host,
      nowMs: clock.nowMs(),
    }
    return send(reply, renderSecurity(frame('Your sign-in', '/security', who, await programmes.read()), view))
  })

  app.post('/security/sign-out-everywhere', PAGE, async (request, reply) => {
    await signOutEverywhere(portal, request, reply)
    return reply.redirect('/', 303)
  })

  async function signInPage(fault: SignInFault | null): Promise<string> {
    const view = { hasLocal: accountsFile !== null, hasOrganisation, fault }
    return renderSignIn(frame('Sign in', '/sign-in', null, await programmes.read()), view)
  }
}

function send(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(text)
}
