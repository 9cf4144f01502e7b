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

/** Comparisons by column, in any order: there are millions of them. */
export interface Comparisons {
  readonly scores: Float64Array
  readonly genuine: Uint8Array
  readonly persons: Int32Array
}

/** Comparisons of every trial with every person, scores made comparable between trials: log odds against all others. */
export function verifications(trials: readonly Trial[]): Comparisons {
  let count = 0
  for (const { scores } of trials) count += scores.length
  const all = { scores: new Float64Array(count), genuine: new Uint8Array(count), persons: new Int32Array(count) }
  let from = 0
  for (const { person, scores } of trials) {
    logOddsInto(scores, all.scores, from)
    all.persons.fill(person, from, from + scores.length)
    if (person < scores.length) all.genuine[from + person] = 1
    from += scores.length
  }
  return all
}

/** Of each score, taken as a log posterior: log p − log (1 − p). */
export function logOdds(scores: Float64Array): Float64Array {
  return logOddsInto(scores, new Float64Array(scores.length), 0)
}

function logOddsInto(scores: Float64Array, out: Float64Array, from: number): Float64Array {
  let top = scores[0] ?? 0
  for (const score of scores) if (score > top) top = score
  let total = 0
  for (let i = 0; i < scores.length; i++) total += out[from + i] = Math.exp((scores[i] ?? 0) - top)
  for (let i = 0; i < scores.length; i++) {
    const others = Math.max(total - (out[from + i] ?? 0), Number.MIN_VALUE)
    out[from + i] = (scores[i] ?? 0) - top - Math.log(others)
  }
  return out
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
  return unweightedCurve({
    scores: Float64Array.from(comparisons, ({ score }) => score),
    genuine: Uint8Array.from(comparisons, ({ genuine }) => (genuine ? 1 : 0)),
    persons: Int32Array.from(comparisons, ({ person }) => person),
  })
}

/** As `curveOf`. Genuine ones are few: they are sorted, and impostors counted between them, where the curve is a line. */
export function unweightedCurve({ scores, genuine }: Comparisons): Curve {
  const own = scores.filter((_, i) => genuine[i] === 1).sort()
  // Impostors with the score of a genuine one, and below it but above the one before.
  const tied = new Uint32Array(own.length)
  const below = new Uint32Array(own.length + 1)
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? Number.NaN
    // A score that is no number stands above and below nothing.
    if (Number.isNaN(score)) return NO_CURVE
    if (genuine[i] === 1) continue
    const at = firstAtLeast(own, score)
    if (own[at] === score) tied[at] = (tied[at] ?? 0) + 1
    else below[at] = (below[at] ?? 0) + 1
  }
  const curve = new CurveSum(own.length, scores.length - own.length)
  curve.pass(0, below[own.length] ?? 0)
  for (let end = own.length; end > 0; ) {
    const first = firstAtLeast(own, own[end - 1] ?? 0)
    curve.pass(end - first, tied[first] ?? 0)
    curve.pass(0, below[first] ?? 0)
    end = first
  }
  return curve.read()
}

function firstAtLeast(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Comparisons by falling score, once for many resamplings of persons. */
export interface SortedComparisons extends Comparisons {
  /** Where what passes at once ends: comparisons of one score, and impostors between two genuine ones. */
  readonly ends: Int32Array
}

export function sortComparisons({ scores, genuine, persons }: Comparisons): SortedComparisons {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
  const sorted = Float64Array.from(order, (i) => scores[i] ?? 0)
  const isGenuine = Uint8Array.from(order, (i) => genuine[i] ?? 0)
  return {
    scores: sorted,
    genuine: isGenuine,
    persons: Int32Array.from(order, (i) => persons[i] ?? 0),
    ends: endsOf(sorted, isGenuine),
  }
}

function endsOf(scores: Float64Array, genuine: Uint8Array): Int32Array {
  const ends: number[] = []
  let isBare = false
  for (let i = 0; i < scores.length; ) {
    let end = i
    let own = 0
    for (; end < scores.length && scores[end] === scores[i]; end++) own += genuine[end] ?? 0
    // What is no number equals not even itself: it passes alone.
    if (end === i) own += genuine[end++] ?? 0
    if (isBare && own === 0) ends.pop()
    isBare = own === 0
    ends.push(end)
    i = end
  }
  return Int32Array.from(ends)
}

/** @param weights by person, how often its comparisons count */
export function weightedCurve({ genuine, persons, ends }: SortedComparisons, weights: Float64Array): Curve {
  let positives = 0
  let negatives = 0
  for (let i = 0; i < persons.length; i++) {
    const weight = weights[persons[i] ?? 0] ?? 0
    if (genuine[i] === 1) positives += weight
    else negatives += weight
  }
  const curve = new CurveSum(positives, negatives)
  let i = 0
  for (const end of ends) {
    let own = 0
    let others = 0
    for (; i < end; i++) {
      const weight = weights[persons[i] ?? 0] ?? 0
      if (genuine[i] === 1) own += weight
      else others += weight
    }
    if (own > 0 || others > 0) curve.pass(own, others)
  }
  return curve.read()
}

const NO_CURVE: Curve = { auc: Number.NaN, eer: Number.NaN, tprAt001: Number.NaN }
const FALSE_POSITIVES = 0.001

/** A curve in the making: comparisons pass in order of falling score, those of one score at once. */
class CurveSum {
  readonly #positives: number
  readonly #negatives: number
  #own = 0
  #others = 0
  #area = 0
  #eer = Number.NaN
  #tprAt001 = 0

  constructor(positives: number, negatives: number) {
    this.#positives = positives
    this.#negatives = negatives
  }

  pass(own: number, others: number): void {
    const [beforeT, beforeF] = [this.#own / this.#positives, this.#others / this.#negatives]
    this.#own += own
    this.#others += others
    const [tpr, fpr] = [this.#own / this.#positives, this.#others / this.#negatives]
    this.#area += (fpr - beforeF) * ((tpr + beforeT) / 2)
    // Between two thresholds the curve is a line: a coin decides which of the tied ones pass.
    if (Number.isNaN(this.#eer) && fpr >= 1 - tpr) this.#eer = crossing(beforeT, beforeF, tpr, fpr)
    this.#tprAt001 = Math.max(this.#tprAt001, along(beforeT, beforeF, tpr, fpr))
  }

  read(): Curve {
    if (this.#positives === 0 || this.#negatives === 0) return NO_CURVE
    return { auc: this.#area, eer: this.#eer, tprAt001: this.#tprAt001 }
  }
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
