/** Incidents over HTTP, and what of them a participant is told. Who may read which stands here, once. */
import {
  breachRecord,
  FairtraceError,
  type IncidentReport,
  id128Pattern,
  incidentCauseSchema,
  incidentMarkdown,
  noticeText,
} from '@fairtrace/core'
import { z } from 'zod'
import {
  draftNotices,
  findIncident,
  listIncidents,
  ownNotices,
  recordCause,
  sendNotices,
} from '../../incident/incidents.ts'
import { incidentReport } from '../../incident/report.ts'
import type { StaffRole } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import type { StaffIdentity } from '../identity.ts'
import { renderIncidentFile } from '../pages/incident-page.ts'
import type { Portal } from '../portal.ts'
import { noFields, refusals } from '../schemas.ts'
import { rolesOf } from './programme-routes.ts'

const STAFF = { tags: ['incidents'], security: [{ session: [] }] }
export const INCIDENT_READERS: readonly StaffRole[] = [
  'data-protection',
  'worker-representative',
  'auditor',
  'programme-owner',
  'operator',
]
/** May also read whose grant an opening was, as in the list of grants. */
const GRANT_READERS: readonly StaffRole[] = ['data-protection', 'worker-representative', 'auditor']

export const incidentParams = z.object({ id: z.string().regex(id128Pattern) })
const ms = z.int().describe('Unix milliseconds')
const shortAnswer = z.object({
  id: z.string(),
  epoch: z.int(),
  openedAtMs: ms,
  isRehearsal: z.boolean(),
  hasRootCause: z.boolean(),
  noticesSentAtMs: ms.nullable(),
})
const reportAnswer = z.object({
  report: z.record(z.string(), z.unknown()).describe('See docs/incident.md'),
  notice: z.string().describe('What everybody concerned is told'),
})
const exportQuery = z.object({ format: z.enum(['markdown', 'html', 'dpv']).default('markdown') })

export function incidentRoutes(app: PortalApp, portal: Portal): void {
  const { database, programmes, identities } = portal

  app.get('/api/incidents', {
    schema: {
      ...STAFF,
      summary: 'Incidents and rehearsals, newest first',
      response: { 200: z.object({ incidents: z.array(shortAnswer) }), ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...INCIDENT_READERS)
      const incidents = (await listIncidents(database)).map(
        ({ id, epoch, openedAtMs, isRehearsal, cause, notifiedAtMs }) => ({
          ...{ id, epoch, openedAtMs, isRehearsal },
          hasRootCause: cause !== null,
          noticesSentAtMs: notifiedAtMs,
        }),
      )
      return { incidents }
    },
  })

  app.get('/api/incidents/:id', {
    schema: {
      ...STAFF,
      summary: 'One incident, computed now',
      params: incidentParams,
      response: { 200: reportAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...INCIDENT_READERS)
      const report = await readReport(portal, who, request.params.id)
      return { report: { ...report }, notice: noticeText(report) }
    },
  })

  app.get('/api/incidents/:id/export', {
    schema: {
      ...STAFF,
      summary: 'One incident as Markdown, as HTML that prints, or as a breach record in DPV terms',
      params: incidentParams,
      querystring: exportQuery,
    },
    handler: async (request, reply) => {
      const who = await identities.requireStaff(request, ...INCIDENT_READERS)
      const { charter } = await programmes.require()
      const report = await readReport(portal, who, request.params.id)
      const { format } = request.query
      if (format === 'dpv')
        return reply.type('application/ld+json').send(JSON.stringify(breachRecord(report, charter), null, 2))
      if (format === 'html') return reply.type('text/html; charset=utf-8').send(renderIncidentFile(report))
      return reply.type('text/markdown; charset=utf-8').send(incidentMarkdown(report))
    },
  })

  app.post('/api/incidents/:id/cause', {
    schema: {
      ...STAFF,
      summary: 'Record root cause, actions and owners (data protection)',
      params: incidentParams,
      body: incidentCauseSchema,
      response: { 200: z.object({ ledgerIndex: z.int() }), ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'data-protection')
      const { index } = await recordCause(database, request.params.id, request.body, rolesOf(who))
      return { ledgerIndex: index }
    },
  })

  app.post('/api/incidents/:id/notices', {
    schema: {
      ...STAFF,
      summary: 'Draft the notices to everybody concerned, anew (data protection)',
      params: incidentParams,
      body: noFields,
      response: { 200: z.object({ notice: z.string() }), ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'data-protection')
      return { notice: await draftNotices(database, await programmes.require(), request.params.id) }
    },
  })

  app.post('/api/incidents/:id/notices/send', {
    schema: {
      ...STAFF,
      summary: 'Approve the notices and let them go (data protection)',
      params: incidentParams,
      body: noFields,
      response: { 200: z.object({}), ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'data-protection')
      await sendNotices(database, await programmes.require(), request.params.id, who.name)
      return {}
    },
  })

  app.get('/api/me/notices', {
    schema: {
      tags: ['me'],
      security: [{ session: [] }],
      summary: 'What I was told of incidents that concern me',
      response: {
        200: z.object({ notices: z.array(z.object({ incident: z.string(), sentAtMs: ms, text: z.string() })) }),
        ...refusals,
      },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return { notices: [...(await ownNotices(database, pseudonym))] }
    },
  })
}

/** As this reader may see it. @throws `NOT_FOUND` */
export async function readReport(
  { database, programmes }: Portal,
  who: StaffIdentity,
  id: string,
): Promise<IncidentReport> {
  const programme = await programmes.read()
  if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
  const report = await incidentReport(database, programme, await findIncident(database, id))
  if (GRANT_READERS.some((role) => who.roles.has(role))) return report
  return { ...report, reads: report.reads.map((read) => ({ ...read, who: 'somebody with a grant' })) }
}
