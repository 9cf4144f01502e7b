/**
 * The next-action model: the last three tokens, one-hot, through one hidden layer of tanh, to a softmax.
 *
 * Small on purpose: a baseline whose gradients can be clipped for each segment by itself, which differential privacy needs. The
 * gradients are written out, for TensorFlow.js has none outside a bundler; its forward pass is the oracle in the tests.
 */
import type { Predictor } from './baselines.ts'
import { gaussian, type Random, shuffled } from './random.ts'
import type { Sequence } from './segments.ts'

const CONTEXT = 3
const HIDDEN = 32
const LEARNING_RATE = 0.01
const PRIVATE_LEARNING_RATE = 0.5
const ADAM = { first: 0.9, second: 0.999, least: 1e-8 }
const DIGITS = 6

export interface Weights {
  readonly context: number
  readonly hidden: number
  readonly vocabulary: number
  /** Row by row: `[context · (vocabulary + 1)][hidden]`, `[hidden]`, `[hidden][vocabulary]`, `[vocabulary]`. */
  readonly layers: readonly (readonly number[])[]
}

export interface PrivateTraining {
  /** Probability with which a segment is in a step. */
  readonly sampling: number
  readonly steps: number
  /** In clipping norms. */
  readonly sigma: number
  readonly clip: number
}

interface Example {
  /** Rows of the first layer: one for each place and token, the last for "nothing there". */
  readonly rows: readonly number[]
  readonly target: number
}

export class NextActionModel implements Predictor {
  readonly #vocabulary: number
  readonly #layers: readonly [Float64Array, Float64Array, Float64Array, Float64Array]
  readonly #hidden = new Float64Array(HIDDEN)
  readonly #shares: Float64Array

  private constructor(vocabulary: number, layers: NextActionModel['layers']) {
    this.#vocabulary = vocabulary
    this.#layers = layers
    this.#shares = new Float64Array(vocabulary)
  }

  /** The parameters themselves. */
  get layers(): readonly [Float64Array, Float64Array, Float64Array, Float64Array] {
    return this.#layers
  }

  static create(vocabulary: number, random: Random): NextActionModel {
    const some = (count: number, scale: number) => Float64Array.from({ length: count }, () => gaussian(random) * scale)
    return new NextActionModel(vocabulary, [
      some(CONTEXT * (vocabulary + 1) * HIDDEN, 0.3),
      new Float64Array(HIDDEN),
      some(HIDDEN * vocabulary, Math.sqrt(1 / HIDDEN)),
      new Float64Array(vocabulary),
    ])
  }

  weights(): Weights {
    const layers = this.#layers.map((layer) => Array.from(layer, (value) => Number(value.toPrecision(DIGITS))))
    return { context: CONTEXT, hidden: HIDDEN, vocabulary: this.#vocabulary, layers }
  }

  /** Without a budget: Adam over shuffled segments. */
  fit(train: readonly Sequence[], { epochs, batch }: { epochs: number; batch: number }, random: Random): void {
    const first = this.#zeros()
    const second = this.#zeros()
    let step = 0
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = shuffled(train, random)
      for (let at = 0; at < order.length; at += batch) {
        const sum = this.#zeros()
        let examples = 0
        for (const sequence of order.slice(at, at + batch)) examples += this.#addGradient(sequence, sum)
        if (examples === 0) continue
        step++
        const correction = Math.sqrt(1 - ADAM.second ** step) / (1 - ADAM.first ** step)
        this.#update((layer, i) => {
          const gradient = (sum[layer]?.[i] ?? 0) / examples
          const mean = ADAM.first * (first[layer]?.[i] ?? 0) + (1 - ADAM.first) * gradient
          const square = ADAM.second * (second[layer]?.[i] ?? 0) + (1 - ADAM.second) * gradient ** 2
          set(first[layer], i, mean)
          set(second[layer], i, square)
          return (-LEARNING_RATE * correction * mean) / (Math.sqrt(square) + ADAM.least)
        })
      }
    }
  }

  /**
   * DP-SGD (Abadi et al. 2016): each segment's gradient clipped by itself, Gaussian noise over the sum, Poisson sampling.
   * @param random the operating system's: it decides who is sampled, and the noise
   */
  fitPrivately(train: readonly Sequence[], { sampling, steps, sigma, clip }: PrivateTraining, random: Random): void {
    const expected = Math.max(1, sampling * train.length)
    for (let step = 0; step < steps; step++) {
      const sum = this.#zeros()
      for (const sequence of train) {
        if (random.next() >= sampling) continue
        const gradient = this.segmentGradient(sequence)
        const norm = Math.sqrt(gradient.reduce((all, part) => all + part.reduce((s, x) => s + x * x, 0), 0))
        const share = Math.min(1, clip / Math.max(norm, 1e-12))
        for (const [layer, part] of gradient.entries()) {
          for (let i = 0; i < part.length; i++) add(sum[layer], i, share * (part[i] ?? 0))
        }
      }
      this.#update(
        (layer, i) => (-PRIVATE_LEARNING_RATE * ((sum[layer]?.[i] ?? 0) + sigma * clip * gaussian(random))) / expected,
      )
    }
  }

  /** Of the mean loss of a segment, layer by layer. */
  segmentGradient(sequence: Sequence): Float64Array[] {
    const gradient = this.#zeros()
    const examples = Math.max(1, this.#addGradient(sequence, gradient))
    for (const part of gradient) for (let i = 0; i < part.length; i++) set(part, i, (part[i] ?? 0) / examples)
    return gradient
  }

  predict(before: readonly number[]): number {
    this.#forward(this.#rowsOf(before, before.length))
    let best = 0
    for (let token = 1; token < this.#vocabulary; token++) {
      if ((this.#shares[token] ?? 0) > (this.#shares[best] ?? 0)) best = token
    }
    return best
  }

  /** Mean loss of the next actions of a segment: what a membership attacker looks at. */
  loss(sequence: Sequence): number {
    let sum = 0
    const examples = this.#examples(sequence)
    for (const { rows, target } of examples) {
      this.#forward(rows)
      sum -= Math.log(Math.max(this.#shares[target] ?? 0, 1e-300))
    }
    return sum / Math.max(1, examples.length)
  }

  #addGradient(sequence: Sequence, into: readonly Float64Array[]): number {
    const [, , second] = this.#layers
    const [toFirst, toFirstBias, toSecond, toSecondBias] = into
    const examples = this.#examples(sequence)
    for (const { rows, target } of examples) {
      this.#forward(rows)
      const hiddenError = new Float64Array(HIDDEN)
      for (let token = 0; token < this.#vocabulary; token++) {
        const error = (this.#shares[token] ?? 0) - (token === target ? 1 : 0)
        add(toSecondBias, token, error)
        for (let unit = 0; unit < HIDDEN; unit++) {
          const at = unit * this.#vocabulary + token
          add(toSecond, at, error * (this.#hidden[unit] ?? 0))
          add(hiddenError, unit, error * (second[at] ?? 0))
        }
      }
      for (let unit = 0; unit < HIDDEN; unit++) {
        const error = (hiddenError[unit] ?? 0) * (1 - (this.#hidden[unit] ?? 0) ** 2)
        add(toFirstBias, unit, error)
        for (const row of rows) add(toFirst, row * HIDDEN + unit, error)
      }
    }
    return examples.length
  }

  /** Leaves the hidden layer and the shares of all tokens behind. */
  #forward(rows: readonly number[]): void {
    const [first, firstBias, second, secondBias] = this.#layers
    for (let unit = 0; unit < HIDDEN; unit++) {
      let sum = firstBias[unit] ?? 0
      for (const row of rows) sum += first[row * HIDDEN + unit] ?? 0
      this.#hidden[unit] = Math.tanh(sum)
    }
    this.#shares.set(secondBias)
    for (let unit = 0; unit < HIDDEN; unit++) {
      const value = this.#hidden[unit] ?? 0
      for (let token = 0; token < this.#vocabulary; token++) {
        add(this.#shares, token, value * (second[unit * this.#vocabulary + token] ?? 0))
      }
    }
    const most = this.#shares.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    let all = 0
    for (let token = 0; token < this.#vocabulary; token++) {
      const share = Math.exp((this.#shares[token] ?? 0) - most)
      this.#shares[token] = share
      all += share
    }
    for (let token = 0; token < this.#vocabulary; token++) this.#shares[token] = (this.#shares[token] ?? 0) / all
  }

  #examples({ tokens }: Sequence): Example[] {
    return tokens.slice(1).map((target, i) => ({ rows: this.#rowsOf(tokens, i + 1), target }))
  }

  #rowsOf(tokens: readonly number[], at: number): number[] {
    return Array.from({ length: CONTEXT }, (_, back) => {
      const token = at - 1 - back >= 0 ? (tokens[at - 1 - back] ?? this.#vocabulary) : this.#vocabulary
      return back * (this.#vocabulary + 1) + token
    })
  }

  #zeros(): Float64Array[] {
    return this.#layers.map(({ length }) => new Float64Array(length))
  }

  #update(change: (layer: number, i: number) => number): void {
    for (const [layer, values] of this.#layers.entries()) {
      for (let i = 0; i < values.length; i++) add(values, i, change(layer, i))
    }
  }
}

function add(values: Float64Array | undefined, i: number, amount: number): void {
  if (values !== undefined) values[i] = (values[i] ?? 0) + amount
}

function set(values: Float64Array | undefined, i: number, value: number): void {
  if (values !== undefined) values[i] = value
}
