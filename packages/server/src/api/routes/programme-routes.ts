/** The programme: what everybody may know of it, and how its owner changes it. */
import { type ProgrammeChange, raiseEpoch, setProgrammeState } from '../../consent/programme.ts'
import type { PortalApp } from '../app.ts'
import type { StaffIdentity } from '../identity.ts'
import type { Portal } from '../portal.ts'
import {
  changeAnswer,
  healthAnswer,
  invitationsAnswer,
  invitationsBody,
  noFields,
  programmeAnswer,
  refusals,
  stateBody,
} from '../schemas.ts'
import { stepUpFor } from '../step-up.ts'

const OWNER = { tags: ['programme'], security: [{ session: [] }] }

export function programmeRoutes(app: PortalApp, portal: Portal): void {
  const { database, programmes, identities, store } = portal

  app.get('/healthz', {
    schema: {
      tags: ['programme'],
      summary: 'Whether Fairtrace is ready',
      response: { 200: healthAnswer, 503: healthAnswer },
    },
    handler: async (_request, reply) => {
      if (portal.isReady()) return { state: 'ready' as const }
      reply.code(503)
      return { state: 'starting' as const }
    },
  })

  app.get('/api/programme', {
    schema: { tags: ['programme'], summary: 'The programme in force', response: { 200: programmeAnswer, ...refusals } },
    handler: async () => {
      const programme = await programmes.require()
      const nowMs = portal.clock.nowMs()
      return {
        programme: programme.id,
        state: programme.state,
        epoch: programme.epoch,
        title: programme.charter.title,
        charterHash: programme.charterHash,
        charter: { ...programme.charter },
        vaultKey: await currentVaultKey(portal, nowMs),
        intake: portal.addresses.intake ?? null,
        nowMs,
      }
    },
  })

  app.post('/api/programme/state', {
    schema: {
      ...OWNER,
      summary: 'Move the programme to another state (programme owner; data protection may pause and close)',
      body: stateBody,
      response: { 200: changeAnswer, ...refusals },
    },
    handler: async (request) => {
      const { state } = request.body
      const isEnding = state === 'paused' || state === 'closed'
      const who = await identities.requireStaff(
        request,
        'programme-owner',
        ...(isEnding ? (['data-protection'] as const) : []),
      )
      const purpose = stepUpFor(state)
      if (purpose !== null) await portal.passkeys.requireStepUp(who, purpose)
      const change = { by: rolesOf(who), reason: 'moved by hand', nowMs: portal.clock.nowMs() }
      return toAnswer(await setProgrammeState(database, state, change))
    },
  })

  app.post('/api/programme/epoch', {
    schema: {
      ...OWNER,
      summary: 'Raise the epoch, which ends every lease, permit and grant (programme owner, data protection)',
      body: noFields,
      response: { 200: changeAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'programme-owner', 'data-protection')
      return toAnswer(await raiseEpoch(database))
    },
  })

  app.post('/api/invitations', {
    schema: {
      ...OWNER,
      summary: 'Make one-time invitation codes (programme owner)',
      body: invitationsBody,
      response: { 200: invitationsAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'programme-owner')
      return { codes: [...(await store.createInvitations(request.body.count))] }
    },
  })
}

/** Under which hats somebody acted; never who. */
export function rolesOf({ roles }: StaffIdentity): string {
  return [...roles].toSorted().join(', ')
}

export function toAnswer({ programme, logged }: ProgrammeChange) {
  const { id, state, epoch, charterHash } = programme
  return { programme: id, state, epoch, charterHash, logged }
}

async function currentVaultKey({ database }: Portal, nowMs: number) {
  const row = await database.db
    .selectFrom('vault.day_keys')
    .select(['key_id', 'public_key', 'opens_at_ms', 'closes_at_ms', 'signature'])
    .where('opens_at_ms', '<=', nowMs)
    .where('closes_at_ms', '>', nowMs)
    .where('destroyed', '=', false)
    .orderBy('opens_at_ms', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return null
  return {
    keyId: row.key_id,
    publicKey: row.public_key.toString('base64url'),
    opensAtMs: row.opens_at_ms,
    closesAtMs: row.closes_at_ms,
    signature: row.signature,
  }
}
