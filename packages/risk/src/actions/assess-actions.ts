/** The gate's own attacks and decision over any recordings of actions, without an installation: what would be released, and may it be? */
import { assessCandidate } from '../gate/assess-candidate.ts'
import { decideRelease, type GateReason } from '../gate/decide-release.ts'
import type { RiskReport } from '../gate/report.ts'
import { Random } from '../random.ts'
import { asReleased, type SegmentCutter } from './cut-segments.ts'
import { protectSegments } from './protect-segments.ts'

/** `none`: cut as the builder cuts, nothing taken out; `default`: also `k` and cap. */
export const ACTION_PROTECTIONS = ['none', 'default'] as const
export type ActionProtection = (typeof ACTION_PROTECTIONS)[number]

/** What a fresh charter allows: its template has the same numbers. */
export const EXAMPLE_LIMITS = {
  risk: { singleMax: 1.5, linkedMax: 2, pairAucMax: 0.55, membershipMax: 0.003 },
  k: 5,
  shareMax: 0.16,
  typeActions: 3,
  segmentActionsMax: 12,
} as const

export interface ActionsReport {
  readonly version: 1
  readonly format: 'actions'
  readonly protect: ActionProtection
  readonly gate: 'passed' | 'closed'
  readonly reasons: readonly GateReason[]
  readonly report: RiskReport
}

export interface AssessActionsOptions {
  readonly protect: ActionProtection
  readonly seed: number
  readonly onProgress?: (share: number) => void
}

/** @param cut everything, cut with `EXAMPLE_LIMITS.segmentActionsMax` */
export function assessActions({ segments: cut }: SegmentCutter, options: AssessActionsOptions): ActionsReport {
  const { protect, seed, onProgress } = options
  const kept = protect === 'none' ? cut : protectSegments(cut, EXAMPLE_LIMITS, new Random(seed, 'cap'))
  const report = assessCandidate(asReleased(kept, seed), {
    seed,
    inScope: asReleased(cut, seed),
    earlier: { releases: 0, segments: [] },
    effort: 'full',
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  const decision = decideRelease(report, { release: EXAMPLE_LIMITS })
  return {
    version: 1,
    format: 'actions',
    protect,
    gate: decision.allow ? 'passed' : 'closed',
    reasons: decision.allow ? [] : decision.reasons,
    report,
  }
}
