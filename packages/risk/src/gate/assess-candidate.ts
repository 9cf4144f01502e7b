/**
 * Attacks a candidate before it becomes a release: everything that would be in it, by every attacker, retrained on it.
 *
 * Large candidates are drawn from, the same number of segments for everybody, so that who gave much is no clue by itself and the
 * time is bounded; the report says how much was drawn.
 */
import type { CandidateSegment } from '@fairtrace/core'
import { type AssessOptions, assess, type Encoding, type Figure, worst } from '../assess.ts'
import type { Attacker } from '../attacker.ts'
import { ATTACKERS } from '../attackers/index.ts'
import { Random } from '../random.ts'
import { nextAction } from '../utility/next-action.ts'
import { RISK_VERSION } from '../version.ts'
import { attributeAttacks } from './attributes.ts'
import { encodeSegments } from './candidate-encodings.ts'
import { withPlantedHabits, withShuffledPeople } from './controls.ts'
import { DRAWN_MAX } from './draw.ts'
import { membershipAttack } from './membership.ts'
import type { RiskReport } from './report.ts'

export interface AssessCandidateOptions {
  readonly seed: number
  /** Everything in scope, before caps and anonymity: what utility is measured against. People are numbered as in the candidate. */
  readonly inScope: readonly CandidateSegment[]
  /** How many releases there were before, and their segments, people and recordings numbered as in the candidate. */
  readonly earlier: { readonly releases: number; readonly segments: readonly CandidateSegment[] }
  /** `quick` leaves the slow attackers out: for a demonstration, whose gate stays closed for it. */
  readonly effort: Effort
  readonly onProgress?: (share: number) => void
}

export type Effort = 'full' | 'quick'
const FOLDS: Readonly<Record<Effort, number>> = { full: 3, quick: 2 }
/** Without those whose training takes seconds however little there is. */
const SLOW: readonly string[] = ['neural embedding', 'random trees', 'nearest neighbours']
const QUICK: readonly Attacker[] = ATTACKERS.filter(({ name }) => !SLOW.includes(name))
/** Enough to see a habit that was planted, or a leak of the test itself. */
const CONTROL_ATTACKERS: readonly Attacker[] = QUICK
const AMOUNTS: Readonly<Record<Effort, AssessOptions['amounts']>> = { full: [1, 5, 10, 20, 'all'], quick: [1, 10] }
/** Of the work, so that a bar moves evenly. */
const STEPS = { figures: 0.5, joined: 0.65, unprotected: 0.75, planted: 0.85, shuffled: 0.95 } as const

export function assessCandidate(segments: readonly CandidateSegment[], options: AssessCandidateOptions): RiskReport {
  const { seed, inScope, earlier, effort } = options
  const tell = options.onProgress ?? (() => undefined)
  const drawn = draw(segments, options)
  const people = new Set(drawn.map(({ person }) => person)).size
  const from = (start: number, end: number) => (share: number) => tell(start + share * (end - start))
  const attackers = effort === 'full' ? ATTACKERS : QUICK
  const attack = (encodings: readonly Encoding[], how: Pick<AssessOptions, 'amounts' | 'attackers' | 'onProgress'>) =>
    people < 2 ? [] : assess(encodings, { seed, people, folds: FOLDS[effort], ...how })
  const figures = attack(encodeSegments(drawn), {
    amounts: AMOUNTS[effort],
    attackers,
    onProgress: from(0, STEPS.figures),
  })
  const joined =
    earlier.segments.length === 0
      ? []
      : attack(encodeSegments(draw([...segments, ...earlier.segments], options)).slice(0, 1), {
          amounts: [1, 10],
          attackers,
          onProgress: from(STEPS.figures, STEPS.joined),
        })
  const unprotected = attack(encodeSegments(draw(inScope, options)).slice(0, 1), {
    amounts: AMOUNTS[effort],
    attackers: QUICK,
    onProgress: from(STEPS.joined, STEPS.unprotected),
  })
  const control = (list: readonly CandidateSegment[], start: number, end: number) =>
    timesChance(
      attack(encodeSegments(list).slice(0, 1), {
        amounts: [10],
        attackers: CONTROL_ATTACKERS,
        onProgress: from(start, end),
      }),
      people,
    )
  const planted = control(withPlantedHabits(drawn, seed), STEPS.unprotected, STEPS.planted)
  const shuffled = control(withShuffledPeople(drawn, seed), STEPS.planted, STEPS.shuffled)
  const random = new Random(seed, 'membership and utility')
  const names = new Set(segments.map(({ name }) => name))
  const report: RiskReport = {
    v: 1,
    risk: RISK_VERSION,
    seed,
    effort,
    people,
    segments: segments.length,
    drawn: drawn.length,
    chance: people === 0 ? null : 1 / people,
    figures,
    earlier: earlier.releases,
    joined,
    unprotected,
    controls: { planted, shuffled },
    membership: membershipAttack(drawn, random),
    attributes: people < 2 ? [] : attributeAttacks(drawn, random),
    repeatedNames: segments.length - names.size,
    utility: {
      released: nextAction(segments, inScope, new Random(seed, 'who is tested')),
      inScope: nextAction(inScope, inScope, new Random(seed, 'who is tested')),
      kept: inScope.length === 0 ? null : Math.min(1, actionsOf(segments) / Math.max(1, actionsOf(inScope))),
    },
  }
  tell(1)
  return report
}

/** People by chance, of each the same number of segments at most, renumbered from 0; recordings stay whole as far as they go. */
function draw(segments: readonly CandidateSegment[], { seed }: AssessCandidateOptions): CandidateSegment[] {
  const random = new Random(seed, 'draw')
  const byPerson = [...Map.groupBy(segments, ({ person }) => person)].toSorted(([a], [b]) => a - b)
  // Who has one recording can be in no test: for them nothing is shown, and nothing is claimed.
  const testable = byPerson.filter(([, own]) => new Set(own.map(({ recording }) => recording)).size > 1)
  const chosen = random.shuffle(testable).slice(0, DRAWN_MAX.people)
  return chosen.flatMap(([, own], person) =>
    random
      .shuffle([...own])
      .slice(0, DRAWN_MAX.segmentsPerPerson)
      .map((segment) => ({ ...segment, person })),
  )
}

function timesChance(figures: readonly Figure[], people: number): number | null {
  const found = worst(figures, 10, ({ rank1 }) => rank1)
  return found === null ? null : found.rank1 * people
}

function actionsOf(segments: readonly CandidateSegment[]): number {
  return segments.reduce((sum, { actions }) => sum + actions.length, 0)
}
