import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { NextActionModel } from './model.ts'
import { seededRandom } from './random.ts'

const SEQUENCE = { app: 'desktop:orders', tokens: [1, 3, 2, 0, 4] }

describe('the next-action model', () => {
  it('computes what TensorFlow.js computes from the same weights', () => {
    const model = NextActionModel.create(5, seededRandom(1))
    const [first, firstBias, second, secondBias] = model.layers
    const expected = tf.tidy(() => {
      // The contexts of each step: place · 6 + token, 5 where nothing is.
      const rows = [
        [1, 11, 17],
        [3, 7, 17],
        [2, 9, 13],
        [0, 8, 15],
      ]
      const w = tf.tensor2d(Float32Array.from(first), [18, 32])
      const hot = tf.tensor2d(rows.map((row) => Array.from({ length: 18 }, (_, i) => (row.includes(i) ? 1 : 0))))
      const hidden = tf.tanh(tf.add(tf.matMul(hot as tf.Tensor2D, w), tf.tensor1d(Float32Array.from(firstBias))))
      const out = tf.matMul(hidden as tf.Tensor2D, tf.tensor2d(Float32Array.from(second), [32, 5]))
      const logits = tf.add(out, tf.tensor1d(Float32Array.from(secondBias)))
      const losses = tf.sub(
        tf.logSumExp(logits, 1),
        tf.sum(tf.mul(logits, tf.cast(tf.oneHot([3, 2, 0, 4], 5), 'float32')), 1),
      )
      return tf.mean(losses).dataSync()[0] ?? 0
    })
    expect(model.loss(SEQUENCE)).toBeCloseTo(expected, 5)
  })
  it('has the gradient that finite differences have', () => {
    const model = NextActionModel.create(5, seededRandom(2))
    const gradient = model.segmentGradient(SEQUENCE)
    for (const [layer, i] of [
      [0, 37],
      [0, 11 * 32 + 4],
      [1, 3],
      [2, 71],
      [3, 2],
    ] as const) {
      const values = model.layers[layer]
      const before = values[i] ?? 0
      const at = (shift: number) => {
        values[i] = before + shift
        return model.loss(SEQUENCE)
      }
      const slope = (at(1e-5) - at(-1e-5)) / 2e-5
      values[i] = before
      expect(gradient[layer]?.[i]).toBeCloseTo(slope, 6)
    }
  })
})
