/**
 * Attacks a set of units in every way and counts what was found: grouped cross-validation, every attacker and all of them
 * fused, one unit and several linked ones.
 */
import { type Attacker, linkScores, type Sample } from './attacker.ts'
import { type FusedModel, fitFused } from './attackers/fusion.ts'
import { ATTACKERS } from './attackers/index.ts'
import { groupedFolds } from './folds.ts'
import { bootstrapCurve, bootstrapRate, exactUpper, type Interval, smallestShown, tallyByPerson } from './intervals.ts'
import { rankRate, type Trial, unweightedCurve, verifications } from './metrics.ts'
import { Random } from './random.ts'

/** The same units as one more attacker might see them: coarser, finer, or as order alone. */
export interface Encoding {
  readonly name: string
  readonly samples: readonly Sample[]
}

export interface AssessOptions {
  readonly seed: number
  readonly people: number
  readonly folds: number
  /** How many units of a person are linked; `all`: everything of the person that is tested at once. */
  readonly amounts: readonly (number | 'all')[]
  readonly attackers?: readonly Attacker[]
  /** Gets the share that is done, from 0 to 1. */
  readonly onProgress?: (share: number) => void
}

/** What one attacker reached with one encoding and one amount of data. */
export interface Figure {
  readonly encoding: string
  readonly attacker: string
  readonly amount: number | 'all'
  readonly trials: number
  readonly rank1: number
  readonly rank1Interval: Interval
  /** Exact 95 % upper end, clustered by person. */
  readonly rank1Upper: number
  readonly rank5: number
  /** Each person counts the same, whatever number of trials it has. */
  readonly rank1Balanced: number
  /** The least multiple of chance that this cohort could have shown. */
  readonly smallestShown: number
  readonly auc: number
  readonly aucInterval: Interval
  readonly eer: number
  readonly eerInterval: Interval
  readonly tprAt001: number
}

export const FUSED = 'all fused'

export function assess(encodings: readonly Encoding[], options: AssessOptions): Figure[] {
  const attackers = options.attackers ?? ATTACKERS
  const figures: Figure[] = []
  const steps = encodings.length * options.folds
  let done = 0
  for (const { name, samples } of encodings) {
    const trials = new Map<string, Trial[]>()
    const random = new Random(options.seed, name)
    for (const { train, test } of groupedFolds(samples, options.folds, random)) {
      if (train.length > 0 && test.length > 0) {
        const model = fitFused(attackers, train, options.people, random)
        attack(model, attackers, test, options.amounts, random, trials)
      }
      options.onProgress?.(++done / steps)
    }
    for (const amount of options.amounts) {
      for (const attacker of [...attackers.map((one) => one.name), FUSED]) {
        const own = trials.get(`${attacker}\n${amount}`)
        if (own !== undefined) figures.push(figureOf(own, name, attacker, amount, options, random))
      }
    }
  }
  return figures
}

function attack(
  model: FusedModel,
  attackers: readonly Attacker[],
  test: readonly Sample[],
  amounts: readonly (number | 'all')[],
  random: Random,
  trials: Map<string, Trial[]>,
): void {
  const byPerson = Map.groupBy(random.shuffle([...test]), ({ person }) => person)
  for (const [person, units] of byPerson) {
    const scores = units.map((unit) => {
      const own = model.members.map((member) => member.scores(unit))
      return [...own, model.fuse(own)]
    })
    for (const amount of amounts) {
      const size = amount === 'all' ? units.length : Math.min(amount, units.length)
      // What is left over after the last whole bundle would be a smaller one: it isn't tried.
      for (let from = 0; from + size <= units.length; from += size) {
        for (let i = 0; i <= attackers.length; i++) {
          const linked = linkScores(scores.slice(from, from + size).map((own) => own[i] ?? new Float64Array(0)))
          const key = `${attackers[i]?.name ?? FUSED}\n${amount}`
          const list = trials.get(key) ?? []
          list.push({ person, scores: linked })
          trials.set(key, list)
        }
      }
    }
  }
}

/** Comparisons of which a bootstrap is drawn at most: more cost minutes and move no end of it. */
const COMPARISONS_MAX = 30_000

function figureOf(
  trials: readonly Trial[],
  encoding: string,
  attacker: string,
  amount: number | 'all',
  { people }: AssessOptions,
  random: Random,
): Figure {
  const tallies = tallyByPerson(trials, 1)
  const curve = unweightedCurve(verifications(trials))
  const drawn = random.shuffle([...trials]).slice(0, Math.ceil(COMPARISONS_MAX / people))
  const intervals = bootstrapCurve(verifications(drawn), random)
  return {
    encoding,
    attacker,
    amount,
    trials: trials.length,
    rank1: rankRate(trials, 1),
    rank1Interval: bootstrapRate(tallies, random),
    rank1Upper: exactUpper(tallies),
    rank5: rankRate(trials, 5),
    rank1Balanced: tallies.reduce((sum, one) => sum + one.successes / one.trials, 0) / tallies.length,
    smallestShown: smallestShown(tallies, 1 / people),
    auc: curve.auc,
    aucInterval: intervals.auc,
    eer: curve.eer,
    eerInterval: intervals.eer,
    tprAt001: curve.tprAt001,
  }
}

/** The figure of the attacker that did best: worst for the people. Null where there is none for the amount. */
export function worst<One extends { readonly amount: Figure['amount'] }>(
  figures: readonly One[],
  amount: Figure['amount'],
  by: (figure: One) => number,
): One | null {
  let found: One | null = null
  for (const figure of figures) {
    if (figure.amount === amount && (found === null || by(figure) > by(found))) found = figure
  }
  return found
}
