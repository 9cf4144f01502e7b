import type { CandidateSegment, ReleasedAction } from '@fairtrace/core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { assessCandidate } from './assess-candidate.ts'
import { decideRelease, type GateReason } from './decide-release.ts'
import { DRAWN_MAX, Draw } from './draw.ts'
import { membershipAttack } from './membership.ts'
import type { RiskFigure, RiskReport } from './report.ts'

const CHARTER = {
  release: { risk: { singleMax: 1.5, linkedMax: 2, pairAucMax: 0.6, membershipMax: 0.003 } },
} as Parameters<typeof decideRelease>[1]

describe('decideRelease', () => {
  it.each([
    ['no report at all', null, 'report-invalid'],
    ['a report without people', aReport({ chance: null }), 'report-invalid'],
    ['an attack that left attackers out', aReport({ effort: 'quick' }), 'attack-quick'],
    ['an attack that was never made', aReport({ figures: [] }), 'too-small'],
    [
      'a cohort that could not show three times chance',
      aReport({ figures: figures({ smallestShown: 3.1 }) }),
      'too-small',
    ],
    ['attackers that miss a planted habit', aReport({ controls: { planted: 1.2, shuffled: 1 } }), 'attackers-blind'],
    ['attackers that were not tried on one', aReport({ controls: { planted: null, shuffled: 1 } }), 'attackers-blind'],
    ['a test that finds people dealt by chance', aReport({ controls: { planted: 80, shuffled: 9 } }), 'protocol-leaks'],
    ['one segment that tells too much', aReport({ figures: figures({ rank1Upper: 0.016 }, 1) }), 'single-segment'],
    ['an upper end that is no number', aReport({ figures: figures({ rank1Upper: Number.NaN }, 1) }), 'report-invalid'],
    ['ten segments that tell too much', aReport({ figures: figures({ rank1Upper: 0.021 }, 10) }), 'linked-segments'],
    ['pairs that are told', aReport({ figures: figures({ auc: 0.61 }) }), 'pair-told'],
    ['members who are told', aReport({ membership: { tprAt001: 0.01, auc: 0.6, trials: 2_400 } }), 'member-told'],
    [
      'too few judgements of membership',
      aReport({ membership: { tprAt001: 0, auc: 0.5, trials: 300 } }),
      'member-told',
    ],
    ['no judgement of membership', aReport({ membership: null }), 'member-told'],
    ['earlier releases that nobody attacked with it', aReport({ earlier: 1 }), 'joined-releases'],
    [
      'earlier releases that tell more',
      aReport({ earlier: 1, joined: figures({ rank1Upper: 0.03 }) }),
      'joined-releases',
    ],
    ['two segments of one name', aReport({ repeatedNames: 1 }), 'names-repeat'],
  ] satisfies [string, unknown, GateReason][])('closes on %s', (_what, report, reason) => {
    expect(decideRelease(report, CHARTER)).toEqual({ allow: false, reasons: expect.arrayContaining([reason]) })
  })

  it('opens for a whole report within every bound', () => {
    expect(decideRelease(aReport({}), CHARTER)).toEqual({ allow: true })
    expect(decideRelease(aReport({ earlier: 1, joined: figures({}) }), CHARTER)).toEqual({ allow: true })
  })

  it('asks no more than this cohort could show at chance', () => {
    const few = figures({ rank1Upper: 0.024, smallestShown: 2.5 }, 10)
    expect(decideRelease(aReport({ figures: few }), CHARTER)).toEqual({ allow: true })
  })

  it('never opens for a report from which something was taken', () => {
    const keys = Object.keys(aReport({}))
    fc.assert(
      fc.property(fc.constantFrom(...keys), (key) => {
        const { [key as keyof RiskReport]: _gone, ...rest } = aReport({})
        expect(decideRelease(rest, CHARTER).allow).toBe(false)
      }),
    )
  })
})

describe('assessCandidate', () => {
  const segments = people({ count: 24, recordings: 6, habit: 0 })
  let alike: RiskReport
  let told: RiskReport
  beforeAll(() => {
    alike = assess(segments)
    told = assess(people({ count: 24, recordings: 6, habit: 0.8 }))
  }, 120_000)

  it('finds people by their habits, and nobody where all are alike', () => {
    expect(best(told, 10)).toBeGreaterThan(8 / 24)
    expect(best(alike, 1)).toBeLessThan(3 / 24)
  })

  it('sees a planted habit, and nobody among people dealt by chance', () => {
    expect(alike.controls.planted).toBeGreaterThan(8)
    expect(alike.controls.shuffled).toBeLessThan(5)
  })

  it('is the same for the same seed', () => {
    expect(assess(segments)).toEqual(alike)
  })

  it('reports of nobody and of one person without a figure, and the gate stays closed', () => {
    for (const list of [[], people({ count: 1, recordings: 3, habit: 0 })]) {
      const report = assess(list)
      expect(report.figures).toEqual([])
      expect(decideRelease(report, CHARTER).allow).toBe(false)
    }
  })
})

describe('membershipAttack', () => {
  it('tells members whose habits show, and not those of people who are alike', () => {
    const told = membershipAttack(people({ count: 40, recordings: 8, habit: 0.9 }), new Random(3))
    const alike = membershipAttack(people({ count: 40, recordings: 8, habit: 0 }), new Random(3))
    expect(told?.auc).toBeGreaterThan(0.8)
    expect(alike?.auc).toBeLessThan(0.6)
  })

  it('says nothing of fewer than eight people', () => {
    expect(membershipAttack(people({ count: 7, recordings: 4, habit: 1 }), new Random(1))).toBeNull()
  })
})

describe('Draw', () => {
  it('draws the same people whatever the order, and no more than it may of each', () => {
    const all = people({ count: 30, recordings: 60, habit: 0 })
    const [forward, backward] = [new Draw(7), new Draw(7)]
    for (const segment of all) forward.add(segment)
    for (const segment of all.toReversed()) backward.add(segment)
    const who = (draw: Draw) => [...new Set(draw.kept().map(({ person }) => person))]
    expect(who(forward)).toEqual(who(backward))
    for (const own of Map.groupBy(forward.kept(), ({ person }) => person).values()) {
      expect(own.length).toBeLessThanOrEqual(DRAWN_MAX.segmentsPerPerson)
    }
    expect(forward.seen.segments).toBe(all.length)
  })
})

function assess(segments: readonly CandidateSegment[]): RiskReport {
  return assessCandidate(segments, {
    seed: 5,
    inScope: segments,
    earlier: { releases: 0, segments: [] },
    effort: 'quick',
  })
}

function best({ figures: all }: RiskReport, amount: number): number {
  return Math.max(
    ...all.filter((one) => one.amount === amount && one.encoding === 'everything').map((one) => one.rank1),
  )
}

/** People who differ in nothing but a pair of keys of their own, in a share `habit` of their segments. */
function people({
  count,
  recordings,
  habit,
}: {
  count: number
  recordings: number
  habit: number
}): CandidateSegment[] {
  const random = new Random(11, 'people')
  const keys = ['up', 'down', 'left', 'right', 'home', 'end', 'tab', 'enter'] as const
  const key = (at: number): ReleasedAction => ({ kind: 'press', key: keys[at % keys.length] ?? 'tab' })
  const segments: CandidateSegment[] = []
  for (let person = 0; person < count; person++) {
    for (let recording = 0; recording < recordings; recording++) {
      const actions = Array.from({ length: 8 }, () => key(random.below(keys.length)))
      const own = [key(person), key(Math.floor(person / 8)), key(person), key(Math.floor(person / 8))]
      segments.push({
        name: (person * recordings + recording).toString(16).padStart(32, '0'),
        app: 'desktop:orders',
        task: null,
        outcome: null,
        actions: random.next() < habit ? [...own, ...actions] : [...actions, ...actions.slice(0, 4)],
        person,
        recording: person * recordings + recording,
        order: random.below(100_000),
        bytes: 400,
      })
    }
  }
  return segments
}

function aReport(overrides: Partial<RiskReport>): RiskReport {
  return {
    v: 1,
    risk: '1',
    seed: 1,
    effort: 'full',
    people: 100,
    segments: 2_000,
    drawn: 2_000,
    chance: 0.01,
    figures: figures({}),
    earlier: 0,
    joined: [],
    unprotected: figures({ rank1: 0.5 }),
    controls: { planted: 80, shuffled: 1 },
    membership: { tprAt001: 0.001, auc: 0.5, trials: 2_400 },
    attributes: [],
    repeatedNames: 0,
    utility: { released: null, inScope: null, kept: 0.6 },
    ...overrides,
  }
}

function figures(overrides: Partial<RiskFigure>, amount?: number): RiskFigure[] {
  const range = { low: 0, high: 1 }
  const figure = (own: number): RiskFigure => ({
    encoding: 'everything',
    attacker: 'n-grams',
    amount: own,
    trials: 2_000,
    rank1: 0.01,
    rank1Interval: range,
    rank1Upper: 0.013,
    rank5: 0.05,
    rank1Balanced: 0.01,
    smallestShown: 1.4,
    auc: 0.5,
    aucInterval: range,
    eer: 0.5,
    eerInterval: range,
    tprAt001: 0.001,
  })
  return [1, 10].map((own) => (amount === undefined || amount === own ? { ...figure(own), ...overrides } : figure(own)))
}
