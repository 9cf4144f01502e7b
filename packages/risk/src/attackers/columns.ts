/** Columns of features made comparable: centred, in units of their spread, without those that say nothing. */
import type { Sample } from '../attacker.ts'

export interface Columns {
  /** How many are left, and of how many. */
  readonly size: number
  readonly width: number
  /** Into `out` of `size` numbers; what was not seen becomes `missing`. */
  read<Row extends Float32Array | Float64Array>(features: Float64Array, missing: number, out: Row): Row
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
    width,
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

/**
 * Rows as what differs from the row of a unit in which nothing was counted: most counts of a unit are 0, so little is stored and a
 * distance or a product costs as much as what was done in the unit. The same figures as with whole rows, up to rounding.
 */
export interface SparseRows {
  /** The row of nothing. */
  readonly base: Float64Array
  /** Where each row's entries begin; one more at the end. */
  readonly starts: Int32Array
  readonly at: Int32Array
  /** Less the base. */
  readonly deltas: Float64Array
}

export function sparseRows(samples: readonly Sample[], columns: Columns, missing: number): SparseRows {
  const base = baseOf(columns, missing)
  const row = new Float64Array(columns.size)
  const starts = new Int32Array(samples.length + 1)
  const at: number[] = []
  const deltas: number[] = []
  for (const [i, { features }] of samples.entries()) {
    columns.read(features, missing, row)
    for (let j = 0; j < row.length; j++) {
      const delta = (row[j] ?? 0) - (base[j] ?? 0)
      if (delta === 0) continue
      at.push(j)
      deltas.push(delta)
    }
    starts[i + 1] = at.length
  }
  return { base, starts, at: Int32Array.from(at), deltas: Float64Array.from(deltas) }
}

export function baseOf(columns: Columns, missing: number): Float64Array {
  return columns.read(new Float64Array(columns.width), missing, new Float64Array(columns.size))
}

/** Columns in which a row differs from the base, into `at`. @returns how many */
export function differing(row: Float64Array, base: Float64Array, at: Int32Array): number {
  let count = 0
  for (let j = 0; j < row.length; j++) if (row[j] !== base[j]) at[count++] = j
  return count
}
