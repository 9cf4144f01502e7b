import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Benchmark } from './benchmark.ts'
import { rowOf, tableOf } from './report.ts'
import { runBenchmarks } from './run.ts'
import { selectBenchmarks } from './select.ts'

function aBenchmark(overrides: Partial<Benchmark> = {}): Benchmark {
  return {
    name: 'shield.throughput',
    unit: 'events/s',
    better: 'higher',
    target: 100,
    peerName: 'a peer',
    run: async () => ({ ours: [100], peer: [50] }),
    ...overrides,
  }
}

describe('rowOf', () => {
  it('keeps the reason of a benchmark that could not run, with null for every figure', () => {
    const row = rowOf(aBenchmark(), { reason: 'no Python here' })
    expect(row).toMatchObject({ ours: null, peer: null, ratio: null, spread: null, runs: 0, met: null })
    expect(row.reason).toBe('no Python here')
  })

  it.each([
    ['no figure', []],
    ['a figure that is not a number', [1, Number.NaN]],
    ['an endless figure', [Number.POSITIVE_INFINITY]],
  ])('does not pass on %s', (_what, ours) => {
    expect(rowOf(aBenchmark(), { ours, peer: null })).toMatchObject({ ours: null, met: null })
  })

  it('takes medians, so that one run that was disturbed decides nothing', () => {
    const row = rowOf(aBenchmark(), { ours: [101, 5, 103], peer: [50, 52, 900, 48] })
    expect(row).toMatchObject({ ours: 101, peer: 51, runs: 3 })
    expect(row.spread).toBeCloseTo(98 / 101)
  })

  it.each([
    ['higher', [200], [50], 4],
    ['lower', [50], [200], 4],
    ['lower', [200], [50], 0.25],
    ['higher', [200], [0], null],
  ] as const)('states how many times better it is when %s is better', (better, ours, peer, ratio) => {
    expect(rowOf(aBenchmark({ better }), { ours, peer }).ratio).toBe(ratio)
  })

  it.each([
    ['higher', 99, false],
    ['higher', 100, true],
    ['lower', 100, true],
    ['lower', 101, false],
  ] as const)('meets a target inclusively: %s is better, %d', (better, ours, met) => {
    expect(rowOf(aBenchmark({ better }), { ours: [ours], peer: null }).met).toBe(met)
  })

  it('says that a figure without a target is only reported', () => {
    const row = rowOf(aBenchmark({ target: null }), { ours: [7], peer: null })
    expect(row).toMatchObject({ ours: 7, met: null, reason: 'no target: reported only' })
  })

  it('does not depend on the order of the runs', () => {
    const runs = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(runs, (ours) => {
        const forwards = rowOf(aBenchmark(), { ours, peer: ours })
        expect(rowOf(aBenchmark(), { ours: ours.toReversed(), peer: ours })).toEqual(forwards)
        expect(forwards.ratio).toBe(1)
      }),
    )
  })
})

describe('tableOf', () => {
  it('aligns its columns and gives the reason under a row that did not run', () => {
    const rows = [
      rowOf(aBenchmark(), { ours: [1_234_567], peer: [10] }),
      rowOf(aBenchmark({ name: 'x' }), { reason: 'none' }),
    ]
    const [header, rule, first, second, reason] = tableOf(rows).split('\n')
    expect(header?.indexOf('unit')).toBe(first?.indexOf('events/s'))
    expect(second?.indexOf('events/s')).toBe(first?.indexOf('events/s'))
    expect(rule).toMatch(/^[- ]+$/)
    expect(first).toContain('1,234,567')
    expect(reason).toBe('  not run: none')
  })
})

describe('selectBenchmarks', () => {
  const all = ['shield.throughput.motion', 'shield.bytes-per-hour', 'shielding.x', 'vault.drain'].map((name) =>
    aBenchmark({ name }),
  )
  const chosen = (...names: string[]) => {
    const selection = selectBenchmarks(all, names)
    return 'chosen' in selection ? selection.chosen.map((benchmark) => benchmark.name) : selection
  }

  it('refuses a name that no benchmark has, and says which', () => {
    expect(chosen('vault', 'shiel')).toEqual({ unknown: ['shiel'] })
  })

  it('takes a prefix up to a dot, each benchmark once, in the order of the files', () => {
    expect(chosen('vault.drain', 'shield', 'shield.bytes-per-hour')).toEqual([
      'shield.throughput.motion',
      'shield.bytes-per-hour',
      'vault.drain',
    ])
  })

  it('takes all when none is named', () => {
    expect(chosen()).toHaveLength(4)
  })
})

describe('runBenchmarks', () => {
  it('turns an error into a reason and goes on with the others', async () => {
    const broken = aBenchmark({ name: 'broken', run: () => Promise.reject(new Error('no such server')) })
    const rows = await runBenchmarks([broken, aBenchmark()], () => undefined)
    expect(rows.map((row) => [row.name, row.ours, row.reason])).toEqual([
      ['broken', null, 'failed: no such server'],
      ['shield.throughput', 100, undefined],
    ])
  })
})
