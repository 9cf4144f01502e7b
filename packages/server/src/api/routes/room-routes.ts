/** The training room: runs asked for, their outputs reviewed and shown, models listed, releases closed. Who may see what stands here. */
import { digestPattern, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { signErasureReceipt } from '../../room/erasure-receipt.ts'
import { erasureSteps } from '../../room/erasure-steps.ts'
import type { RunRow } from '../../room/room-access.ts'
import { runRequestSchema, runWishSchema } from '../../room/run-request.ts'
import { closeRelease } from '../../vault/release-keys.ts'
import type { PortalApp } from '../app.ts'
import type { StaffIdentity } from '../identity.ts'
import type { Portal } from '../portal.ts'
import { noFields, refusals } from '../schemas.ts'

const STAFF = { tags: ['training room'], security: [{ session: [] }] }
const READERS = ['data-protection', 'worker-representative', 'auditor'] as const
const RUN_BODY_BYTES_MAX = 16 * 1024 * 1024

const runAnswer = z.object({
  id: z.string(),
  release: z.string(),
  grant: z.string(),
  requester: z.string(),
  command: z.array(z.string()),
  epsilon: z.number().nullable(),
  requestedAtMs: z.int(),
  state: z.enum(['requested', 'running', 'in-review', 'approved', 'refused', 'failed', 'stopped']),
  code: z.string().nullable(),
  message: z.string().nullable(),
  output: z.unknown().describe('Names, sizes and digests of what it wrote; the content is shown after review'),
  review: z.unknown(),
})
const runParams = z.strictObject({ id: z.uuid() })
const reviewBody = z.strictObject({ allow: z.boolean(), reason: z.string().trim().min(1).max(500) })
const outputAnswer = z.object({ files: z.array(z.object({ path: z.string(), content: z.base64() })) })
const modelsAnswer = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      release: z.string(),
      registeredAtMs: z.int(),
      state: z.enum(['current', 'to-retrain', 'retrained', 'retired']),
      successor: z.string().nullable().describe('The model that took its place'),
      card: z.unknown(),
    }),
  ),
  budget: z
    .object({ epsilonSpent: z.number(), deltaSpent: z.number(), epsilonMax: z.number() })
    .describe('Of each person, over all runs'),
})

export function roomRoutes(app: PortalApp, portal: Portal): void {
  const { identities, programmes, access, room, clock } = portal

  app.post('/api/room/runs', {
    bodyLimit: RUN_BODY_BYTES_MAX,
    schema: {
      ...STAFF,
      summary: 'Run a program on a release, in the training room (whoever asked for the active grant)',
      body: runWishSchema,
      response: { 200: runAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'researcher')
      const programme = await programmes.require()
      const record = await access.grants.find(request.body.grant, programme)
      if (record.account !== who.account) throw new FairtraceError('NOT_FOUND', 'there is no such grant')
      return toAnswer(await room.request(record, programme.charter, request.body, clock.nowMs()))
    },
  })

  app.get('/api/room/runs', {
    schema: {
      ...STAFF,
      summary: 'Runs, newest first: all of them for approvers and auditors, one’s own for others',
      response: { 200: z.object({ runs: z.array(runAnswer) }), ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...READERS, 'researcher')
      return { runs: (await room.list()).filter((row) => maySee(who, row)).map(toAnswer) }
    },
  })

  app.get('/api/room/runs/:id', {
    schema: { ...STAFF, summary: 'One run', params: runParams, response: { 200: runAnswer, ...refusals } },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...READERS, 'researcher')
      return toAnswer(await visible(portal, who, request.params.id))
    },
  })

  app.post('/api/room/runs/:id/review', {
    schema: {
      ...STAFF,
      summary: 'Let an output out of the room, or destroy it (data protection, never of a run of their own)',
      params: runParams,
      body: reviewBody,
      response: { 200: runAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'data-protection')
      const { account } = await room.find(request.params.id)
      if (account === who.account) throw new FairtraceError('SELF_APPROVAL', 'nobody reviews their own output')
      return toAnswer(await room.review(request.params.id, { by: who.name, ...request.body }, clock.nowMs()))
    },
  })

  app.get('/api/room/runs/:id/output', {
    schema: {
      ...STAFF,
      summary: 'What a run wrote: for data protection to review, for whoever asked once it is approved',
      params: runParams,
      response: { 200: outputAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'data-protection', 'researcher')
      const { id, account } = await visible(portal, who, request.params.id)
      const files = await room.output(id, account === who.account ? 'output' : 'review')
      return { files: files.map(({ path, content }) => ({ path, content: content.toString('base64') })) }
    },
  })

  app.get('/api/room/models', {
    schema: {
      ...STAFF,
      summary: 'Models, and what they cost each person',
      response: { 200: modelsAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...READERS, 'researcher', 'programme-owner')
      const { charter } = await programmes.require()
      const { models, spent } = await room.models()
      return {
        models: models.map(({ id, release, registered_at_ms: registeredAtMs, state, successor, card }) => ({
          ...{ id, release, registeredAtMs, state, successor, card },
        })),
        budget: {
          epsilonSpent: spent.epsilon,
          deltaSpent: spent.delta,
          epsilonMax: charter.training.epsilonMax,
        },
      }
    },
  })

  app.post('/api/room/models/:id/retrain', {
    schema: {
      ...STAFF,
      summary:
        'Run the same program on another release, so that its model takes the place of one whose release was closed',
      params: runParams,
      body: z.strictObject({ grant: z.string().min(1).max(64), copiesDestroyed: z.literal(true) }),
      response: { 200: runAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'researcher')
      const programme = await programmes.require()
      const record = await access.grants.find(request.body.grant, programme)
      if (record.account !== who.account) throw new FairtraceError('NOT_FOUND', 'there is no such grant')
      if ((await room.ownerOf(request.params.id)) !== who.account)
        throw new FairtraceError('NOT_FOUND', 'there is no such model of yours')
      const wish = await room.retrainingWish(request.params.id, request.body.grant)
      return toAnswer(await room.request(record, programme.charter, wish, clock.nowMs()))
    },
  })

  app.post('/api/room/models/:id/retire', {
    schema: {
      ...STAFF,
      summary: 'Destroy a model for good (whoever trained it, or data protection), declaring that no copy is left',
      params: runParams,
      body: z.strictObject({ copiesDestroyed: z.literal(true), reason: z.string().trim().min(1).max(500) }),
      response: { 200: z.object({ model: z.string() }), ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'researcher', 'data-protection')
      const { id } = request.params
      if ((await room.ownerOf(id)) !== who.account && !who.roles.has('data-protection'))
        throw new FairtraceError('NOT_FOUND', 'there is no such model')
      await room.retire(id, who.name, request.body.reason)
      return { model: id }
    },
  })

  app.get('/api/me/erasure', {
    schema: {
      tags: ['own data'],
      security: [{ session: [] }],
      summary: 'What my withdrawal has reached, and what is still pending; with what proves each step',
      response: {
        200: z.object({
          erasure: z.unknown(),
          receipt: z.string().nullable().describe('Signed by the issuer; null for who never withdrew'),
        }),
        ...refusals,
      },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const erasure = await erasureSteps(portal.database, pseudonym)
      if (erasure === null) return { erasure, receipt: null }
      const { id: programme } = await programmes.require()
      const receipt = signErasureReceipt(
        erasure,
        { programme, pseudonym, atMs: Math.floor(clock.nowMs()) },
        portal.issuer,
      )
      return { erasure, receipt }
    },
  })

  app.post('/api/releases/:release/close', {
    schema: {
      ...STAFF,
      summary: 'Close a release for good: its key is destroyed, and what runs on it stops (data protection)',
      params: z.strictObject({ release: z.string().regex(digestPattern) }),
      body: noFields,
      response: { 200: z.object({ release: z.string() }), ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'data-protection')
      const { release } = request.params
      await closeRelease(portal.database, release)
      return { release }
    },
  })
}

async function visible({ room }: Portal, who: StaffIdentity, id: string): Promise<RunRow> {
  const row = await room.find(id)
  // Not "forbidden": whether somebody else ran something is nobody's business.
  if (!maySee(who, row)) throw new FairtraceError('NOT_FOUND', 'there is no such run')
  return row
}

function maySee(who: StaffIdentity, { account }: RunRow): boolean {
  return who.account === account || READERS.some((role) => who.roles.has(role))
}

function toAnswer(row: RunRow): z.infer<typeof runAnswer> {
  const { grant, wish } = runRequestSchema.parse(row.request)
  const { id, release, state, code, message, output, review } = row
  return {
    ...{ id, release, state, code, message, output, review },
    grant: grant.id,
    requester: grant.requester.name,
    command: wish.command,
    epsilon: wish.epsilon,
    requestedAtMs: row.requested_at_ms,
  }
}
