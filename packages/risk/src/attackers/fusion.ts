/**
 * All attackers as one: each is given the weight with which it does best on recordings that it was not trained on, so
 * that one that knows nothing adds nothing.
 */
import type { Attacker, Model, Sample } from '../attacker.ts'
import { groupedFolds } from '../folds.ts'
import type { Random } from '../random.ts'

/** Weights that are tried; 0 would be a member that is left out. */
const WEIGHTS = [0, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1, 1.5] as const
/** Units on which weights are chosen, at most. */
const JUDGED_MAX = 2_000

export interface FusedModel extends Model {
  /** Of the members alone, in their order: each model was trained once and serves both. */
  readonly members: readonly Model[]
  /** Scores of each member for one sample → scores of all together. */
  fuse(scores: readonly Float64Array[]): Float64Array
}

export function fitFused(
  attackers: readonly Attacker[],
  train: readonly Sample[],
  people: number,
  random: Random,
): FusedModel {
  const weights = chooseWeights(attackers, train, people, random)
  const members = attackers.map((attacker) => attacker.fit(train, people, random))
  const fuse = (scores: readonly Float64Array[]) => {
    const sum = new Float64Array(people)
    for (const [i, own] of scores.entries()) {
      const weight = weights[i] ?? 0
      if (weight > 0) addLogShares(sum, own, weight)
    }
    return sum
  }
  return { members, fuse, scores: (sample) => fuse(members.map((member) => member.scores(sample))) }
}

/** Each weight alone first, then all once more in the company of the others: coordinate descent on held-out likelihood. */
function chooseWeights(
  attackers: readonly Attacker[],
  train: readonly Sample[],
  people: number,
  random: Random,
): number[] {
  const inner = groupedFolds(train, 3, random)[0]
  if (inner === undefined || inner.test.length === 0 || inner.train.length === 0) return attackers.map(() => 1)
  const judged = random.shuffle([...inner.test]).slice(0, JUDGED_MAX)
  const scores = attackers.map((attacker) => {
    const model = attacker.fit(inner.train, people, random)
    return judged.map((sample) => model.scores(sample))
  })
  const weights = attackers.map(() => 0)
  for (let round = 0; round < 2; round++) {
    for (let member = 0; member < attackers.length; member++) {
      let best = { weight: 0, loss: Number.POSITIVE_INFINITY }
      const others = sumsOf(judged, scores, weights.with(member, 0), people)
      for (const weight of WEIGHTS) {
        const loss = lossOf(judged, others, scores[member] ?? [], weight, people)
        if (loss < best.loss) best = { weight, loss }
      }
      weights[member] = best.weight
    }
  }
  return weights
}

/** Weighted scores of all members, one judged unit after the other. */
function sumsOf(
  judged: readonly Sample[],
  scores: readonly (readonly Float64Array[])[],
  weights: readonly number[],
  people: number,
): Float64Array {
  const sums = new Float64Array(judged.length * people)
  for (const [member, weight] of weights.entries()) {
    if (weight === 0) continue
    for (const [i, own] of (scores[member] ?? []).entries()) {
      const from = i * people
      for (let p = 0; p < people; p++) sums[from + p] = (sums[from + p] ?? 0) + weight * (own[p] ?? 0)
    }
  }
  return sums
}

const NOTHING = new Float64Array(0)

/** Of one member with a weight, in the company of the others. */
function lossOf(
  judged: readonly Sample[],
  others: Float64Array,
  scores: readonly Float64Array[],
  weight: number,
  people: number,
): number {
  let loss = 0
  const sum = new Float64Array(people)
  for (const [i, { person }] of judged.entries()) {
    const own = scores[i] ?? NOTHING
    const from = i * people
    for (let p = 0; p < people; p++) sum[p] = (others[from + p] ?? 0) + weight * (own[p] ?? 0)
    loss += logTotal(sum, 1) - (sum[person] ?? 0)
  }
  return loss
}

function addLogShares(sum: Float64Array, scores: Float64Array, weight: number): void {
  const total = logTotal(scores, weight)
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (scores[i] ?? 0) - total
}

function logTotal(scores: Float64Array, weight: number): number {
  let top = Number.NEGATIVE_INFINITY
  for (const score of scores) if (score > top) top = score
  let total = 0
  for (const score of scores) total += Math.exp(weight * (score - top))
  return weight * top + Math.log(total)
}
