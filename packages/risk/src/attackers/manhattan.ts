/**
 * The scaled Manhattan verifier (Killourhy & Maxion 2009), as a likelihood: every feature falls off as a Laplace
 * distribution around the person's own middle, which few observations only move a little way from everybody's.
 */
import type { Attacker, Sample } from '../attacker.ts'
import { baseOf, columnsOf, differing, matrixOf } from './columns.ts'

/** Everybody's middle counts as so many observations of one's own. */
const EVERYBODY = 1
/** No spread is taken to be smaller: few values may lie together by chance. */
const SPREAD_MIN = 0.1

export const manhattan: Attacker = {
  name: 'scaled Manhattan',
  fit(train, people) {
    const columns = columnsOf(train)
    const rows = matrixOf(train, columns, Number.NaN)
    const { size } = columns
    const middles = personMeans(rows, train, size, people)
    const spreads = spreadsAround(rows, train, middles, size)
    // Column by column, so that one column's people lie side by side.
    const ofColumns = Float64Array.from(
      middles,
      (_, i) => middles[(i % people) * size + Math.floor(i / people)] ?? Number.NaN,
    )
    const base = baseOf(columns, Number.NaN)
    const atBase = new Float64Array(people)
    const add = (scores: Float64Array, column: number, value: number, sign: 1 | -1) => {
      if (Number.isNaN(value)) return
      const weight = sign / (spreads[column] ?? 1)
      const from = column * people
      for (let person = 0; person < people; person++) {
        scores[person] = (scores[person] ?? 0) - weight * Math.abs(value - (ofColumns[from + person] ?? 0))
      }
    }
    for (let i = 0; i < size; i++) add(atBase, i, base[i] ?? 0, 1)
    const row = new Float64Array(size)
    const at = new Int32Array(size)
    return {
      scores({ features }: Sample) {
        columns.read(features, Number.NaN, row)
        const scores = Float64Array.from(atBase)
        const count = differing(row, base, at)
        for (let k = 0; k < count; k++) {
          const column = at[k] ?? 0
          add(scores, column, base[column] ?? 0, -1)
          add(scores, column, row[column] ?? 0, 1)
        }
        return scores
      },
    }
  },
}

function personMeans(rows: Float64Array, train: readonly Sample[], size: number, people: number): Float64Array {
  const sums = new Float64Array(people * size)
  const counts = new Float64Array(people * size).fill(EVERYBODY)
  for (const [i, { person }] of train.entries()) {
    for (let j = 0; j < size; j++) {
      const value = rows[i * size + j] ?? 0
      if (Number.isNaN(value)) continue
      const at = person * size + j
      sums[at] = (sums[at] ?? 0) + value
      counts[at] = (counts[at] ?? 0) + 1
    }
  }
  return sums.map((sum, i) => sum / (counts[i] ?? 1))
}

function spreadsAround(rows: Float64Array, train: readonly Sample[], middles: Float64Array, size: number) {
  const sums = new Float64Array(size)
  const counts = new Float64Array(size)
  for (const [i, { person }] of train.entries()) {
    for (let j = 0; j < size; j++) {
      const value = rows[i * size + j] ?? 0
      if (Number.isNaN(value)) continue
      sums[j] = (sums[j] ?? 0) + Math.abs(value - (middles[person * size + j] ?? 0))
      counts[j] = (counts[j] ?? 0) + 1
    }
  }
  return sums.map((sum, j) => Math.max(SPREAD_MIN, sum / Math.max(1, counts[j] ?? 1)))
}
