/** A small network: one hidden layer as an embedding, trained by Adam (Kingma & Ba 2015) to tell the enrolled people apart. */
import type { Attacker, Sample } from '../attacker.ts'
import type { Random } from '../random.ts'
import { columnsOf, type SparseRows, sparseRows } from './columns.ts'

const HIDDEN = 48
const BATCH = 96
/** The same for any size of cohort, so that the cost stays bounded. */
const STEPS = 500
const RATE = 0.01
/** Weights lose this share at each step, so that chance differences aren't learned by heart. */
const DECAY = 2e-3

export const embedding: Attacker = {
  name: 'neural embedding',
  fit(train, people, random) {
    const columns = columnsOf(train)
    const { size } = columns
    const first = new Layer(size, HIDDEN, random)
    const second = new Layer(HIDDEN, people, random)
    if (size > 0) learn(first, second, sparseRows(train, columns, 0), train, random)
    const row = new Float64Array(size)
    const hidden = new Float64Array(HIDDEN)
    return {
      scores({ features }: Sample) {
        columns.read(features, 0, row)
        rectify(first.forward(row, hidden))
        return second.forward(hidden, new Float64Array(people))
      },
    }
  },
}

function learn(first: Layer, second: Layer, rows: SparseRows, train: readonly Sample[], random: Random): void {
  const { base, starts, at, deltas } = rows
  const atBase = new Float64Array(first.outputs)
  const errors = new Float64Array(first.outputs)
  const hidden = new Float64Array(first.outputs)
  const outputs = new Float64Array(second.outputs)
  const back = new Float64Array(first.outputs)
  for (let step = 1; step <= STEPS; step++) {
    // The rate falls to nothing, so that the last steps settle.
    const rate = RATE * (1 - (step - 1) / STEPS)
    // What all rows share is multiplied once a step, forth and back.
    first.forward(base, atBase)
    errors.fill(0)
    for (let i = 0; i < BATCH; i++) {
      const pick = random.below(train.length)
      const [from, end] = [starts[pick] ?? 0, starts[pick + 1] ?? 0]
      hidden.set(atBase)
      for (let k = from; k < end; k++) first.add(at[k] ?? 0, deltas[k] ?? 0, hidden)
      rectify(hidden)
      missed(second.forward(hidden, outputs), train[pick]?.person ?? 0)
      second.backward(hidden, outputs, back)
      for (let k = from; k < end; k++) first.learn(at[k] ?? 0, deltas[k] ?? 0, back)
      for (let j = 0; j < errors.length; j++) errors[j] = (errors[j] ?? 0) + (back[j] ?? 0)
    }
    first.backward(base, errors, null)
    first.step(rate, step)
    second.step(rate, step)
  }
}

function rectify(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) if ((values[i] ?? 0) < 0) values[i] = 0
}

/** Scores → their gradient: the share that each person is given, less 1 for the one whose unit it is. */
function missed(scores: Float64Array, person: number): void {
  let top = Number.NEGATIVE_INFINITY
  for (const score of scores) if (score > top) top = score
  let total = 0
  for (let i = 0; i < scores.length; i++) total += scores[i] = Math.exp((scores[i] ?? 0) - top)
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] ?? 0) / total / BATCH
  scores[person] = (scores[person] ?? 0) - 1 / BATCH
}

/** Weights by input, then by output, the bias last, with what Adam remembers of each. */
class Layer {
  readonly inputs: number
  readonly outputs: number
  readonly #weights: Float64Array
  readonly #gradient: Float64Array
  readonly #mean: Float64Array
  readonly #square: Float64Array

  constructor(inputs: number, outputs: number, random: Random) {
    this.inputs = inputs
    this.outputs = outputs
    const size = (inputs + 1) * outputs
    this.#weights = Float64Array.from({ length: size }, (_, i) =>
      i < inputs * outputs ? random.normal() / Math.sqrt(inputs) : 0,
    )
    this.#gradient = new Float64Array(size)
    this.#mean = new Float64Array(size)
    this.#square = new Float64Array(size)
  }

  forward(values: Float64Array, out: Float64Array): Float64Array {
    const [weights, outputs] = [this.#weights, this.outputs]
    for (let i = 0; i < outputs; i++) out[i] = weights[this.inputs * outputs + i] ?? 0
    for (let j = 0; j < this.inputs; j++) {
      const value = values[j] ?? 0
      if (value !== 0) this.add(j, value, out)
    }
    return out
  }

  /** What one input adds to the outputs. */
  add(input: number, value: number, out: Float64Array): void {
    const [weights, outputs] = [this.#weights, this.outputs]
    const row = input * outputs
    for (let i = 0; i < outputs; i++) out[i] = (out[i] ?? 0) + value * (weights[row + i] ?? 0)
  }

  /** Adds up the gradient; `back` gets what it is for the inputs, which are rectified: none where the input is 0. */
  backward(values: Float64Array, error: Float64Array, back: Float64Array | null): void {
    const [weights, gradient, outputs] = [this.#weights, this.#gradient, this.outputs]
    back?.fill(0)
    for (let j = 0; j < this.inputs; j++) {
      const value = values[j] ?? 0
      if (value === 0) continue
      const row = j * outputs
      let sum = 0
      for (let i = 0; i < outputs; i++) {
        const own = error[i] ?? 0
        sum += (weights[row + i] ?? 0) * own
        gradient[row + i] = (gradient[row + i] ?? 0) + value * own
      }
      if (back !== null) back[j] = sum
    }
    const bias = this.inputs * outputs
    for (let i = 0; i < outputs; i++) gradient[bias + i] = (gradient[bias + i] ?? 0) + (error[i] ?? 0)
  }

  /** What one input adds to the gradient. */
  learn(input: number, value: number, error: Float64Array): void {
    const [gradient, outputs] = [this.#gradient, this.outputs]
    const row = input * outputs
    for (let i = 0; i < outputs; i++) gradient[row + i] = (gradient[row + i] ?? 0) + value * (error[i] ?? 0)
  }

  step(rate: number, count: number): void {
    const [weights, gradient, mean, square] = [this.#weights, this.#gradient, this.#mean, this.#square]
    const [meanShare, squareShare] = [1 - 0.9 ** count, 1 - 0.999 ** count]
    for (let i = 0; i < weights.length; i++) {
      const own = gradient[i] ?? 0
      const m = 0.9 * (mean[i] ?? 0) + 0.1 * own
      const s = 0.999 * (square[i] ?? 0) + 0.001 * own * own
      mean[i] = m
      square[i] = s
      const move = m / meanShare / (Math.sqrt(s / squareShare) + 1e-8)
      weights[i] = (weights[i] ?? 0) * (1 - rate * DECAY) - rate * move
      gradient[i] = 0
    }
  }
}
