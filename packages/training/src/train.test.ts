import type { ReleasedSegment } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { membership } from './membership.ts'
import { PUBLIC_WORDS } from './public-words.ts'
import { gaussian, seededRandom } from './random.ts'
import { csvRows } from './segments.ts'
import { trainBaseline } from './train.ts'

/** People who enter orders: after a click on a field they type, after typing they go on, mostly. */
function someSegments(count: number): ReleasedSegment[] {
  const random = seededRandom(7)
  return Array.from({ length: count }, (_, i) => {
    const actions: ReleasedSegment['actions'][number][] = []
    let at = Math.floor(random.next() * 3)
    for (let step = 0; step < 12; step++) {
      at = random.next() < 0.85 ? (at + 1) % 3 : Math.floor(random.next() * 3)
      const [action] = [
        [{ kind: 'press', key: 'tab' }],
        [{ kind: 'type', text: 'word', length: '1-3' }],
        [{ kind: 'scroll', direction: 'down', amount: 1, target: null }],
      ][at] as unknown as ReleasedSegment['actions']
      if (action !== undefined) actions.push(action)
    }
    return { name: `${i}`, app: 'desktop:orders', task: null, outcome: null, actions }
  })
}

describe('the reference job', () => {
  it('refuses a release with too little to train and test on', () => {
    expect(() => trainBaseline([], { seed: 1, budget: null })).toThrow(RangeError)
  })
  it('beats the majority by its margin, and the same seed gives the same model', () => {
    const segments = someSegments(200)
    const first = trainBaseline(segments, { seed: 1, budget: null })
    expect(first.metrics.margin.isReached).toBe(true)
    expect(first.metrics.accuracy.model).toBeGreaterThan(first.metrics.accuracy.nGram - 0.05)
    expect(trainBaseline(segments, { seed: 1, budget: null }).weights).toEqual(first.weights)
  }, 60_000)
  it('keeps to its budget where there is one, and says what it spent', () => {
    const budget = { epsilon: 8, delta: 1e-6, segmentsMax: 2 }
    const { metrics, weights } = trainBaseline(someSegments(120), { seed: 1, budget, words: PUBLIC_WORDS })
    expect(metrics.privacy?.epsilon).toBeLessThanOrEqual(8)
    expect(metrics.privacy?.sigma).toBeGreaterThan(0)
    expect(weights.words).toEqual(PUBLIC_WORDS)
  }, 60_000)
})

describe('membership', () => {
  it('finds nothing in losses that are alike, and everything in losses that are not', () => {
    const random = seededRandom(3)
    const losses = (shift: number) => Array.from({ length: 2_000 }, () => shift + gaussian(random))
    expect(Math.abs(membership(losses(0), losses(0)).auc - 0.5)).toBeLessThan(0.03)
    expect(membership(losses(-9), losses(9))).toMatchObject({ auc: 1, truePositiveRateAt001: 1 })
  })
})

describe('csvRows', () => {
  it('reads quoted fields', () => {
    expect(csvRows('a,b\n"x ""y"", z",2\n')).toEqual([{ a: 'x "y", z', b: '2' }])
  })
})
