import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { assess, FUSED, worst } from './assess.ts'
import { ATTACKERS } from './attackers/index.ts'
import { groupedFolds } from './folds.ts'
import { rankRate } from './metrics.ts'
import { plantedSamples } from './planted.ts'
import { Random } from './random.ts'

const PEOPLE = 12
const COHORT = { people: PEOPLE, groups: 4, perGroup: 6, seed: 7 }
const BY_ORDER = ['n-grams', 'Markov chain']

describe('attackers', () => {
  const options = { seed: 1, people: PEOPLE, folds: 2, amounts: [1, 5] as const }
  const found = assess([{ name: 'planted', samples: plantedSamples({ ...COHORT, strength: 1.2 }) }], options)
  const removed = assess([{ name: 'removed', samples: plantedSamples({ ...COHORT, strength: 0 }) }], options)

  it.each([...ATTACKERS.map(({ name }) => name), FUSED])(
    '%s finds a planted habit, and chance when it is removed',
    (name) => {
      const raw = found.find(({ attacker, amount }) => attacker === name && amount === 1)
      const none = removed.find(({ attacker, amount }) => attacker === name && amount === 1)
      // Six favourite tokens for twelve people: order alone finds at most one of two.
      expect(raw?.rank1).toBeGreaterThan(BY_ORDER.includes(name) ? 0.25 : 0.6)
      expect(none?.rank1).toBeLessThan(2.5 / PEOPLE)
      expect(none?.auc).toBeGreaterThan(0.4)
      expect(none?.auc).toBeLessThan(0.6)
    },
  )

  it('finds more with linked units, and fused no less than four fifths of the best', () => {
    const one = worst(found, 1, ({ rank1 }) => rank1)
    const five = worst(found, 5, ({ rank1 }) => rank1)
    expect(five?.rank1).toBeGreaterThan(one?.rank1 ?? 1)
    const fused = found.find(({ attacker, amount }) => attacker === FUSED && amount === 1)
    expect(fused?.rank1).toBeGreaterThan(0.8 * (one?.rank1 ?? 1))
  })

  it('gives the same figures for the same seed', () => {
    const samples = plantedSamples({ ...COHORT, people: 4, strength: 1 })
    const again = () => assess([{ name: 'planted', samples }], { ...options, people: 4, amounts: [1] })
    expect(again()).toEqual(again())
  })
})

const PYTHON = '/usr/bin/python3'
const hasOracle = spawnSync(PYTHON, ['-c', 'import sklearn']).status === 0
const why = hasOracle ? '' : ' (skipped: no scikit-learn for /usr/bin/python3)'

describe.skipIf(!hasOracle)(`attackers beside scikit-learn on the same features${why}`, () => {
  it('find within ten points of what its counterparts find', () => {
    const samples = plantedSamples({ people: 10, groups: 4, perGroup: 10, strength: 0.7, seed: 3 })
    const [fold] = groupedFolds(samples, 2, new Random(1))
    const { train, test } = fold ?? { train: [], test: [] }
    const input = JSON.stringify({
      train: train.map(({ features }) => [...features]),
      people: train.map(({ person }) => person),
      test: test.map(({ features }) => [...features]),
      answers: test.map(({ person }) => person),
    })
    const oracle = join(import.meta.dirname, '..', 'oracle', 'attackers.py')
    const theirs: Record<string, number> = JSON.parse(execFileSync(PYTHON, [oracle], { input, encoding: 'utf8' }))
    for (const [name, rate] of Object.entries(theirs)) {
      const model = ATTACKERS.find((one) => one.name === name)?.fit(train, 10, new Random(1))
      const trials = test.map((sample) => ({
        person: sample.person,
        scores: model?.scores(sample) ?? new Float64Array(10),
      }))
      expect(rankRate(trials, 1), name).toBeGreaterThan(rate - 0.1)
      expect(rankRate(trials, 1), name).toBeLessThan(rate + 0.1)
    }
  })
})
