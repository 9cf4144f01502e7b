/** The pages of gate and incidents, and their forms, which work without a script. */
import { missingQuorum, noticeText } from '@fairtrace/core'
import { z } from 'zod'
import { drawGateStatement, gateStatus, openGate } from '../../assurance/gate.ts'
import { SAFEGUARDS } from '../../assurance/safeguards.ts'
import { listIncidents, recordCause, sendNotices } from '../../incident/incidents.ts'
import { verifyEd25519 } from '../../runtime/jws.ts'
import { STAFF_ROLES } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import { renderGate } from '../pages/gate-page.ts'
import { renderIncident, renderIncidents } from '../pages/incident-page.ts'
import type { Portal } from '../portal.ts'
import type { MakeFrame } from './account-pages.ts'
import { DRAWERS } from './gate-routes.ts'
import { INCIDENT_READERS, incidentParams, readReport } from './incident-routes.ts'
import { rolesOf } from './programme-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
const causeForm = z.object({
  text: z.string().trim().min(20).max(5_000),
  safeguard: z.string().regex(/^[a-z][a-z0-9-]{1,63}$/),
  what: z.string().trim().min(1).max(500),
  owner: z.string().trim().min(1).max(120),
  dueOn: z.iso.date(),
})

export function incidentPages(app: PortalApp, portal: Portal, frame: MakeFrame): void {
  const { database, programmes, identities, passkeys, clock, issuer } = portal
  const type = 'text/html; charset=utf-8'

  app.get('/gate', PAGE, async (request, reply) => {
    const who = await identities.requireStaff(request, ...STAFF_ROLES)
    const programme = await programmes.require()
    const status = await gateStatus(database, clock.nowMs())
    const { statement } = status
    const view = {
      programme,
      status,
      unsigned:
        statement === null ? [] : missingQuorum(programme.charter, statement.hash, statement.signatures, verifyEd25519),
      mayDraw: DRAWERS.some((role) => who.roles.has(role)),
      mayOpen: who.roles.has('programme-owner'),
    }
    return reply.type(type).send(renderGate(frame('Gate', '/gate', who, programme), view))
  })

  app.post('/gate/statements', PAGE, async (request, reply) => {
    await identities.requireStaff(request, ...DRAWERS)
    await drawGateStatement(database, clock.nowMs())
    return reply.redirect('/gate', 303)
  })

  app.post('/gate/open', PAGE, async (request, reply) => {
    const who = await identities.requireStaff(request, 'programme-owner')
    await passkeys.requireStepUp(who, 'run-programme')
    await openGate(database, { by: rolesOf(who), reason: 'opened by hand', nowMs: () => clock.nowMs(), issuer })
    return reply.redirect('/gate', 303)
  })

  app.get('/incidents', PAGE, async (request, reply) => {
    const who = await identities.requireStaff(request, ...INCIDENT_READERS)
    const programme = await programmes.read()
    return reply
      .type(type)
      .send(renderIncidents(frame('Incidents', '/incidents', who, programme), await listIncidents(database)))
  })

  app.get('/incidents/:id', { ...PAGE, schema: { hide: true, params: incidentParams } }, async (request, reply) => {
    const who = await identities.requireStaff(request, ...INCIDENT_READERS)
    const report = await readReport(portal, who, request.params.id)
    const view = {
      report,
      notice: noticeText(report),
      mayHandle: who.roles.has('data-protection'),
      safeguards: SAFEGUARDS.map(({ id, statement }) => ({ id, statement })),
    }
    return reply.type(type).send(renderIncident(frame('Incident', '/incidents', who, await programmes.read()), view))
  })

  app.post(
    '/incidents/:id/cause',
    { ...PAGE, schema: { hide: true, params: incidentParams, body: causeForm } },
    async (request, reply) => {
      const who = await identities.requireStaff(request, 'data-protection')
      const { text, safeguard, what, owner, dueOn } = request.body
      const cause = { text, safeguards: [safeguard], actions: [{ what, owner, dueOn }] }
      await recordCause(database, request.params.id, cause, rolesOf(who))
      return reply.redirect(`/incidents/${request.params.id}`, 303)
    },
  )

  app.post(
    '/incidents/:id/notices',
    { ...PAGE, schema: { hide: true, params: incidentParams } },
    async (request, reply) => {
      const who = await identities.requireStaff(request, 'data-protection')
      await sendNotices(database, await programmes.require(), request.params.id, who.name)
      return reply.redirect(`/incidents/${request.params.id}`, 303)
    },
  )
}
