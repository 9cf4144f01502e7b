/**
 * Concerns. Two kinds of request that never meet: with a session, and then the same for everybody (read the list, fetch a
 * whole set of tokens, answer); or with a token, and then without any session.
 */
import {
  CONCERN_KEYS_TYP,
  CONCERN_TEXT_MAX,
  CONCERN_USES,
  concernNumberPattern,
  concernRoundPattern,
  concernTokenSchema,
  FairtraceError,
  id128Pattern,
} from '@fairtrace/core'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { answerConcern, joinConcern, leaveConcern, raiseConcern } from '../../concerns/concerns.ts'
import { concernEntrySchema } from '../../concerns/consequences.ts'
import { listConcerns, shownThresholds } from '../../concerns/list.ts'
import { issueTokens, liveRounds } from '../../concerns/token-sets.ts'
import { signJws } from '../../runtime/jws.ts'
import type { PortalApp } from '../app.ts'
import { refuseOtherSites } from '../identity.ts'
import type { Portal } from '../portal.ts'
import { doneAnswer, refusals } from '../schemas.ts'

const INSIDE = { tags: ['concerns'], security: [{ session: [] }] }
const UNNAMED = { tags: ['concerns'], security: [] }

const ANSWER_TEXT_MAX = 4_000

const concern = z.string().regex(id128Pattern)
const round = z.string().regex(concernRoundPattern).describe('A month in UTC')
const slot = z.int().min(0)
const ms = z.int().describe('Unix milliseconds')

export const answerBody = z.strictObject({ text: z.string().trim().min(1).max(ANSWER_TEXT_MAX) })
const concernParams = z.object({ concern })
const supportBody = z.strictObject({ concern, token: concernTokenSchema })
const raiseBody = z.strictObject({
  round,
  text: z.string().trim().min(1).max(CONCERN_TEXT_MAX).describe('Others read it'),
  token: concernTokenSchema,
})
const tokensBody = z.strictObject({
  round,
  blinded: z
    .array(z.string().regex(concernNumberPattern))
    .length(CONCERN_USES.length)
    .describe('One blinded message for each use, in the order of the keys'),
})
const raisedAnswer = z.object({ concern, round, slot })
const keysAnswer = z.object({
  rounds: z.array(z.object({ round, keys: z.string().describe(`Compact JWS, typ ${CONCERN_KEYS_TYP}`) })),
})
const listAnswer = z.object({
  thresholds: z.object({ review: z.int(), pause: z.int(), reviewDeadlineMs: z.int(), shownFrom: z.int() }),
  concerns: z.array(
    z.object({
      concern,
      round,
      slot,
      raisedOn: z.string(),
      text: z.string(),
      state: z.enum(['open', 'in-review', 'answered']),
      supporters: z.int().nullable().describe('At least so many, in steps of k; null below k'),
      reviewDueAtMs: ms.nullable(),
      isOverdue: z.boolean(),
      hasPaused: z.boolean(),
      answer: z.string().nullable(),
      isJoinable: z.boolean(),
      logged: z.array(concernEntrySchema).describe('Ledger entries, with what opens their commitments'),
    }),
  ),
})

export function concernRoutes(app: PortalApp, portal: Portal): void {
  const { database, programmes, identities, clock, issuer, concernKeys, consequences } = portal

  app.get('/api/concerns', {
    schema: { ...INSIDE, summary: 'The concerns and their answers', response: { 200: listAnswer, ...refusals } },
    handler: async (request) => {
      await identities.requireAnybody(request)
      await consequences.pauseWhereDue()
      const programme = await programmes.require()
      const concerns = await listConcerns(database, programme, clock.nowMs())
      return {
        thresholds: shownThresholds(programme),
        concerns: concerns.map((one) => ({ ...one, logged: [...one.logged] })),
      }
    },
  })

  app.get('/api/concerns/keys', {
    schema: {
      ...UNNAMED,
      summary: 'The public keys of the rounds for which tokens are given, the same for everybody',
      response: { 200: keysAnswer, ...refusals },
    },
    handler: async () => {
      const { id } = await programmes.require()
      const rounds = []
      for (const live of await liveRounds(database, clock.nowMs())) {
        rounds.push({
          round: live,
          keys: signJws(CONCERN_KEYS_TYP, await concernKeys.publicKeys(id, live), issuer),
        })
      }
      return { rounds }
    },
  })

  app.post('/api/concerns/tokens', {
    schema: {
      ...INSIDE,
      summary: 'My tokens of a round: a whole set, once (participant)',
      body: tokensBody,
      response: { 200: z.object({ signatures: z.array(z.string()) }), ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const { id } = await programmes.require()
      const signatures = await issueTokens(database, concernKeys, id, pseudonym, request.body, clock.nowMs())
      return { signatures: [...signatures] }
    },
  })

  app.post('/api/concerns', {
    schema: {
      ...UNNAMED,
      summary: 'Raise a concern, with a token and without a session',
      body: raiseBody,
      response: { 200: raisedAnswer, ...refusals },
    },
    handler: async (request) => {
      requireUnnamed(request)
      return await raiseConcern(portal, request.body, clock.nowMs())
    },
  })

  app.post('/api/concerns/join', {
    schema: {
      ...UNNAMED,
      summary: 'Join a concern, with its token and without a session',
      body: supportBody,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      requireUnnamed(request)
      await joinConcern(portal, request.body.concern, request.body.token, clock.nowMs())
      return { done: true as const }
    },
  })

  app.post('/api/concerns/leave', {
    schema: {
      ...UNNAMED,
      summary: 'Leave a concern, with the token that joined it and without a session',
      body: supportBody,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      requireUnnamed(request)
      await leaveConcern(portal, request.body.concern, request.body.token, clock.nowMs())
      return { done: true as const }
    },
  })

  app.post('/api/concerns/:concern/answer', {
    schema: {
      ...INSIDE,
      summary: 'Answer a concern, for everybody inside to read (worker representative)',
      params: concernParams,
      body: answerBody,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'worker-representative')
      await answerConcern(portal, request.params.concern, request.body.text)
      return { done: true as const }
    },
  })
}

/**
 * A client that shows who it is by mistake is told so, and nothing is counted.
 * @throws `CONCERN_NOT_ANONYMOUS`, `ORIGIN_REFUSED`
 */
function requireUnnamed(request: FastifyRequest): void {
  refuseOtherSites(request)
  if (request.headers.authorization !== undefined || request.headers.cookie !== undefined) {
    throw new FairtraceError('CONCERN_NOT_ANONYMOUS', 'the request carries a session')
  }
}
