import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { betaShare, binomialUpper, studentT } from './distributions.ts'
import { groupedFolds } from './folds.ts'
import { effectiveTrials, exactUpper, smallestShown } from './intervals.ts'
import { type Comparison, curveOf, foundAmong, logOdds, rankRate } from './metrics.ts'
import { plantedSamples } from './planted.ts'
import { Random } from './random.ts'

const comparison = (genuine: boolean, score: number): Comparison => ({ person: 0, genuine, score })
const someComparisons = fc
  .array(fc.record({ genuine: fc.boolean(), score: fc.integer({ min: 0, max: 5 }) }), { minLength: 2, maxLength: 40 })
  .filter((list) => list.some(({ genuine }) => genuine) && list.some(({ genuine }) => !genuine))

describe('ranks', () => {
  it('find nobody by scores that are no numbers', () => {
    expect(foundAmong({ person: 0, scores: Float64Array.of(Number.NaN, 1) }, 1)).toBe(0)
  })

  it('give an attacker that says the same of everybody exactly chance', () => {
    const trials = Array.from({ length: 8 }, (_, person) => ({ person, scores: new Float64Array(8) }))
    expect(rankRate(trials, 1)).toBeCloseTo(1 / 8, 12)
    expect(rankRate(trials, 5)).toBeCloseTo(5 / 8, 12)
  })
})

describe('the curve', () => {
  it('is none without impostors', () => {
    expect(curveOf([comparison(true, 1)]).auc).toBeNaN()
  })

  it('is whole for a perfect attacker and half for a constant one', () => {
    expect(curveOf([comparison(true, 2), comparison(true, 3), comparison(false, 1)])).toEqual({
      auc: 1,
      eer: 0,
      tprAt001: 1,
    })
    const constant = curveOf([comparison(true, 1), comparison(false, 1), comparison(false, 1)])
    expect(constant.auc).toBeCloseTo(0.5, 12)
    expect(constant.eer).toBeCloseTo(0.5, 12)
    expect(constant.tprAt001).toBeCloseTo(0.001, 12)
  })

  it('has as its area the share of pairs in the right order', () => {
    fc.assert(
      fc.property(someComparisons, (list) => {
        const all = list.map(({ genuine, score }) => comparison(genuine, score))
        const genuine = all.filter((one) => one.genuine)
        const impostors = all.filter((one) => !one.genuine)
        let right = 0
        for (const a of genuine)
          for (const b of impostors) right += a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0
        expect(curveOf(all).auc).toBeCloseTo(right / genuine.length / impostors.length, 10)
      }),
    )
  })

  it('turns around with the scores', () => {
    fc.assert(
      fc.property(someComparisons, (list) => {
        const sign = (factor: number) => curveOf(list.map((one) => comparison(one.genuine, factor * one.score)))
        expect(sign(1).auc + sign(-1).auc).toBeCloseTo(1, 10)
        expect(sign(1).eer + sign(-1).eer).toBeCloseTo(1, 10)
      }),
    )
  })

  it('orders log odds as the scores within a trial', () => {
    expect([...logOdds(Float64Array.of(0, 0))]).toEqual([0, 0])
    const odds = logOdds(Float64Array.of(-1_000, 0, -3))
    expect(odds[1]).toBeGreaterThan(odds[2] ?? 0)
    expect(odds[2]).toBeGreaterThan(odds[0] ?? 0)
  })
})

describe('distributions', () => {
  it('agree with closed forms and tables', () => {
    expect(betaShare(0.3, 1, 1)).toBeCloseTo(0.3, 12)
    expect(betaShare(0.3, 2, 1)).toBeCloseTo(0.09, 12)
    // None of n: 1 − 0.05^(1/n).
    expect(binomialUpper(0, 20)).toBeCloseTo(1 - 0.05 ** (1 / 20), 10)
    expect(binomialUpper(5, 5)).toBe(1)
    expect(studentT(0.975, 1)).toBeCloseTo(12.7062, 3)
    expect(studentT(0.975, 10)).toBeCloseTo(2.22814, 4)
    expect(studentT(0.025, 10)).toBeCloseTo(-2.22814, 4)
  })
})

describe('exact upper ends', () => {
  it('say nothing without trials, and count each person once where nobody was found', () => {
    expect(exactUpper([])).toBe(1)
    const nobody = Array.from({ length: 20 }, () => ({ successes: 0, trials: 50 }))
    expect(exactUpper(nobody)).toBeCloseTo(binomialUpper(0, 20), 10)
  })

  it('count people and not trials where each person is found always or never', () => {
    const tallies = Array.from({ length: 40 }, (_, i) => ({ successes: i < 10 ? 30 : 0, trials: 30 }))
    expect(effectiveTrials(tallies)).toBeLessThan(41)
    expect(exactUpper(tallies)).toBeGreaterThan(0.3)
  })

  it('lie above the rate, and cover the truth in nineteen of twenty cohorts or more', () => {
    const random = new Random(1, 'coverage')
    let covered = 0
    for (let i = 0; i < 200; i++) {
      const tallies = Array.from({ length: 30 }, () => {
        // Mean 0.1, different from person to person.
        const own = random.next() < 0.5 ? 0.02 : 0.18
        let successes = 0
        for (let trial = 0; trial < 20; trial++) if (random.next() < own) successes++
        return { successes, trials: 20 }
      })
      if (exactUpper(tallies) >= 0.1) covered++
    }
    expect(covered / 200).toBeGreaterThanOrEqual(0.93)
  })

  it('tell a cohort that is too small', () => {
    const few = Array.from({ length: 8 }, () => ({ successes: 0, trials: 1 }))
    expect(smallestShown(few, 1 / 8)).toBeGreaterThan(3)
  })
})

describe('folds', () => {
  it('never test a recording that they enrol, and test every one once', () => {
    const samples = plantedSamples({ people: 5, groups: 3, perGroup: 2, strength: 1, seed: 1 })
    const folds = groupedFolds(samples, 3, new Random(1))
    for (const { train, test } of folds) {
      const known = new Set(train.map(({ group }) => group))
      expect(test.some(({ group }) => known.has(group))).toBe(false)
    }
    expect(folds.flatMap(({ test }) => test)).toHaveLength(samples.length)
  })

  it('never test who has one recording alone', () => {
    const samples = plantedSamples({ people: 2, groups: 1, perGroup: 3, strength: 1, seed: 1 })
    expect(groupedFolds(samples, 2, new Random(1)).flatMap(({ test }) => test)).toEqual([])
  })
})
