/** Drills and their evidence: who may start one, and what everybody may read of how the safeguards stand. */
import { id128Pattern, noncePattern } from '@fairtrace/core'
import { z } from 'zod'
import { assuranceCase, assuranceCaseSchema } from '../../assurance/case.ts'
import { markPlanted, markRemoved, registerDrill } from '../../assurance/drills.ts'
import { endDrill } from '../../assurance/end-drill.ts'
import type { StaffRole } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import { renderAssurance } from '../pages/assurance-page.ts'
import type { Portal } from '../portal.ts'
import { noFields, refusals } from '../schemas.ts'

const STAFF = { tags: ['assurance'], security: [{ session: [] }] }
const RUNNERS: readonly StaffRole[] = ['data-protection', 'worker-representative', 'auditor', 'operator']
const params = z.object({ run: z.string().regex(id128Pattern) })
const ms = z.int().min(0)

const startBody = z.strictObject({
  drill: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,63}$/)
    .nullable()
    .describe('Id of the drill; null for an unannounced one'),
  nonce: z.string().regex(noncePattern).nullable().describe('Picks an unannounced drill'),
  starter: z.string().max(128).nullable().describe('Name of the worker representative who chose the nonce'),
  signature: z
    .string()
    .regex(/^[A-Za-z0-9_-]{86}$/)
    .nullable()
    .describe('Theirs, Ed25519 over the nonce and the programme'),
})
const startAnswer = z.object({
  id: z.string(),
  drill: z.string(),
  safeguard: z.string(),
  expected: z.array(z.object({ kind: z.string(), subject: z.string() })),
  ledgerIndex: z.int(),
})
const endBody = z.strictObject({
  passed: z.boolean(),
  detectMs: ms.nullable(),
  containMs: ms.nullable(),
  twin: z.boolean().nullable(),
})
const evidence = z.record(z.string(), z.unknown()).describe('See docs/assurance.md')
const issued = z.object({ evidence, jws: z.string().describe('Compact JWS, EdDSA, by the issuer') })
const ended = issued.extend({ reopened: z.boolean().describe('Whether the programme was put back as it was') })
export function assuranceRoutes(app: PortalApp, { database, programmes, identities, issuer, clock }: Portal): void {
  app.get('/api/assurance', {
    schema: {
      ...STAFF,
      summary: 'How every safeguard stands, with its newest evidence',
      response: { 200: assuranceCaseSchema, ...refusals },
    },
    handler: async (request) => {
      await identities.requireAnybody(request)
      return await assuranceCase(database, await programmes.require(), clock.nowMs())
    },
  })

  app.get('/assurance', { config: { page: true }, schema: { hide: true } }, async (request, reply) => {
    const who = await identities.requireAnybody(request)
    const programme = await programmes.require()
    const { demonstration } = programme.charter
    const frame = { title: 'Safeguards', path: '/assurance', who, hasSignIn: true, isDemonstration: demonstration }
    const shown = await assuranceCase(database, programme, clock.nowMs())
    return reply.type('text/html; charset=utf-8').send(renderAssurance(frame, shown))
  })

  app.post('/api/assurance/drills', {
    schema: {
      ...STAFF,
      summary:
        'Register a drill before anything is planted (data protection, worker representative, auditor, operator)',
      body: startBody,
      response: { 200: startAnswer, ...refusals },
    },
    handler: async (request) => {
      const { roles } = await identities.requireStaff(request, ...RUNNERS)
      const startedBy = RUNNERS.find((role) => roles.has(role)) ?? 'operator'
      const { expected, ...registered } = await registerDrill(database, { ...request.body, startedBy })
      return { ...registered, expected: [...expected] }
    },
  })

  for (const [step, mark, summary] of [
    ['planted', markPlanted, 'Say that the plants of a drill come now'],
    ['removed', markRemoved, 'Say that everything a drill planted is gone'],
  ] as const) {
    app.post(`/api/assurance/drills/:run/${step}`, {
      schema: { ...STAFF, summary, params, body: noFields, response: { 200: z.object({}), ...refusals } },
      handler: async (request) => {
        await identities.requireStaff(request, ...RUNNERS)
        await mark(database, request.params.run)
        return {}
      },
    })
  }

  app.post('/api/assurance/drills/:run/end', {
    schema: {
      ...STAFF,
      summary: 'End a drill; its evidence is issued, passed or not',
      params,
      body: endBody,
      response: { 200: ended, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...RUNNERS)
      return await endDrill(database, issuer, request.params.run, request.body, clock.nowMs())
    },
  })
}
