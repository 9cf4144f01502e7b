/** Columns of features made comparable: centred, in units of their spread, without those that say nothing. */
import type { Sample } from '../attacker.ts'

export interface Columns {
  /** How many are left. */
  readonly size: number
  /** Into `out` of `size` numbers; what was not seen becomes `missing`. */
  read(features: Float64Array, missing: number, out: Float64Array): Float64Array
}

/** Values this many spreads away say no more than this: one wild value must not decide. */
const FAR = 6

export function columnsOf(train: readonly Sample[]): Columns {
  const width = train[0]?.features.length ?? 0
  const kept: number[] = []
  const centres: number[] = []
  const spreads: number[] = []
  for (let column = 0; column < width; column++) {
    let count = 0
    let sum = 0
    for (const { features } of train) {
      const value = features[column] ?? Number.NaN
      if (Number.isNaN(value)) continue
      count++
      sum += value
    }
    const centre = sum / count
    let squares = 0
    for (const { features } of train) {
      const value = features[column] ?? Number.NaN
      if (!Number.isNaN(value)) squares += (value - centre) ** 2
    }
    const spread = Math.sqrt(squares / count)
    if (!(spread > 1e-12)) continue
    kept.push(column)
    centres.push(centre)
    spreads.push(spread)
  }
  const [order, middle, unit] = [Int32Array.from(kept), Float64Array.from(centres), Float64Array.from(spreads)]
  return {
    size: kept.length,
    read(features, missing, out) {
      for (let i = 0; i < order.length; i++) {
        const value = features[order[i] ?? 0] ?? Number.NaN
        const scaled = (value - (middle[i] ?? 0)) / (unit[i] ?? 1)
        out[i] = Number.isNaN(scaled) ? missing : Math.max(-FAR, Math.min(FAR, scaled))
      }
      return out
    },
  }
}

/** Every sample read, one row after the other. */
export function matrixOf(samples: readonly Sample[], columns: Columns, missing: number): Float64Array {
  const all = new Float64Array(samples.length * columns.size)
  for (const [i, { features }] of samples.entries()) {
    columns.read(features, missing, all.subarray(i * columns.size, (i + 1) * columns.size))
  }
  return all
}
