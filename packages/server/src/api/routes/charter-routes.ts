/** Charters: how one is proposed, signed, announced, and read by everybody whom it binds. */
import { CHARTER_BYTES_MAX, digestPattern, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { approveCharter, type CharterOutcome, listProposals, proposeCharter } from '../../consent/charters.ts'
import { shownParticipants } from '../../consent/shown-participants.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { approvalBody, changesAnswer, charterAnswer, charterBody, charterChangeAnswer, refusals } from '../schemas.ts'
import { toAnswer } from './programme-routes.ts'

const CHARTER = { tags: ['charter'] }
const hashParams = z.object({ hash: z.string().regex(digestPattern) })

export function charterRoutes(app: PortalApp, { database, programmes, identities, store, clock }: Portal): void {
  app.post('/api/programme/charter', {
    // JSON escapes at worst double the text of a charter.
    bodyLimit: 2 * CHARTER_BYTES_MAX,
    schema: {
      ...CHARTER,
      security: [{ session: [] }],
      summary: 'Propose a charter; what only narrows holds at once (programme owner)',
      body: charterBody,
      response: { 200: charterChangeAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'programme-owner')
      return outcomeAnswer(await proposeCharter(database, request.body.yaml, clock.nowMs()))
    },
  })

  app.post('/api/programme/charter/approvals', {
    schema: {
      ...CHARTER,
      // No session: the signature says who it is, and nothing else would be believed.
      summary: 'Hand in a signature over a proposed charter, by a key that the charter in force names',
      body: approvalBody,
      response: { 200: charterChangeAnswer, ...refusals },
    },
    handler: async (request) => {
      const { charter, ...approval } = request.body
      return outcomeAnswer(await approveCharter(database, charter, approval, clock.nowMs()))
    },
  })

  app.get('/api/programme/changes', {
    schema: {
      ...CHARTER,
      summary: 'Charters that wait: what they widen, who has signed, from when they would hold',
      response: { 200: changesAnswer, ...refusals },
    },
    handler: async () => {
      const programme = await programmes.require()
      return {
        // Whoever has said yes is asked again; nobody learns who, nor of fewer than k.
        participants: await shownParticipants(database, store, programme, clock.nowMs()),
        k: programme.charter.release.k,
        changes: (await listProposals(database, programme)).map(proposalAnswer),
      }
    },
  })

  app.get('/api/charters/:hash', {
    schema: {
      ...CHARTER,
      summary: 'A charter that a lease names: the one in force, an earlier one, or the terms between two',
      params: hashParams,
      response: { 200: charterAnswer, ...refusals },
    },
    handler: async (request, reply) => {
      const programme = await programmes.require()
      const charter = [...programme.charters].find(([hash]) => hash === request.params.hash)?.[1]
      if (charter === undefined) throw new FairtraceError('NOT_FOUND', 'no charter has this hash')
      // The name is the content: it never changes.
      reply.header('cache-control', 'public, max-age=31536000, immutable')
      return { charter: { ...charter } }
    },
  })
}

function outcomeAnswer({ programme, logged, proposal }: CharterOutcome) {
  return { ...toAnswer({ programme, logged }), change: proposal === null ? null : proposalAnswer(proposal) }
}

function proposalAnswer(proposal: NonNullable<CharterOutcome['proposal']>) {
  const { widenings, signed, missing, ...facts } = proposal
  return { ...facts, widenings: [...widenings], signed: [...signed], missing: [...missing] }
}
