/** A small network: one hidden layer as an embedding, trained to tell the enrolled people apart. */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import type { Attacker, Sample } from '../attacker.ts'
import type { Random } from '../random.ts'
import { columnsOf, matrixOf } from './columns.ts'

const HIDDEN = 32
const BATCH = 128
/** The same for any size of cohort, so that the cost stays bounded. */
const STEPS = 240
const RATE = 0.02
const DECAY = 1e-4

export const embedding: Attacker = {
  name: 'neural embedding',
  fit(train, people, random) {
    const columns = columnsOf(train)
    const { size } = columns
    if (size === 0) return { scores: () => new Float64Array(people) }
    const rows = matrixOf(train, columns, 0)
    const [first, second] = trainLayers(rows, train, size, people, random)
    const row = new Float64Array(size)
    return {
      scores({ features }: Sample) {
        columns.read(features, 0, row)
        const hidden = layer(row, first, HIDDEN).map((value) => Math.max(0, value))
        return layer(hidden, second, people)
      },
    }
  },
}

/** Weights by input, then by output; the last row is the bias. */
type Weights = Float32Array

function trainLayers(rows: Float64Array, train: readonly Sample[], size: number, people: number, random: Random) {
  const draw = (inputs: number, outputs: number) =>
    tf.tensor2d(
      Float32Array.from({ length: (inputs + 1) * outputs }, () => random.normal() / Math.sqrt(inputs)),
      [inputs + 1, outputs],
    )
  const first = tf.variable(draw(size, HIDDEN))
  const second = tf.variable(draw(HIDDEN, people))
  const optimizer = tf.train.adam(RATE)
  try {
    for (let step = 0; step < STEPS; step++) {
      const picks = Int32Array.from({ length: Math.min(BATCH, train.length) }, () => random.below(train.length))
      tf.tidy(() => {
        const inputs = tf.tensor2d(batchOf(rows, picks, size), [picks.length, size + 1])
        const wanted = tf.oneHot(
          tf.tensor1d(
            Int32Array.from(picks, (i) => train[i]?.person ?? 0),
            'int32',
          ),
          people,
        )
        optimizer.minimize(() => {
          const hidden = tf.relu(tf.matMul(inputs, first))
          const outputs = tf.matMul(tf.concat([hidden, tf.ones([picks.length, 1])], 1), second)
          const missed = tf.neg(tf.mean(tf.sum(tf.mul(wanted, tf.logSoftmax(outputs)), 1)))
          const size2 = tf.add(tf.sum(tf.square(first)), tf.sum(tf.square(second)))
          return tf.add<tf.Scalar>(missed, tf.mul(size2, DECAY))
        })
      })
    }
    return [first.dataSync() as Weights, second.dataSync() as Weights] as const
  } finally {
    optimizer.dispose()
    tf.dispose([first, second])
  }
}

function batchOf(rows: Float64Array, picks: Int32Array, size: number): Float32Array {
  const batch = new Float32Array(picks.length * (size + 1)).fill(1)
  for (let i = 0; i < picks.length; i++) {
    const from = (picks[i] ?? 0) * size
    for (let j = 0; j < size; j++) batch[i * (size + 1) + j] = rows[from + j] ?? 0
  }
  return batch
}

function layer(inputs: Float64Array, weights: Weights, outputs: number): Float64Array {
  const sums = new Float64Array(outputs)
  for (let j = 0; j <= inputs.length; j++) {
    const value = j === inputs.length ? 1 : (inputs[j] ?? 0)
    if (value === 0) continue
    for (let i = 0; i < outputs; i++) sums[i] = (sums[i] ?? 0) + value * (weights[j * outputs + i] ?? 0)
  }
  return sums
}
