/**
 * Where a grant stands, from what happened to it and the time. Nobody writes a state down, so none can be wrong.
 *
 * ```
 * requested ─▶ approved ─▶ active ─▶ over            asked · two approvals, the keeper hasn't spoken · open · its time is up
 *     │            └──────────┴─────▶ ended, fenced   ended early · a new epoch closed it
 *     └─▶ refused, lapsed                             an approver said no · nobody said yes in time
 * ```
 */
import type { Activation, Approval, Grant } from '@fairtrace/core'

export type GrantState =
  | 'requested'
  | 'approved'
  | 'active'
  | 'over'
  | 'ended'
  | 'fenced'
  | 'refused'
  | 'lapsed'
  | 'failed'

/** Everything that happened to a grant. */
export interface GrantRecord {
  readonly grant: Grant
  /** Digest of the account that asked: the same person under another name is still the same. */
  readonly account: string
  readonly approvals: readonly (Approval & { readonly role: string; readonly atMs: number })[]
  readonly refusal: { readonly by: string; readonly reason: string; readonly atMs: number } | null
  readonly activation: Activation | null
  /** Why vault or keeper did not activate it, a code; null if they did, or weren't asked yet. */
  readonly failure: string | null
  readonly ended: { readonly by: string; readonly atMs: number } | null
}

/** @param now time in Unix milliseconds, and the programme's epoch */
export function grantState(record: GrantRecord, now: { readonly nowMs: number; readonly epoch: number }): GrantState {
  const { grant, approvals, refusal, activation, failure, ended } = record
  if (refusal !== null) return 'refused'
  if (ended !== null) return 'ended'
  if (activation !== null && activation.endsAtMs <= now.nowMs) return 'over'
  if (grant.epoch !== now.epoch) return 'fenced'
  if (failure !== null) return 'failed'
  if (activation !== null) return 'active'
  if (new Set(approvals.map(({ role }) => role)).size >= 2) return 'approved'
  return now.nowMs <= grant.approveByMs ? 'requested' : 'lapsed'
}

/** States in which a grant may still come to open something. */
export const LIVE_STATES: ReadonlySet<GrantState> = new Set(['requested', 'approved', 'active'])
