/** To the organisation's sign-in and back. Both are pages: a browser is sent there and comes back by itself. */
import type { PortalApp } from '../app.ts'
import { CALLBACK_PATH, type OidcSignIn, SIGN_IN_MS } from '../oidc.ts'
import { homeOf } from '../pages/layout.ts'
import { renderSignedIn } from '../pages/sign-in-page.ts'
import type { Portal } from '../portal.ts'
import { beginSession } from './sign-in-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const

export function oidcRoutes(app: PortalApp, portal: Portal, oidc: OidcSignIn): void {
  app.get('/sign-in/oidc', PAGE, async (_request, reply) => {
    const { url, key } = await oidc.begin()
    portal.cookies.setSignIn(reply, key, SIGN_IN_MS)
    return reply.redirect(url, 303)
  })

  app.get(CALLBACK_PATH, PAGE, async (request, reply) => {
    const key = portal.cookies.signIn(request)
    portal.cookies.clearSignIn(reply)
    const who = await oidc.finish(key, /\?.*$/s.exec(request.url)?.[0] ?? '')
    await beginSession(portal, request, reply, who)
    // Not a redirect: it would still count as coming from the provider's site, and the strict cookie would stay at home.
    return reply.type('text/html; charset=utf-8').send(renderSignedIn(homeOf(who)))
  })
}
