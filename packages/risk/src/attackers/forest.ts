/**
 * Extremely randomised trees (Geurts, Ernst & Wehenkel 2006): at each node some columns, a random threshold in each, and the
 * best of these by Gini impurity. As strong as a random forest, without its sorting.
 */
import type { Attacker, Sample } from '../attacker.ts'
import type { Random } from '../random.ts'
import { columnsOf, matrixOf } from './columns.ts'

export interface ForestSettings {
  readonly trees: number
  readonly leafMin: number
}

/** A leaf's persons lie in `owners` from `from` to `end`. */
type Node =
  | { readonly column: number; readonly threshold: number; readonly low: Node; readonly high: Node }
  | { readonly from: number; readonly end: number }

interface Growing {
  /** Column by column: what is looked at together lies side by side. */
  readonly rows: Float32Array
  readonly size: number
  readonly count: number
  readonly tried: number
  readonly leafMin: number
  readonly persons: Int32Array
  readonly order: Int32Array
  readonly left: Float64Array
  readonly right: Float64Array
  readonly random: Random
}

export function forest(settings: ForestSettings = { trees: 60, leafMin: 2 }): Attacker {
  return {
    name: 'random trees',
    fit(train, people, random) {
      const columns = columnsOf(train)
      const { size } = columns
      const rows = byColumn(matrixOf(train, columns, 0), size)
      const persons = Int32Array.from(train, ({ person }) => person)
      const trees = Array.from({ length: settings.trees }, () => {
        const order = Int32Array.from(train, (_, i) => i)
        const growing = {
          rows,
          size,
          count: train.length,
          tried: Math.max(1, Math.round(Math.sqrt(size))),
          leafMin: settings.leafMin,
          persons,
          order,
          left: new Float64Array(people),
          right: new Float64Array(people),
          random,
        }
        const root = grow(growing, 0, order.length, 0)
        return { root, owners: order.map((i) => persons[i] ?? 0) }
      })
      // As exact as the rows that thresholds were drawn from.
      const row = new Float32Array(size)
      return {
        scores({ features }: Sample) {
          columns.read(features, 0, row)
          const votes = new Float64Array(people)
          for (const { root, owners } of trees) {
            const { from, end } = leafOf(root, row)
            for (let i = from; i < end; i++) {
              const person = owners[i] ?? 0
              votes[person] = (votes[person] ?? 0) + 1 / (end - from)
            }
          }
          // Nobody is impossible: what no tree voted for is as likely as half a vote spread over all.
          return votes.map((vote) => Math.log((vote + 0.5 / people) / (settings.trees + 0.5)))
        },
      }
    },
  }
}

function byColumn(rows: Float64Array, size: number): Float32Array {
  const count = size === 0 ? 0 : rows.length / size
  const turned = new Float32Array(rows.length)
  for (let i = 0; i < count; i++) for (let j = 0; j < size; j++) turned[j * count + i] = rows[i * size + j] ?? 0
  return turned
}

const DEPTH_MAX = 40

function grow(growing: Growing, from: number, end: number, depth: number): Node {
  const leaf = { from, end }
  if (end - from < 2 * growing.leafMin || depth === DEPTH_MAX || isPure(growing, from, end)) return leaf
  let best = { gain: 0, column: -1, threshold: 0 }
  for (let i = 0; i < growing.tried; i++) {
    const column = growing.random.below(growing.size)
    const threshold = draw(growing, from, end, column)
    if (threshold === null) continue
    const gain = purity(growing, from, end, column, threshold)
    if (gain > best.gain) best = { gain, column, threshold }
  }
  if (best.column === -1) return leaf
  const middle = part(growing, from, end, best.column, best.threshold)
  if (middle === from || middle === end) return leaf
  return {
    column: best.column,
    threshold: best.threshold,
    low: grow(growing, from, middle, depth + 1),
    high: grow(growing, middle, end, depth + 1),
  }
}

function isPure({ order, persons }: Growing, from: number, end: number): boolean {
  const first = persons[order[from] ?? 0]
  for (let i = from + 1; i < end; i++) if (persons[order[i] ?? 0] !== first) return false
  return true
}

/** Between the least and the largest value there; null where they are one. */
function draw({ rows, count, order, random }: Growing, from: number, end: number, column: number): number | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = from; i < end; i++) {
    const value = rows[column * count + (order[i] ?? 0)] ?? 0
    if (value < low) low = value
    if (value > high) high = value
  }
  return low < high ? low + random.next() * (high - low) : null
}

/** Sum over both sides of squared counts over the side's size: grows as Gini impurity falls. 0 where a side is too small. */
function purity(growing: Growing, from: number, end: number, column: number, threshold: number): number {
  const { rows, count, order, persons, left, right, leafMin } = growing
  let [lefts, rights, leftSquares, rightSquares] = [0, 0, 0, 0]
  for (let i = from; i < end; i++) {
    const at = order[i] ?? 0
    const person = persons[at] ?? 0
    if ((rows[column * count + at] ?? 0) < threshold) {
      const held = left[person] ?? 0
      leftSquares += 2 * held + 1
      left[person] = held + 1
      lefts++
    } else {
      const held = right[person] ?? 0
      rightSquares += 2 * held + 1
      right[person] = held + 1
      rights++
    }
  }
  for (let i = from; i < end; i++) {
    const person = persons[order[i] ?? 0] ?? 0
    left[person] = 0
    right[person] = 0
  }
  return lefts < leafMin || rights < leafMin ? 0 : leftSquares / lefts + rightSquares / rights
}

function part({ rows, count, order }: Growing, from: number, end: number, column: number, threshold: number): number {
  let middle = from
  for (let i = from; i < end; i++) {
    const at = order[i] ?? 0
    if ((rows[column * count + at] ?? 0) >= threshold) continue
    order[i] = order[middle] ?? 0
    order[middle++] = at
  }
  return middle
}

function leafOf(root: Node, row: Float32Array): { from: number; end: number } {
  let node = root
  while ('column' in node) node = (row[node.column] ?? 0) < node.threshold ? node.low : node.high
  return node
}
