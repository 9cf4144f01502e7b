/**
 * How sure a figure is. People are the unit: two trials of one person are no two people, so bootstraps draw persons and
 * exact bounds count no more trials than the people's agreement with themselves allows.
 */
import { binomialUpper, studentT } from './distributions.ts'
import { type Comparisons, type Curve, foundAmong, sortComparisons, type Trial, weightedCurve } from './metrics.ts'
import type { Random } from './random.ts'

/** Two ends, 95 %. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** Successes, also as parts of one, and trials of one person. */
export interface Tally {
  readonly successes: number
  readonly trials: number
}

/** Trials in which the person stood among the first `k`, person by person. */
export function tallyByPerson(trials: readonly Trial[], k: number): Tally[] {
  const byPerson = new Map<number, { successes: number; trials: number }>()
  for (const trial of trials) {
    const entry = byPerson.get(trial.person) ?? { successes: 0, trials: 0 }
    entry.successes += foundAmong(trial, k)
    entry.trials++
    byPerson.set(trial.person, entry)
  }
  return [...byPerson.values()]
}

/**
 * How many independent trials these are worth: their number over the design effect of drawing people, made smaller for
 * few people (Korn & Graubard 1998, as the NCHS uses it). Where nobody or everybody was found the design effect
 * can't be seen, and each person counts once.
 */
export function effectiveTrials(tallies: readonly Tally[]): number {
  const people = tallies.length
  const trials = tallies.reduce((sum, one) => sum + one.trials, 0)
  const rate = tallies.reduce((sum, one) => sum + one.successes, 0) / trials
  if (people < 2 || !(rate > 0 && rate < 1)) return people
  const residuals = tallies.reduce((sum, one) => sum + (one.successes - rate * one.trials) ** 2, 0)
  const variance = ((people / (people - 1)) * residuals) / trials ** 2
  const simple = (rate * (1 - rate)) / trials
  const few = (studentT(0.975, Math.max(1, trials - 1)) / studentT(0.975, people - 1)) ** 2
  return Math.min(trials, variance === 0 ? trials : (simple / variance) * trials * few)
}

/** Clopper and Pearson's upper end, one-sided 95 %, over the effective trials. 1 where there are no trials. */
export function exactUpper(tallies: readonly Tally[]): number {
  const trials = tallies.reduce((sum, one) => sum + one.trials, 0)
  if (trials === 0) return 1
  const rate = tallies.reduce((sum, one) => sum + one.successes, 0) / trials
  const effective = effectiveTrials(tallies)
  return binomialUpper(rate * effective, effective)
}

/**
 * The least advantage that so many people could have shown: the exact upper end of an attacker at chance, in times
 * chance. What is smaller could hide in the cohort's size.
 */
export function smallestShown(tallies: readonly Tally[], chance: number): number {
  const effective = Math.max(tallies.length, effectiveTrials(tallies))
  return binomialUpper(chance * effective, effective) / chance
}

const RESAMPLINGS = 400

/** Percentile interval of a share of successes, drawing persons. */
export function bootstrapRate(tallies: readonly Tally[], random: Random): Interval {
  return percentiles(
    Array.from({ length: RESAMPLINGS }, () => {
      let successes = 0
      let trials = 0
      for (let i = 0; i < tallies.length; i++) {
        const drawn = tallies[random.below(tallies.length)]
        successes += drawn?.successes ?? 0
        trials += drawn?.trials ?? 0
      }
      return trials === 0 ? Number.NaN : successes / trials
    }),
  )
}

/** Percentile intervals of the curve's figures, drawing persons: a person's comparisons count as often as it is drawn. */
export function bootstrapCurve(
  comparisons: Comparisons,
  random: Random,
  resamplings = 100,
): Record<keyof Curve, Interval> {
  const sorted = sortComparisons(comparisons)
  const people = Int32Array.from(new Set(comparisons.persons))
  const weights = new Float64Array(people.reduce((most, person) => Math.max(most, person + 1), 0))
  const curves = Array.from({ length: resamplings }, () => {
    weights.fill(0)
    for (let i = 0; i < people.length; i++) {
      const person = people[random.below(people.length)] ?? 0
      weights[person] = (weights[person] ?? 0) + 1
    }
    return weightedCurve(sorted, weights)
  })
  return {
    auc: percentiles(curves.map(({ auc }) => auc)),
    eer: percentiles(curves.map(({ eer }) => eer)),
    tprAt001: percentiles(curves.map(({ tprAt001 }) => tprAt001)),
  }
}

function percentiles(values: readonly number[]): Interval {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { low: at(0.025), high: at(0.975) }
}
