/**
 * The gate: whether a programme may run, for the first time or again after a lockdown. One place decides both.
 *
 * Four people sign a statement of what was found in order, and the keeper asks for the same four signatures before it serves an
 * epoch that follows a lockdown: so no row of a database opens anything, whoever wrote it.
 *
 * ```
 * statement = {"v":1,"programme":"orders","epoch":7,"opens":8,"charter":"…","incidents":[…],"evidence":[…],"builds":[…],"nonce":"…"}
 * hash      = base64url(SHA-256("fairtrace/gate-statement/v1\n" ‖ canonical JSON))
 * signature = Ed25519 over "fairtrace/gate/v1\n" ‖ hash, by a key that the charter names under `quorum`
 * ```
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import type { VerifySignature } from './access/approver.ts'
import { base64url } from './base64url.ts'
import { canonicalJson } from './canonical-json.ts'
import type { MissingApproval } from './charter/approve-charter.ts'
import { type Charter, QUORUM_ROLES, type QuorumRole } from './charter/charter-schema.ts'
import { decideStart, START_DENY_SENTENCES, type StartDenyReason } from './charter/decide-start.ts'
import { digestPattern, id128Pattern, programmeIdPattern } from './ids.ts'

export const GATE_CONTEXT = 'fairtrace/gate/v1\n'
export const GATE_OPENED_ENTRY = 'gate.opened'
export const GATE_REOPENED_ENTRY = 'gate.reopened-after-drill'
const DRILL_REOPENING_CONTEXT = 'fairtrace/gate-after-drill/v1\n'

const digests = z.array(z.string().regex(digestPattern)).max(1_000)

/** What the four sign: everything that they could have looked at, named by its digest. */
export const gateStatementSchema = z.strictObject({
  v: z.literal(1),
  programme: z.string().regex(programmeIdPattern),
  /** The epoch that the programme is in; a lockdown that comes later has a higher one, and this statement is void. */
  epoch: z.int().min(0),
  /** The epoch from the opening on. */
  opens: z.int().min(1),
  charter: z.string().regex(digestPattern),
  /** Ids of every incident that is not over, sorted. */
  incidents: z.array(z.string().regex(id128Pattern)).max(1_000),
  /** Digests of the evidence that counted, one for each safeguard, sorted. */
  evidence: digests,
  /** What the servers ran, sorted, each once. */
  builds: z.array(z.string().min(1).max(128)).max(100),
  nonce: z.string().regex(id128Pattern),
})
export type GateStatement = z.infer<typeof gateStatementSchema>

export const gateSignatureSchema = z.strictObject({
  /** As the charter's `quorum` has it. */
  name: z.string().min(1).max(128),
  /** Ed25519 over GATE_CONTEXT ‖ hash, base64url. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
})
export type GateSignature = z.infer<typeof gateSignatureSchema>

/** Detail of `gate.opened`. */
export const gateOpenedSchema = z.strictObject({
  statement: gateStatementSchema,
  signatures: z.array(gateSignatureSchema).max(16),
})
export type GateOpened = z.infer<typeof gateOpenedSchema>

/** Detail of `gate.reopened-after-drill`: a planted fault that is gone puts back what it locked, and nothing more. */
export const drillReopenedSchema = z.strictObject({
  programme: z.string().regex(programmeIdPattern),
  drill: z.string().min(1).max(128),
  epoch: z.int().min(0),
  opens: z.int().min(1),
  /** By the charter's `keys.issuer` over `drillReopeningMessage`: no row alone calls a lockdown a drill. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
})
export type DrillReopened = z.infer<typeof drillReopenedSchema>

export function gateStatementHash(statement: GateStatement): string {
  const text = `fairtrace/gate-statement/v1\n${canonicalJson(statement)}`
  return base64url(sha256(new TextEncoder().encode(text)))
}

/** The bytes that one of the quorum signs. */
export function gateMessage(hash: string): Uint8Array {
  return new TextEncoder().encode(GATE_CONTEXT + hash)
}

export function drillReopeningMessage({
  programme,
  drill,
  epoch,
  opens,
}: Omit<DrillReopened, 'signature'>): Uint8Array {
  return new TextEncoder().encode(DRILL_REOPENING_CONTEXT + canonicalJson({ programme, drill, epoch, opens }))
}

/**
 * Roles of the quorum that have not signed. Each counts once, by its own name and key: nobody signs for two.
 * What doesn't verify is as if absent.
 */
export function missingQuorum(
  charter: Charter,
  hash: string,
  signatures: readonly GateSignature[],
  verifySignature: VerifySignature,
): readonly QuorumRole[] {
  const message = gateMessage(hash)
  const keys = new Set<string>()
  const names = new Set<string>()
  return QUORUM_ROLES.filter((role) => {
    const named = charter.quorum.filter((one) => one.role === role)
    const [member] = named
    if (member === undefined || named.length !== 1 || keys.has(member.key) || names.has(member.name)) return true
    keys.add(member.key)
    names.add(member.name)
    return !signatures.some(({ name, signature }) => name === member.name && verifies(message, signature, member.key))
  })

  function verifies(bytes: Uint8Array, signature: string, key: string): boolean {
    try {
      return verifySignature(bytes, signature, key) === true
    } catch {
      // Fails closed: a signature that can't be checked doesn't count.
      return false
    }
  }
}

/** Why the gate stays closed. Each has its own sentence; `START_DENY_SENTENCES` has the others. */
export const GATE_MISSING_SENTENCES = {
  ...START_DENY_SENTENCES,
  'state-final': 'a programme in this state does not start',
  'catalogue-missing': 'no catalogue of safeguards says what there has to be evidence of',
  'evidence-missing': 'a safeguard has no evidence that counts now',
  'unannounced-missing': 'no unannounced drill of the representative or an auditor has passed in time',
  'exposure-open': 'an exposure is not closed',
  'root-cause-missing': 'an incident has no root cause on record',
  'fault-not-drilled': 'no drill of the same fault has passed since the incident',
  'notices-missing': 'not everybody concerned by an incident has been told',
  'statement-missing': 'nobody has drawn up a statement for the four to sign',
  'statement-void': 'the statement is about another state than the one now: draw up a new one',
  'signature-missing': 'one of the quorum has not signed the statement',
} as const
export type GateMissingReason = StartDenyReason | keyof typeof GATE_MISSING_SENTENCES

export interface GateMissing {
  readonly reason: GateMissingReason
  /** Which one: a safeguard, an exposure, an incident, a build, a role; null where there is one thing only. */
  readonly what: string | null
  readonly sentence: string
}

export type GateDecision = { readonly open: true } | { readonly open: false; readonly missing: readonly GateMissing[] }

export interface GateIncident {
  /** Of the lockdown that it is about. */
  readonly id: string
  readonly hasRootCause: boolean
  /** Whether a drill of each of its faults has passed in or after its epoch. */
  readonly isDrilledSince: boolean
  readonly areNoticesSent: boolean
}

/** What stands now. Whoever fills it in has verified the evidence's signatures. */
export interface GateFacts {
  readonly nowMs: number
  readonly programme: string
  readonly state: 'draft' | 'approved' | 'running' | 'paused' | 'closed' | 'locked'
  readonly epoch: number
  readonly charterHash: string
  /** What the charter in force still lacks. */
  readonly missingApprovals: readonly MissingApproval[]
  /** Of every server process that runs, this one's included. */
  readonly builds: readonly string[]
  /** Every safeguard of the catalogue. */
  readonly safeguards: readonly string[]
  /** Digest of the evidence that counts now, by safeguard. */
  readonly evidence: ReadonlyMap<string, string>
  readonly hasUnannounced: boolean
  /** Ids of exposures that are open or contained. */
  readonly exposures: readonly string[]
  /** Those that are not over. */
  readonly incidents: readonly GateIncident[]
  readonly statement: GateStatement | null
  readonly signatures: readonly GateSignature[]
  /**
   * `all`: a first start in production, and every way out of a lockdown. `unsigned`: a pause that the gate did not make; the
   * signatures of its opening still stand. `demonstration`: never locked, and nobody real is in it.
   */
  readonly asks: 'all' | 'unsigned' | 'demonstration'
}

/**
 * Decides whether the programme may run now. Every reason is named, not the first alone.
 *
 * Pure, and the only place where this is decided: starting, resuming, re-enabling and the watch over an open gate all ask here.
 */
export function decideGate(charter: Charter, facts: GateFacts, verifySignature: VerifySignature): GateDecision {
  const missing = [
    ...missingToStart(charter, facts),
    ...(facts.asks === 'demonstration' ? [] : missingAssurance(facts)),
    ...(facts.asks === 'all' ? missingSignatures(charter, facts, verifySignature) : []),
  ]
  return missing.length === 0 ? { open: true } : { open: false, missing }
}

/**
 * Decides whether a gate that was opened stays open: evidence lapses, builds change. Signatures don't lapse, and an exposure locks by
 * itself.
 */
export function decideStayOpen(charter: Charter, facts: GateFacts): GateDecision {
  const missing = [
    ...unreviewedBuilds(charter, facts),
    ...(facts.asks === 'demonstration' ? [] : missingEvidence(facts)),
  ]
  return missing.length === 0 ? { open: true } : { open: false, missing }
}

/** The statement that fits these facts, to be signed. @param nonce 16 random bytes, base64url */
export function drawStatement(facts: GateFacts, nonce: string): GateStatement {
  return {
    v: 1,
    programme: facts.programme,
    epoch: facts.epoch,
    opens: facts.epoch + 1,
    charter: facts.charterHash,
    incidents: facts.incidents.map(({ id }) => id).toSorted(),
    evidence: [...new Set(facts.evidence.values())].toSorted(),
    builds: [...new Set(facts.builds)].toSorted(),
    nonce,
  }
}

function missingToStart(charter: Charter, facts: GateFacts): readonly GateMissing[] {
  const { nowMs, missingApprovals, builds, state } = facts
  const listed = builds[0] !== undefined && builds.every((build) => charter.builds.server.includes(build))
  const serverBuild = listed ? (builds[0] ?? '') : ''
  const decision = decideStart(charter, { nowMs, missingApprovals, serverBuild })
  const reasons = decision.allow ? [] : decision.reasons.filter((reason) => reason !== 'server-not-reviewed')
  return [
    ...(['draft', 'closed'].includes(state) ? [missed('state-final', state)] : []),
    ...reasons.map((reason) => missed(reason)),
    ...unreviewedBuilds(charter, facts),
  ]
}

function unreviewedBuilds(charter: Charter, { builds }: GateFacts): readonly GateMissing[] {
  const others = builds.filter((build) => !charter.builds.server.includes(build))
  // A server that says nothing of what it runs was not reviewed either.
  if (builds.length === 0) return [missed('server-not-reviewed')]
  return [...new Set(others)].map((build) => missed('server-not-reviewed', build))
}

function missingEvidence({ safeguards, evidence, hasUnannounced }: GateFacts): readonly GateMissing[] {
  return [
    ...(safeguards.length === 0 ? [missed('catalogue-missing')] : []),
    ...safeguards.filter((id) => !evidence.has(id)).map((id) => missed('evidence-missing', id)),
    ...(hasUnannounced ? [] : [missed('unannounced-missing')]),
  ]
}

function missingAssurance(facts: GateFacts): readonly GateMissing[] {
  return [
    ...missingEvidence(facts),
    ...facts.exposures.map((id) => missed('exposure-open', id)),
    ...facts.incidents.flatMap(({ id, hasRootCause, isDrilledSince, areNoticesSent }) => [
      ...(hasRootCause ? [] : [missed('root-cause-missing', id)]),
      ...(isDrilledSince ? [] : [missed('fault-not-drilled', id)]),
      ...(areNoticesSent ? [] : [missed('notices-missing', id)]),
    ]),
  ]
}

function missingSignatures(charter: Charter, facts: GateFacts, verify: VerifySignature): readonly GateMissing[] {
  const { statement, signatures } = facts
  if (statement === null) return [missed('statement-missing')]
  const unsigned = missingQuorum(charter, gateStatementHash(statement), signatures, verify)
  return [
    ...(isOfNow(statement, facts) ? [] : [missed('statement-void')]),
    ...unsigned.map((role) => missed('signature-missing', role)),
  ]
}

/** Newer evidence of the same safeguards may have come since it was signed; what was signed must still be all that there is to know. */
function isOfNow(statement: GateStatement, facts: GateFacts): boolean {
  const now = drawStatement(facts, statement.nonce)
  return canonicalJson({ ...statement, evidence: [] }) === canonicalJson({ ...now, evidence: [] })
}

function missed(reason: GateMissingReason, what: string | null = null): GateMissing {
  return { reason, what, sentence: GATE_MISSING_SENTENCES[reason] }
}
