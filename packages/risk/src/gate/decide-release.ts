/**
 * Decides whether a candidate may become a release. Pure, and the only place: builder and card go by it.
 *
 * Every bound is held against the worst attacker, over encodings and amounts, by its exact upper end; where a figure is missing
 * the gate stays closed.
 */
import type { Charter } from '@fairtrace/core'
import { type RiskFigure, riskReportSchema } from './report.ts'

/** Why there is no release. Closed: each has its own sentence. */
export const GATE_SENTENCES = {
  'report-invalid': 'the report of the attacks is not whole',
  'attack-quick': 'not every attacker was tried: this was a demonstration’s quick look',
  'too-small': 'there are too few people to show even three times chance',
  'attackers-blind': 'the attackers did not find a habit that was planted for them, so what they miss proves nothing',
  'protocol-leaks': 'the attackers found people who were dealt by chance: the test itself gives people away',
  'single-segment': 'one segment gives its person away more often than the charter allows',
  'linked-segments': 'ten segments that were linked give their person away more often than the charter allows',
  'pair-told': 'attackers tell better than the charter allows whether two segments are one person’s',
  'member-told': 'attackers tell better than the charter allows whether a person is in the release',
  'joined-releases':
    'together with earlier releases it gives people away more often than the charter allows, or this could not be tried',
  'names-repeat': 'two segments have one name, by which they could be linked',
} as const
export type GateReason = keyof typeof GATE_SENTENCES

export type ReleaseDecision =
  | { readonly allow: true }
  | { readonly allow: false; readonly reasons: readonly GateReason[] }

/** A cohort that can't show so many times chance closes the gate. */
const SHOWN_MAX = 3
/** How often a planted habit must be found, in times chance. */
const PLANTED_MIN = 3
/** Judgements of membership without which 1 in 1,000 can't be seen. */
const MEMBERSHIP_TRIALS_MIN = 1_000

/** Of a charter, what the gate is held against. */
export interface GateLimits {
  readonly release: Pick<Charter['release'], 'risk'>
}

export function decideRelease(candidate: unknown, { release }: GateLimits): ReleaseDecision {
  const parsed = riskReportSchema.safeParse(candidate)
  const chance = parsed.data?.chance ?? null
  if (!parsed.success || chance === null) return { allow: false, reasons: ['report-invalid'] }
  const { figures, joined, controls, membership, repeatedNames } = parsed.data
  const limits = release.risk
  const reasons: GateReason[] = []
  const close = (reason: GateReason, isHeld: boolean) => {
    // Stated as what we accept, so that a NaN closes it.
    if (!isHeld) reasons.push(reason)
  }
  const single = figures.filter(({ amount }) => amount === 1)
  const linked = figures.filter(({ amount }) => amount === 10)
  close('attack-quick', parsed.data.effort === 'full')
  const shown = [...single, ...linked]
  close('too-small', shown.length > 0 && shown.every((one) => one.smallestShown <= SHOWN_MAX))
  close('attackers-blind', controls.planted !== null && controls.planted >= Math.min(PLANTED_MIN, 0.8 / chance))
  close('protocol-leaks', controls.shuffled !== null && controls.shuffled <= bound(linked, SHOWN_MAX))
  close('single-segment', isWithin(single, limits.singleMax, chance))
  close('linked-segments', isWithin(linked, limits.linkedMax, chance))
  close('pair-told', single.length > 0 && single.every(({ auc }) => auc <= limits.pairAucMax))
  close(
    'member-told',
    membership !== null && membership.trials >= MEMBERSHIP_TRIALS_MIN && membership.tprAt001 <= limits.membershipMax,
  )
  close('joined-releases', parsed.data.earlier === 0 || isJoinedWithin(joined, chance, limits))
  close('names-repeat', repeatedNames === 0)
  return reasons.length === 0 ? { allow: true } : { allow: false, reasons }
}

/** By the exact upper end, against the larger of the target and the same end at chance. */
function isWithin(figures: readonly RiskFigure[], timesChance: number, chance: number): boolean {
  return (
    figures.length > 0 &&
    figures.every((one) => one.rank1Upper <= Math.max(timesChance, one.smallestShown) * chance + ROUNDING)
  )
}

function isJoinedWithin(joined: readonly RiskFigure[], chance: number, limits: Charter['release']['risk']): boolean {
  const single = joined.filter(({ amount }) => amount === 1)
  const linked = joined.filter(({ amount }) => amount === 10)
  return isWithin(single, limits.singleMax, chance) && isWithin(linked, limits.linkedMax, chance)
}

function bound(figures: readonly RiskFigure[], least: number): number {
  return Math.max(least, ...figures.map(({ smallestShown }) => smallestShown))
}

const ROUNDING = 1e-9
