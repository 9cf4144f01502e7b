/**
 * The gate of a programme: whether it may start, and, by the same answer, whether it may start again after a pause.
 *
 * Pure. What it is told it takes from the caller; whoever calls it has verified the signatures.
 */
import type { MissingApproval } from './approve-charter.ts'
import type { Charter } from './charter-schema.ts'
import { QUORUM_ROLES } from './charter-schema.ts'

/** Why the gate stays closed. Each has its own sentence in the interface. */
export type StartDenyReason =
  | 'impact-assessment-missing'
  | 'consultation-missing'
  | 'approval-missing'
  | 'quorum-incomplete'
  | 'server-not-reviewed'

export const START_DENY_SENTENCES: Readonly<Record<StartDenyReason, string>> = {
  'impact-assessment-missing': 'the impact assessment is dated in the future',
  'consultation-missing': 'the consultation is dated in the future',
  'approval-missing': 'a data-protection officer and a worker representative have not both signed this charter',
  'quorum-incomplete': 'the charter does not name four people, one for each role',
  'server-not-reviewed': 'this server runs a build that the charter does not list',
}

export interface StartFacts {
  readonly nowMs: number
  /** Signatures that the charter still lacks; for one that only narrows an approved charter, those of that charter. */
  readonly missingApprovals: readonly MissingApproval[]
  /** What the server runs. */
  readonly serverBuild: string
}

export type StartDecision =
  | { readonly allow: true }
  | { readonly allow: false; readonly reasons: readonly StartDenyReason[] }

/** Decides whether a programme under this charter may run now. Every reason is named, not the first alone. */
export function decideStart(charter: Charter, facts: StartFacts): StartDecision {
  const reasons: StartDenyReason[] = []
  if (!hasHappened(charter.impactAssessment.date, facts.nowMs)) reasons.push('impact-assessment-missing')
  if (!hasHappened(charter.consultation.date, facts.nowMs)) reasons.push('consultation-missing')
  if (facts.missingApprovals.length > 0) reasons.push('approval-missing')
  const isQuorate = QUORUM_ROLES.every((role) => charter.quorum.filter((one) => one.role === role).length === 1)
  if (!isQuorate) reasons.push('quorum-incomplete')
  if (!charter.builds.server.includes(facts.serverBuild)) reasons.push('server-not-reviewed')
  return reasons.length === 0 ? { allow: true } : { allow: false, reasons }
}

/** A day counts from its beginning in UTC. Stated as what we accept, so that a NaN clock falls outside it. */
function hasHappened(date: string, nowMs: number): boolean {
  return Date.parse(date) <= nowMs
}
