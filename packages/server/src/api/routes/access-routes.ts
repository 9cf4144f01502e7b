/** Who can read what, answered from the policies that decide: for those who watch over access. */
import { digestPattern } from '@fairtrace/core'
import { z } from 'zod'
import { accessPoliciesOf } from '../../access/access-policies.ts'
import { type AccessWorld, whatReaches, whoReaches } from '../../access/who.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { refusals } from '../schemas.ts'

const WATCHERS = ['data-protection', 'worker-representative', 'auditor', 'programme-owner'] as const
const STAFF = { tags: ['access'], security: [{ session: [] }] }

const resourceAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('recordings') }),
  z.object({ kind: z.literal('release'), release: z.string() }),
])
const reachAnswer = z.object({
  reach: z.array(
    z.object({
      person: z.string(),
      resource: resourceAnswer,
      can: z.enum(['open', 'ask', 'approve']),
      policies: z.array(z.string()).describe('Ids of the generated policies that let them'),
      grant: z.string().nullable(),
      untilMs: z.int().nullable(),
    }),
  ),
})
const whoQuery = z.strictObject({
  release: z.string().regex(digestPattern).optional().describe('A release by its id; recordings where it is left out'),
})
const whatQuery = z.strictObject({ person: z.string().min(1).max(128) })

export function accessRoutes(app: PortalApp, portal: Portal): void {
  const { identities } = portal

  app.get('/api/access/who', {
    schema: {
      ...STAFF,
      summary: 'Everybody who can open, ask for or approve access to a resource, and why',
      querystring: whoQuery,
      response: { 200: reachAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...WATCHERS)
      const { release } = request.query
      const resource =
        release === undefined ? ({ kind: 'recordings' } as const) : ({ kind: 'release', release } as const)
      return { reach: copies(whoReaches(resource, await world(portal))) }
    },
  })

  app.get('/api/access/what', {
    schema: {
      ...STAFF,
      summary: 'Everything that a person can open, ask for or approve, and why; one’s own for everybody',
      querystring: whatQuery,
      response: { 200: reachAnswer, ...refusals },
    },
    handler: async (request) => {
      const { person } = request.query
      const who = await identities.requireStaff(request, ...WATCHERS, 'researcher', 'operator')
      if (who.name !== person) await identities.requireStaff(request, ...WATCHERS)
      const view = await world(portal)
      const groups = view.people.filter(({ name }) => name === person).flatMap((one) => one.groups)
      return { reach: copies(whatReaches({ name: person, groups: [...new Set(groups)] }, view)) }
    },
  })
}

function copies(reach: ReturnType<typeof whoReaches>): z.infer<typeof reachAnswer>['reach'] {
  return reach.map((one) => ({ ...one, policies: [...one.policies] }))
}

async function world({ programmes, access, database, clock }: Portal): Promise<AccessWorld> {
  const programme = await programmes.require()
  const releases = await database.db.selectFrom('release.releases').select('id').orderBy('created_at_ms').execute()
  return {
    policies: accessPoliciesOf(programme.charter),
    people: await access.people.list(),
    grants: await access.grants.list(programme),
    releases: releases.map(({ id }) => id),
    nowMs: clock.nowMs(),
    epoch: programme.epoch,
    isRunning: programme.state === 'running',
  }
}
