/**
 * How well an attacker did, as shares of its trials.
 *
 * Ties are shared: an attacker that says the same of everybody reaches exactly chance, not all or nothing.
 */

/** One attempt to say whose a unit is: `scores[i]` for person `i`, higher = likelier. */
export interface Trial {
  readonly person: number
  readonly scores: Float64Array
}

/** One comparison: was it the same person (`genuine`), and how strongly did the attacker say so? */
export interface Comparison {
  /** Whose comparison it is, for intervals by person. */
  readonly person: number
  readonly genuine: boolean
  readonly score: number
}

/** Chance that the trial's person stands among the first `k`, where persons of equal score are put in random order. */
export function foundAmong({ person, scores }: Trial, k: number): number {
  const own = scores[person] ?? Number.NaN
  let above = 0
  let equal = 0
  for (const score of scores) {
    if (score > own) above++
    else if (score === own) equal++
  }
  // Stated as what counts as found, so that a score that isn't a number finds nobody.
  if (!(equal > 0 && above < k)) return 0
  return Math.min(1, (k - above) / equal)
}

/** Mean over the trials. */
export function rankRate(trials: readonly Trial[], k: number): number {
  let sum = 0
  for (const trial of trials) sum += foundAmong(trial, k)
  return trials.length === 0 ? 0 : sum / trials.length
}

/** Comparisons of every trial with every person, scores made comparable between trials: log odds against all others. */
export function verifications(trials: readonly Trial[]): Comparison[] {
  return trials.flatMap(({ person, scores }) => {
    const odds = logOdds(scores)
    return Array.from(odds, (score, other) => ({ person, genuine: other === person, score }))
  })
}

/** Of each score, taken as a log posterior: log p − log (1 − p). */
export function logOdds(scores: Float64Array): Float64Array {
  const order = Float64Array.from(scores).sort()
  const top = order.at(-1) ?? 0
  let total = 0
  for (const score of scores) total += Math.exp(score - top)
  return Float64Array.from(scores, (score) => {
    const own = Math.exp(score - top)
    const others = Math.max(total - own, Number.MIN_VALUE)
    return score - top - Math.log(others)
  })
}

export interface Curve {
  /** Area under the curve: chance that a genuine comparison scores above an impostor's; equal ones count half. */
  readonly auc: number
  /** Where as many impostors pass as genuine ones fail. */
  readonly eer: number
  /** Share of genuine ones that pass where at most 0.1 % of impostors do. */
  readonly tprAt001: number
}

/** From all thresholds at once. NaN everywhere where there are no genuine or no impostor comparisons. */
export function curveOf(comparisons: readonly Comparison[]): Curve {
  const weights = new Float64Array(comparisons.length).fill(1)
  return weightedCurve(sortComparisons(comparisons), weights)
}

/** Comparisons by falling score, once for many resamplings. */
export interface SortedComparisons {
  readonly scores: Float64Array
  readonly genuine: Uint8Array
  readonly persons: Int32Array
}

export function sortComparisons(comparisons: readonly Comparison[]): SortedComparisons {
  const sorted = comparisons.toSorted((a, b) => b.score - a.score)
  return {
    scores: Float64Array.from(sorted, ({ score }) => score),
    genuine: Uint8Array.from(sorted, ({ genuine }) => (genuine ? 1 : 0)),
    persons: Int32Array.from(sorted, ({ person }) => person),
  }
}

const FALSE_POSITIVES = 0.001

/** `weights[i]`: how often comparison `i` counts. */
export function weightedCurve({ scores, genuine }: SortedComparisons, weights: Float64Array): Curve {
  let positives = 0
  let negatives = 0
  for (let i = 0; i < weights.length; i++) {
    if (genuine[i] === 1) positives += weights[i] ?? 0
    else negatives += weights[i] ?? 0
  }
  if (positives === 0 || negatives === 0) return { auc: Number.NaN, eer: Number.NaN, tprAt001: Number.NaN }
  let area = 0
  let eer = Number.NaN
  let tprAt001 = 0
  let tpr = 0
  let fpr = 0
  for (let i = 0; i < weights.length; ) {
    const [beforeT, beforeF] = [tpr, fpr]
    const tied = scores[i] ?? 0
    let j = i
    for (; j < weights.length && scores[j] === tied; j++) {
      if (genuine[j] === 1) tpr += (weights[j] ?? 0) / positives
      else fpr += (weights[j] ?? 0) / negatives
    }
    area += (fpr - beforeF) * ((tpr + beforeT) / 2)
    // Between two thresholds the curve is a line: a coin decides which of the tied ones pass.
    if (Number.isNaN(eer) && fpr >= 1 - tpr) eer = crossing(beforeT, beforeF, tpr, fpr)
    tprAt001 = Math.max(tprAt001, along(beforeT, beforeF, tpr, fpr))
    i = j
  }
  return { auc: area, eer, tprAt001 }
}

/** False-positive rate where the line from `(f0, t0)` to `(f1, t1)` meets `fpr = 1 − tpr`. */
function crossing(t0: number, f0: number, t1: number, f1: number): number {
  const step = t1 - t0 + f1 - f0
  return step === 0 ? f1 : f0 + ((1 - t0 - f0) / step) * (f1 - f0)
}

/** True-positive rate of that line at `FALSE_POSITIVES`, or as far as it goes. */
function along(t0: number, f0: number, t1: number, f1: number): number {
  if (f1 <= FALSE_POSITIVES) return t1
  if (f0 > FALSE_POSITIVES) return 0
  return t0 + ((FALSE_POSITIVES - f0) / (f1 - f0)) * (t1 - t0)
}
