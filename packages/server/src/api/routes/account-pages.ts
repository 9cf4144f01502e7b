/** Pages of signing in and out, and of one's own passkeys. Where no sign-in is offered, the forms have nowhere to go. */
import { isFairtraceError } from '@fairtrace/core'
import type { FastifyReply } from 'fastify'
import type { Programme } from '../../runtime/programme.ts'
import type { PortalApp } from '../app.ts'
import { type Frame, homeOf } from '../pages/layout.ts'
import { renderSecurity } from '../pages/security-page.ts'
import { renderSignIn } from '../pages/sign-in-page.ts'
import { passkeyPlace } from '../passkey-place.ts'
import type { Portal } from '../portal.ts'
import { signInBody } from '../schemas.ts'
import type { SignedIn } from '../sessions.ts'
import { signInLocally, signOut, signOutEverywhere } from './sign-in-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
export type MakeFrame = (title: string, path: string, who: SignedIn | null, programme: Programme | null) => Frame

export function accountPages(app: PortalApp, portal: Portal, frame: MakeFrame): void {
  const { programmes, identities, passkeys, clock, accountsFile, hasOrganisation } = portal

  app.get('/sign-in', PAGE, async (request, reply) => {
    const who = await identities.of(request)
    if (who !== null) return reply.redirect(homeOf(who), 303)
    return send(reply, await signInPage(false))
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
        return send(reply.code(401), await signInPage(true))
      }
    })
  }

  if (accountsFile !== null || hasOrganisation) {
    app.post('/sign-out', PAGE, (request, reply) => {
      signOut(portal, request, reply)
      return reply.redirect('/', 303)
    })
  }

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

  async function signInPage(failed: boolean): Promise<string> {
    const view = { hasLocal: accountsFile !== null, hasOrganisation, failed }
    return renderSignIn(frame('Sign in', '/sign-in', null, await programmes.read()), view)
  }
}

function send(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(text)
}
