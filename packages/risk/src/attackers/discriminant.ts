/** Linear discriminant with a shrunk covariance within people: knows which features move together, as distances don't. */
import type { Attacker, Sample } from '../attacker.ts'
import { columnsOf, matrixOf } from './columns.ts'

/** Share of the covariance that is replaced by its mean variance, so that few samples give no wild direction. */
const SHRINKAGE = 0.2
/** Everybody's middle counts as so many observations of one's own. */
const EVERYBODY = 1

export const discriminant: Attacker = {
  name: 'linear discriminant',
  fit(train, people) {
    const columns = columnsOf(train)
    const { size } = columns
    const rows = matrixOf(train, columns, 0)
    const means = new Float64Array(people * size)
    const counts = new Float64Array(people)
    for (const [i, { person }] of train.entries()) {
      counts[person] = (counts[person] ?? 0) + 1
      for (let j = 0; j < size; j++)
        means[person * size + j] = (means[person * size + j] ?? 0) + (rows[i * size + j] ?? 0)
    }
    for (let person = 0; person < people; person++) {
      for (let j = 0; j < size; j++) {
        means[person * size + j] = (means[person * size + j] ?? 0) / ((counts[person] ?? 0) + EVERYBODY)
      }
    }
    const factor = cholesky(covariance(rows, train, means, size), size)
    const directions = new Float64Array(people * size)
    const offsets = new Float64Array(people)
    for (let person = 0; person < people; person++) {
      const mean = means.subarray(person * size, (person + 1) * size)
      const solved = solve(factor, size, mean)
      directions.set(solved, person * size)
      offsets[person] = -0.5 * dot(mean, solved, 0, size)
    }
    const row = new Float64Array(size)
    return {
      scores({ features }: Sample) {
        columns.read(features, 0, row)
        return Float64Array.from(offsets, (offset, person) => offset + dot(row, directions, person * size, size))
      },
    }
  },
}

function covariance(rows: Float64Array, train: readonly Sample[], means: Float64Array, size: number): Float64Array {
  const sums = new Float64Array(size * size)
  const centred = new Float64Array(size)
  for (const [i, { person }] of train.entries()) {
    for (let j = 0; j < size; j++) centred[j] = (rows[i * size + j] ?? 0) - (means[person * size + j] ?? 0)
    for (let j = 0; j < size; j++) {
      const value = centred[j] ?? 0
      if (value === 0) continue
      for (let k = 0; k <= j; k++) sums[j * size + k] = (sums[j * size + k] ?? 0) + value * (centred[k] ?? 0)
    }
  }
  let variance = 0
  for (let j = 0; j < size; j++) variance += (sums[j * size + j] ?? 0) / train.length / size
  for (let j = 0; j < size; j++) {
    for (let k = 0; k <= j; k++) {
      const own = ((1 - SHRINKAGE) * (sums[j * size + k] ?? 0)) / train.length
      sums[j * size + k] = j === k ? own + SHRINKAGE * variance + 1e-9 : own
    }
  }
  return sums
}

/** Lower factor, in place; only the lower triangle of `matrix` is read. */
function cholesky(matrix: Float64Array, size: number): Float64Array {
  for (let j = 0; j < size; j++) {
    for (let k = 0; k <= j; k++) {
      let sum = matrix[j * size + k] ?? 0
      for (let m = 0; m < k; m++) sum -= (matrix[j * size + m] ?? 0) * (matrix[k * size + m] ?? 0)
      matrix[j * size + k] = j === k ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (matrix[k * size + k] ?? 1)
    }
  }
  return matrix
}

function solve(factor: Float64Array, size: number, right: Float64Array): Float64Array {
  const x = Float64Array.from(right)
  for (let j = 0; j < size; j++) {
    let sum = x[j] ?? 0
    for (let k = 0; k < j; k++) sum -= (factor[j * size + k] ?? 0) * (x[k] ?? 0)
    x[j] = sum / (factor[j * size + j] ?? 1)
  }
  for (let j = size - 1; j >= 0; j--) {
    let sum = x[j] ?? 0
    for (let k = j + 1; k < size; k++) sum -= (factor[k * size + j] ?? 0) * (x[k] ?? 0)
    x[j] = sum / (factor[j * size + j] ?? 1)
  }
  return x
}

function dot(a: Float64Array, b: Float64Array, from: number, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) sum += (a[i] ?? 0) * (b[from + i] ?? 0)
  return sum
}
