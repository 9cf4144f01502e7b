/** "Accesses to my data", and my decisions in the ledger, each with a proof to keep. Found by the participant's session alone. */
import { z } from 'zod'
import { ownAccesses, ownAccessProof, ownDecisionProof, ownDecisions } from '../../consent/own-entries.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { refusals } from '../schemas.ts'

const PARTICIPANT = { tags: ['me'], security: [{ session: [] }] }
const index = z.int().min(0).describe('Place in the ledger, from 0')

const accessesAnswer = z.object({
  accesses: z.array(
    z.object({
      index,
      atMs: z.int().describe('Unix milliseconds'),
      who: z.string().nullable().describe('Null if it was yourself'),
      purpose: z.string().nullable(),
      reason: z.string().nullable(),
      approvers: z.array(z.string()),
      what: z.object({ release: z.string().nullable(), keys: z.int() }),
    }),
  ),
})
const decisionsAnswer = z.object({
  decisions: z.array(
    z.object({
      version: z.int(),
      kind: z.enum(['decision', 'erasure']),
      index: index.nullable().describe('Null until the ledger has given it a place'),
    }),
  ),
})
const indexParams = z.object({ index: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER) })
const decisionParams = z.object({
  kind: z.enum(['decision', 'erasure']),
  version: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
})

export function ownEntryRoutes(app: PortalApp, { database, identities }: Portal): void {
  app.get('/api/me/accesses', {
    schema: {
      ...PARTICIPANT,
      summary: 'Who opened what of mine, why, and who approved',
      response: { 200: accessesAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const accesses = await ownAccesses(database, pseudonym)
      return { accesses: accesses.map((access) => ({ ...access, approvers: [...access.approvers] })) }
    },
  })

  app.get('/api/me/accesses/:index/proof', {
    schema: {
      ...PARTICIPANT,
      summary: 'Its proof, a `.tlog-proof` that says by itself what it proves',
      params: indexParams,
    },
    handler: async (request, reply) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const proof = await ownAccessProof(database, pseudonym, request.params.index)
      return reply.headers(download(`access-${request.params.index}`)).send(proof)
    },
  })

  app.get('/api/me/decisions', {
    schema: { ...PARTICIPANT, summary: 'My decisions in the ledger', response: { 200: decisionsAnswer, ...refusals } },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return { decisions: [...(await ownDecisions(database, pseudonym))] }
    },
  })

  app.get('/api/me/decisions/:kind/:version/proof', {
    schema: { ...PARTICIPANT, summary: 'The proof of a decision, or of an erasure', params: decisionParams },
    handler: async (request, reply) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const { kind, version } = request.params
      const proof = await ownDecisionProof(database, pseudonym, version, kind)
      return reply.headers(download(`${kind}-${version}`)).send(proof)
    },
  })
}

function download(name: string): Record<string, string> {
  return {
    'content-type': 'text/plain; charset=utf-8',
    'content-disposition': `attachment; filename="${name}.tlog-proof"`,
    'cache-control': 'no-store',
  }
}
