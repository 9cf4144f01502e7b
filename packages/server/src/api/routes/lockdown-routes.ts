/** Locking by hand, how a lockdown stands, and what two people say of an exposure. */
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { lockdownReport, newestLockdown } from '../../lockdown/report.ts'
import { settleExposure, verdictSchema } from '../../lockdown/verdict.ts'
import { lockProgramme } from '../../runtime/lockdown.ts'
import { STAFF_ROLES } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { doneAnswer, refusals } from '../schemas.ts'
import { rolesOf } from './programme-routes.ts'

const STAFF = { tags: ['lockdown'], security: [{ session: [] }] }
/** The one button is theirs; it asks for no second factor and no second person. */
export const LOCKERS = ['data-protection', 'worker-representative'] as const
export const DEFAULT_REASON = 'Locked by hand.'

export const lockBody = z.object({
  reason: z.string().trim().max(500).default('').describe('In words, for everybody; no person’s name'),
})
const counts = z.record(z.string(), z.int())
const reportAnswer = z.object({
  epoch: z.int(),
  atMs: z.int(),
  causes: z.array(
    z.object({
      ...{ number: z.int(), atMs: z.int(), by: z.string(), reason: z.string() },
      ...{ exposure: z.string().nullable(), drill: z.string().nullable() },
    }),
  ),
  acknowledged: z.array(z.object({ point: z.string(), role: z.string(), afterMs: z.int(), served: counts })),
  missing: z.array(z.object({ point: z.string(), role: z.string(), isLive: z.boolean() })),
  devicesConnected: z.int().nullable(),
  overByMs: z.int(),
  endedAtMs: z.int().nullable(),
})
const statusAnswer = z.object({
  state: z.string(),
  epoch: z.int(),
  report: reportAnswer.nullable().describe('Of the newest lockdown; null if there was none'),
})

export function lockdownRoutes(app: PortalApp, portal: Portal): void {
  const { database, programmes, identities } = portal

  app.post('/api/lockdown', {
    schema: {
      ...STAFF,
      summary: 'Lock everything now (data protection, worker representative)',
      body: lockBody,
      response: { 200: z.object({ epoch: z.int() }), ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, ...LOCKERS)
      return { epoch: await lockByHand(portal, rolesOf(who), request.body.reason) }
    },
  })

  app.get('/api/lockdown', {
    schema: {
      ...STAFF,
      summary: 'Who has stopped for the newest lockdown, and who has not',
      response: { 200: statusAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...STAFF_ROLES)
      const { state, epoch } = await programmes.require()
      const newest = await newestLockdown(database)
      const report = newest === null ? null : await lockdownReport(database, newest)
      return { state, epoch, report: report === null ? null : reportAnswer.parse(report) }
    },
  })

  app.post('/api/exposures/:exposure/verdict', {
    schema: {
      ...STAFF,
      summary: 'What data protection and a worker representative say of an exposure, over both their signatures',
      params: z.object({ exposure: z.uuid() }),
      body: verdictSchema,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...LOCKERS)
      await settleExposure(database, await programmes.require(), request.params.exposure, request.body)
      return { done: true as const }
    },
  })
}

/** @returns the epoch from here on @throws `NOT_FOUND` without a programme */
export async function lockByHand({ database }: Portal, by: string, reason: string): Promise<number> {
  const { epoch } = await lockProgramme(database, reason === '' ? DEFAULT_REASON : reason, { by })
  if (epoch === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
  return epoch
}
