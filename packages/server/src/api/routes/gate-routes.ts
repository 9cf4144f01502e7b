/** The gate over HTTP: how it stands, what the four sign, their signatures, and opening it. */
import { digestPattern, gateSignatureSchema, gateStatementSchema, missingQuorum } from '@fairtrace/core'
import { z } from 'zod'
import { drawGateStatement, type GateStatus, gateStatus, openGate, signGate } from '../../assurance/gate.ts'
import type { StoredStatement } from '../../assurance/gate-facts.ts'
import { verifyEd25519 } from '../../runtime/jws.ts'
import type { Programme } from '../../runtime/programme.ts'
import { STAFF_ROLES } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { changeAnswer, noFields, refusals } from '../schemas.ts'
import { rolesOf, toAnswer } from './programme-routes.ts'

const STAFF = { tags: ['gate'], security: [{ session: [] }] }
/** May have a statement drawn up; opening is the owner's, with their passkey. */
export const DRAWERS = ['programme-owner', 'data-protection', 'worker-representative'] as const

const statementAnswer = z.object({
  hash: z.string().describe('What the four sign, after the context `fairtrace/gate/v1`'),
  statement: gateStatementSchema,
  signed: z.array(z.string()).describe('Names of those whose signature is here'),
  missing: z.array(z.string()).describe('Roles of the quorum that have not signed'),
})
const gateAnswer = z.object({
  state: z.string(),
  epoch: z.int(),
  open: z.boolean().describe('Whether the gate would open now'),
  asks: z.enum(['all', 'unsigned', 'demonstration']).describe('What it asks for, as docs/gate.md says'),
  missing: z.array(z.object({ reason: z.string(), what: z.string().nullable(), sentence: z.string() })),
  statement: statementAnswer.nullable(),
  quorum: z.array(z.object({ name: z.string(), role: z.string() })),
})
const signatureBody = gateSignatureSchema.extend({ hash: z.string().regex(digestPattern) })

export function gateRoutes(app: PortalApp, portal: Portal): void {
  const { database, programmes, identities, passkeys, clock, issuer } = portal

  app.get('/api/gate', {
    schema: {
      ...STAFF,
      summary: 'Whether the gate would open now, and everything that is missing',
      response: { 200: gateAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...STAFF_ROLES)
      return toGateAnswer(await programmes.require(), await gateStatus(database, clock.nowMs()))
    },
  })

  app.post('/api/gate/statements', {
    schema: {
      ...STAFF,
      summary: 'Draw up what the four are asked to sign (programme owner, data protection, worker representative)',
      body: noFields,
      response: { 200: statementAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, ...DRAWERS)
      return toStatement(await programmes.require(), await drawGateStatement(database, clock.nowMs()))
    },
  })

  app.post('/api/gate/signatures', {
    schema: {
      tags: ['gate'],
      summary: 'Hand in a signature over the statement; it is its own credential',
      body: signatureBody,
      response: { 200: statementAnswer, ...refusals },
    },
    handler: async (request) => {
      const { hash, ...signature } = request.body
      return toStatement(await programmes.require(), await signGate(database, hash, signature))
    },
  })

  app.post('/api/gate/open', {
    schema: {
      ...STAFF,
      summary: 'Let the programme run, if the gate lets it (programme owner, after a step-up for run-programme)',
      body: noFields,
      response: { 200: changeAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'programme-owner')
      await passkeys.requireStepUp(who, 'run-programme')
      const { nowMs } = clock
      const by = rolesOf(who)
      return toAnswer(
        await openGate(database, { by, reason: 'opened by hand', nowMs: () => nowMs.call(clock), issuer }),
      )
    },
  })
}

function toGateAnswer(programme: Programme, { facts, decision, statement }: GateStatus): z.infer<typeof gateAnswer> {
  return {
    state: facts.state,
    epoch: facts.epoch,
    open: decision.open,
    asks: facts.asks,
    missing: decision.open ? [] : [...decision.missing],
    statement: statement === null ? null : toStatement(programme, statement),
    quorum: programme.charter.quorum.map(({ name, role }) => ({ name, role })),
  }
}

export function toStatement({ charter }: Programme, stored: StoredStatement): z.infer<typeof statementAnswer> {
  const { hash, statement, signatures } = stored
  const missing = [...missingQuorum(charter, hash, signatures, verifyEd25519)]
  return { hash, statement, signed: signatures.map(({ name }) => name), missing }
}
