/**
 * Telling whether a person is in a release at all: a likelihood-ratio attack for each person (Carlini et al. 2022, "Membership inference
 * attacks from first principles"), with people in place of examples.
 *
 * The attacker knows some of a person's segments, of recordings that are *not* in the release, and everything else of the
 * population. Many releases are made of half the people each; how well a person's known segments fit the releases with and
 * without them gives two distributions, and the last release is judged by their ratio. Whoever holds the very segments that
 * were released finds them by looking: against that only the cap on types helps, and `docs/privacy.md` says so.
 */
import type { CandidateSegment } from '@fairtrace/core'
import { type Comparison, curveOf } from '../metrics.ts'
import type { Random } from '../random.ts'
import { actionToken } from '../recordings/action-features.ts'

export interface Membership {
  /** Share of members who are recognised where one in a thousand who is none is taken for one. */
  readonly tprAt001: number
  readonly auc: number
  /** Judgements that the figures are made of. */
  readonly trials: number
}

/** Releases from which a person's two distributions are learned. */
const SHADOWS = 16
/** So many judgements that one false in a thousand can be seen. */
const JUDGEMENTS = 2_400
const GRAMS = 3

/** @returns null for fewer than eight people with two recordings: then nothing can be said */
export function membershipAttack(segments: readonly CandidateSegment[], random: Random): Membership | null {
  const people = knownAndReleased(segments, random)
  if (people.length < 8) return null
  const shape = new Map<string, number>()
  const ids = (list: readonly CandidateSegment[]) => list.map((segment) => gramsOf(segment, shape))
  const known = people.map(({ known: own }) => ids(own))
  const released = people.map(({ released: own }) => ids(own))
  const fits: { readonly isIn: boolean[]; readonly fit: Float64Array }[] = []
  const judgedCount = Math.max(4, Math.ceil(JUDGEMENTS / people.length))
  for (let r = 0; r < SHADOWS + judgedCount; r++) {
    const isIn = random.shuffle(people.map((_, i) => i < people.length / 2))
    const counts = new Float64Array(shape.size)
    for (const [i, own] of released.entries()) {
      if (isIn[i] !== true) continue
      for (const grams of own) for (const gram of grams) counts[gram] = (counts[gram] ?? 0) + 1
    }
    fits.push({ isIn, fit: fitsOf(known, counts) })
  }
  const [judged, shadows] = [fits.slice(SHADOWS), fits.slice(0, SHADOWS)]
  const comparisons: Comparison[] = []
  for (let person = 0; person < people.length; person++) {
    const inside = spread(shadows.filter(({ isIn }) => isIn[person]).map(({ fit }) => fit[person] ?? 0))
    const outside = spread(shadows.filter(({ isIn }) => !isIn[person]).map(({ fit }) => fit[person] ?? 0))
    if (inside === null || outside === null) continue
    for (const { isIn, fit } of judged) {
      const seen = fit[person] ?? 0
      comparisons.push({
        person,
        genuine: isIn[person] === true,
        score: logDensity(seen, inside) - logDensity(seen, outside),
      })
    }
  }
  const { auc, tprAt001 } = curveOf(comparisons)
  return { auc, tprAt001, trials: comparisons.length }
}

interface Halves {
  readonly known: readonly CandidateSegment[]
  readonly released: readonly CandidateSegment[]
}

/** Each person's recordings in two halves; people with one recording can't be attacked in this way and are left out. */
function knownAndReleased(segments: readonly CandidateSegment[], random: Random): Halves[] {
  const byPerson = Map.groupBy(segments, ({ person }) => person)
  return [...byPerson.values()].flatMap((own): Halves[] => {
    const recordings = random.shuffle([...new Set(own.map(({ recording }) => recording))])
    if (recordings.length < 2) return []
    const isKnown = new Set(recordings.slice(0, recordings.length / 2))
    return [
      {
        known: own.filter(({ recording }) => isKnown.has(recording)),
        released: own.filter(({ recording }) => !isKnown.has(recording)),
      },
    ]
  })
}

function gramsOf({ app, actions }: CandidateSegment, shape: Map<string, number>): Int32Array {
  const tokens = actions.map(actionToken)
  const grams: number[] = []
  for (let i = 0; i < tokens.length; i++) {
    let gram = app ?? ''
    for (let j = i; j < Math.min(tokens.length, i + GRAMS); j++) {
      gram += ` ${tokens[j]}`
      let id = shape.get(gram)
      if (id === undefined) {
        id = shape.size
        shape.set(gram, id)
      }
      grams.push(id)
    }
  }
  return Int32Array.from(grams)
}

/** By person, the mean log share of the known runs in the release, each gram of the shape counted half a time at least. */
function fitsOf(known: readonly (readonly Int32Array[])[], counts: Float64Array): Float64Array {
  let total = counts.length / 2
  for (const count of counts) total += count
  const shares = counts.map((count) => Math.log((count + 0.5) / total))
  return Float64Array.from(known, (segments) => {
    let sum = 0
    let grams = 0
    for (const segment of segments) {
      for (const gram of segment) sum += shares[gram] ?? 0
      grams += segment.length
    }
    return grams === 0 ? 0 : sum / grams
  })
}

interface Spread {
  readonly mean: number
  readonly deviation: number
}

function spread(values: readonly number[]): Spread | null {
  if (values.length < 3) return null
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.max(1e-6, Math.sqrt(squares / (values.length - 1))) }
}

function logDensity(value: number, { mean, deviation }: Spread): number {
  return -0.5 * ((value - mean) / deviation) ** 2 - Math.log(deviation)
}
