/** Grants: asked for, approved with a passkey or refused, ended. Who may see which stands here, once. */
import {
  activationSchema,
  approvalSchema,
  assertionSchema,
  FairtraceError,
  grantSchema,
  grantScopeSchema,
  id128Pattern,
} from '@fairtrace/core'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { accessPoliciesOf } from '../../access/access-policies.ts'
import type { ShownGrantRecord } from '../../access/grants.ts'
import type { ReleaseJobRow } from '../../access/release-jobs.ts'
import type { PortalApp } from '../app.ts'
import type { StaffIdentity } from '../identity.ts'
import type { Portal } from '../portal.ts'
import { noFields, refusals } from '../schemas.ts'

const STAFF = { tags: ['access'], security: [{ session: [] }] }
const APPROVERS = ['data-protection', 'worker-representative'] as const
/** May read every grant; everybody else reads their own. */
const READERS = [...APPROVERS, 'auditor'] as const
const MINUTE_MS = 60_000

const byAndWhen = z.object({ by: z.string(), atMs: z.int() })
const grantAnswer = z.object({
  grant: grantSchema,
  hash: z.string().describe('What an approver’s passkey signs, as the challenge'),
  state: z.enum(['requested', 'approved', 'active', 'over', 'ended', 'fenced', 'refused', 'lapsed', 'failed']),
  approvals: z.array(approvalSchema.extend({ role: z.string(), atMs: z.int() })),
  refusal: byAndWhen.extend({ reason: z.string() }).nullable(),
  activation: activationSchema.nullable().describe('The keeper’s signed word; from here on its time runs'),
  failure: z.string().nullable().describe('The code under which vault or keeper refused to activate it'),
  ended: byAndWhen.nullable(),
})
const grantsAnswer = z.object({ grants: z.array(grantAnswer) })
const grantParams = z.strictObject({ id: z.string().regex(id128Pattern) })
const requestBody = z.strictObject({
  scope: grantScopeSchema,
  reason: z.string().trim().min(1).max(500).describe('A sentence for those who approve and those whom it concerns'),
  lengthMs: z.int().min(MINUTE_MS),
})
type GrantRequest = z.infer<typeof requestBody>
const optionsAnswer = z.object({
  challenge: z.string(),
  rpId: z.string(),
  userVerification: z.literal('required'),
  allowCredentials: z.array(z.object({ id: z.string(), type: z.literal('public-key') })),
})
const approvalBody = z.strictObject({ assertion: assertionSchema })
const releaseBody = z.strictObject({
  seed: z.string().min(1).max(128).describe('Name of the draw: the same recordings and seed make the same release'),
})
const jobParams = z.strictObject({ id: z.uuid() })
const jobAnswer = z.object({
  id: z.string(),
  state: z.enum(['requested', 'running', 'done', 'failed']),
  progress: z.number().describe('From 0 to 1'),
  code: z.string().nullable(),
  message: z.string().nullable(),
  release: z.string().nullable().describe('Id of the release, once it is made'),
})
const refusalBody = z.strictObject({ reason: z.string().trim().min(1).max(500) })

export function grantRoutes(app: PortalApp, portal: Portal): void {
  const { identities, programmes, access } = portal

  app.get('/api/grants', {
    schema: {
      ...STAFF,
      summary: 'Grants, newest first: all of them for approvers and auditors, one’s own for others',
      response: { 200: grantsAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...READERS, 'researcher')
      const grants = await access.grants.list(await programmes.require())
      return { grants: grants.filter((record) => maySee(who, record)).map(toAnswer) }
    },
  })

  app.post('/api/grants', {
    schema: {
      ...STAFF,
      summary: 'Ask for access (members of the charter’s audience)',
      body: requestBody,
      response: { 200: grantAnswer, ...refusals },
    },
    handler: async (request) => toAnswer(await askForGrant(portal, request, request.body)),
  })

  app.get('/api/grants/:id', {
    schema: { ...STAFF, summary: 'One grant', params: grantParams, response: { 200: grantAnswer, ...refusals } },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...READERS, 'researcher')
      return toAnswer(await visible(portal, who, request.params.id))
    },
  })

  app.get('/api/grants/:id/approval-options', {
    schema: {
      ...STAFF,
      summary: 'What a browser’s `navigator.credentials.get` takes to approve this grant (approvers)',
      params: grantParams,
      response: { 200: optionsAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...APPROVERS)
      const { charter } = await programmes.require()
      const { hash } = await visible(portal, who, request.params.id)
      const passkeys = charter.approvers.flatMap(({ role, passkey }) =>
        passkey !== undefined && who.roles.has(role) ? [passkey.credential] : [],
      )
      return {
        challenge: hash,
        rpId: charter.passkeys.rpId,
        userVerification: 'required' as const,
        allowCredentials: passkeys.map((id) => ({ id, type: 'public-key' as const })),
      }
    },
  })

  app.post('/api/grants/:id/approvals', {
    schema: {
      ...STAFF,
      summary: 'Approve a grant with the passkey that the charter names (approvers, never for a request of their own)',
      params: grantParams,
      body: approvalBody,
      response: { 200: grantAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...APPROVERS)
      const programme = await programmes.require()
      const record = await access.grants.approve(request.params.id, programme, who.account, request.body.assertion)
      if (record.state === 'approved') {
        await access.grants.handOver(programme)
        await access.webhooks.announce('grant.approved', { grant: record.grant.id })
      }
      return toAnswer(record)
    },
  })

  app.post('/api/grants/:id/refuse', {
    schema: {
      ...STAFF,
      summary: 'Refuse a grant, with a reason (approvers)',
      params: grantParams,
      body: refusalBody,
      response: { 200: grantAnswer, ...refusals },
    },
    handler: async (request) => toAnswer(await refuseGrant(portal, request, request.params.id, request.body.reason)),
  })

  app.post('/api/grants/:id/end', {
    schema: {
      ...STAFF,
      summary: 'End a grant now, for good (whoever asked for it, approvers)',
      params: grantParams,
      body: noFields,
      response: { 200: grantAnswer, ...refusals },
    },
    handler: async (request) => toAnswer(await endGrant(portal, request, request.params.id)),
  })

  app.post('/api/grants/:id/release', {
    schema: {
      ...STAFF,
      summary: 'Have the release built that an active grant is for (whoever asked for it)',
      params: grantParams,
      body: releaseBody,
      response: { 200: jobAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'researcher')
      const record = await visible(portal, who, request.params.id)
      if (record.account !== who.account) throw new FairtraceError('NOT_FOUND', 'there is no such grant')
      return toJobAnswer(await access.releases.request(record, request.body.seed))
    },
  })

  app.get('/api/release-jobs/:id', {
    schema: { ...STAFF, summary: 'How far a release is', params: jobParams, response: { 200: jobAnswer, ...refusals } },
    handler: async (request) => {
      await identities.requireStaff(request, ...READERS, 'researcher', 'programme-owner')
      return toJobAnswer(await access.releases.find(request.params.id))
    },
  })
}

function toJobAnswer({ release_id: release, ...job }: ReleaseJobRow): z.infer<typeof jobAnswer> {
  return { ...job, release }
}

/** @throws `ROLE_REQUIRED`, `ACCESS_DENIED`, `GRANT_INVALID`, `BODY_INVALID` */
export async function askForGrant(
  { identities, programmes, access }: Portal,
  request: FastifyRequest,
  { scope, reason, lengthMs }: GrantRequest,
): Promise<ShownGrantRecord> {
  const who = await identities.requireStaff(request, 'researcher')
  const programme = await programmes.require()
  const key = scope.kind === 'recordings' ? access.builderBoxKey : access.roomBoxKey
  if (key === null) {
    throw new FairtraceError('BODY_INVALID', 'scope: this installation has nothing that such a grant could open for')
  }
  const wish = { scope, reason, lengthMs, recipientKey: key, purpose: programme.charter.purpose.term }
  const { id } = await access.grants.request(programme, accessPoliciesOf(programme.charter), who, wish)
  await access.webhooks.announce('grant.requested', { grant: id, reason, lengthMs })
  return access.grants.find(id, programme)
}

/** @throws `ROLE_REQUIRED`, `NOT_FOUND`, `GRANT_NOT_WAITING` */
export async function refuseGrant(
  { identities, programmes, access }: Portal,
  request: FastifyRequest,
  id: string,
  reason: string,
): Promise<ShownGrantRecord> {
  const who = await identities.requireStaff(request, ...APPROVERS)
  const record = await access.grants.refuse(id, await programmes.require(), who.name, reason)
  await access.webhooks.announce('grant.refused', { grant: id, reason })
  return record
}

/** Whoever asked for it, and every approver. @throws `ROLE_REQUIRED`, `NOT_FOUND`, `GRANT_NOT_WAITING` */
export async function endGrant(portal: Portal, request: FastifyRequest, id: string): Promise<ShownGrantRecord> {
  const { identities, programmes, access } = portal
  const who = await identities.requireStaff(request, ...APPROVERS, 'researcher')
  const { grant } = await visible(portal, who, id)
  const record = await access.grants.end(grant.id, await programmes.require(), who.name)
  await access.webhooks.announce('grant.ended', { grant: grant.id })
  return record
}

async function visible({ access, programmes }: Portal, who: StaffIdentity, id: string): Promise<ShownGrantRecord> {
  const record = await access.grants.find(id, await programmes.require())
  // Not "forbidden": whether somebody else asked is nobody's business.
  if (!maySee(who, record)) throw new FairtraceError('NOT_FOUND', 'there is no such grant')
  return record
}

export function maySee(who: StaffIdentity, { account }: ShownGrantRecord): boolean {
  return who.account === account || READERS.some((role) => who.roles.has(role))
}

function toAnswer({ account: _account, ...record }: ShownGrantRecord): z.infer<typeof grantAnswer> {
  return { ...record, approvals: [...record.approvals] }
}
