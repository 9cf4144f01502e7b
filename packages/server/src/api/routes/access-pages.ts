/** The page of access, and its forms that work without a script; approving needs a passkey, and so a script. */
import { id128Pattern } from '@fairtrace/core'
import { z } from 'zod'
import { STAFF_ROLES } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import { renderAccess } from '../pages/access-page.ts'
import { passkeyPlace } from '../passkey-place.ts'
import type { Portal } from '../portal.ts'
import type { MakeFrame } from './account-pages.ts'
import { askForGrant, endGrant, maySee, refuseGrant } from './grant-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
const HOUR_MS = 3_600_000

const askForm = z.object({
  releaseName: z.string(),
  reason: z.string().trim().min(1).max(500),
  hours: z.coerce.number().int().min(1).max(2_160),
})
const refuseForm = z.object({ reason: z.string().trim().min(1).max(500) })
const grantParams = z.object({ id: z.string().regex(id128Pattern) })

export function accessPages(app: PortalApp, portal: Portal, frame: MakeFrame): void {
  const { identities, programmes, access } = portal

  app.get('/access', PAGE, async (request, reply) => {
    const who = await identities.requireStaff(request, ...STAFF_ROLES)
    const programme = await programmes.read()
    const grants = programme === null ? [] : await access.grants.list(programme)
    const { origin } = passkeyPlace(portal.publicAddress())
    const view = {
      grants: grants.filter((record) => maySee(who, record)),
      isApprover: who.roles.has('data-protection') || who.roles.has('worker-representative'),
      mayAsk: who.roles.has('researcher') && programme?.state === 'running',
      account: who.account,
      origin,
      isThere: request.headers.host === new URL(origin).host,
    }
    return reply.type('text/html; charset=utf-8').send(renderAccess(frame('Access', '/access', who, programme), view))
  })

  app.post('/access', { ...PAGE, schema: { hide: true, body: askForm } }, async (request, reply) => {
    const { releaseName, reason, hours } = request.body
    const scope = { kind: 'recordings' as const, releaseName }
    await askForGrant(portal, request, { scope, reason, lengthMs: hours * HOUR_MS })
    return reply.redirect('/access', 303)
  })

  app.post(
    '/access/:id/refuse',
    { ...PAGE, schema: { hide: true, params: grantParams, body: refuseForm } },
    async (request, reply) => {
      await refuseGrant(portal, request, request.params.id, request.body.reason)
      return reply.redirect('/access', 303)
    },
  )

  app.post('/access/:id/end', { ...PAGE, schema: { hide: true, params: grantParams } }, async (request, reply) => {
    await endGrant(portal, request, request.params.id)
    return reply.redirect('/access', 303)
  })
}
