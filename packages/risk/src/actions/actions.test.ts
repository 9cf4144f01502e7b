import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { type ActionPart, parseActionPart } from './action-parts.ts'
import { asReleased, type CutSegment, SegmentCutter } from './cut-segments.ts'
import { anonymous, protectSegments } from './protect-segments.ts'

const press = (key: 'enter' | 'f12' | 'tab' | 'up') => ({ kind: 'press', key }) as const
const APP = { kind: 'switch', app: 'desktop:orders' } as const
const PROTECTION = { shareMax: 0.3, typeActions: 2, k: 3 }

function aPart(overrides: Partial<ActionPart>): ActionPart {
  return { person: 'p', recording: 'r', task: null, outcome: null, actions: [APP, press('enter')], ...overrides }
}

function cut(parts: readonly ActionPart[], actionsMax = 3): CutSegment[] {
  const cutter = new SegmentCutter(actionsMax)
  for (const part of parts) cutter.push(part)
  return cutter.segments
}

describe('parseActionPart', () => {
  it.each([
    '',
    'null',
    '[]',
    '{"person":1}',
    JSON.stringify({ ...aPart({}), at: 3 }),
    JSON.stringify(aPart({ actions: [{ kind: 'press', key: 'x' }] as never })),
  ])('refuses %j by its number', (line) => {
    expect(() => parseActionPart(line, 7)).toThrow('line 7 is no part of a recording of actions')
  })

  it('reads what was written', () => {
    expect(parseActionPart(JSON.stringify(aPart({ task: 't', outcome: 'done' })), 1).outcome).toBe('done')
  })
})

describe('SegmentCutter', () => {
  it('cuts at a switch, after so many actions and at the end, where alone the outcome stands', () => {
    const actions = [APP, ...'1234'].map((one) => (one === APP ? APP : press('enter')))
    const other = { kind: 'switch', app: 'desktop:mail' } as const
    const segments = cut([aPart({ outcome: 'done', actions: [...actions, other, press('tab')] })])
    expect(segments.map(({ app, actions: own, outcome }) => [app, own.length, outcome])).toEqual([
      ['desktop:orders', 3, null],
      ['desktop:orders', 1, null],
      ['desktop:mail', 1, 'done'],
    ])
  })

  it('keeps people and their recordings apart, and no more people than asked', () => {
    const cutter = new SegmentCutter(3, 2)
    for (const person of ['a', 'b', 'c', 'a']) cutter.push(aPart({ person }))
    expect(cutter.people).toBe(2)
    expect(cutter.segments.map(({ person, recording }) => [person, recording])).toEqual([
      [0, 0],
      [1, 1],
      [0, 0],
    ])
  })

  it('gives names, each once, and every place once', () => {
    const released = asReleased(cut(Array.from({ length: 50 }, () => aPart({}))), 1)
    expect(new Set(released.map(({ name }) => name)).size).toBe(50)
    expect(new Set(released.map(({ order }) => order)).size).toBe(50)
    expect(released[0]?.name).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('what is taken out', () => {
  it('is every app, label and task of fewer than k people', () => {
    const target = { role: 'button', label: 'Save', box: [0, 0, 1, 1] } as const
    const click = { kind: 'click', button: 'left', count: 1, target: { ...target, box: [0, 0, 1, 1] } } as const
    const part = (person: string, app: string, label: string) =>
      aPart({
        person,
        task: label,
        actions: [
          { kind: 'switch', app },
          { ...click, target: { ...click.target, label, box: [0, 0, 1, 1] } },
        ],
      })
    const parts = [...'abc'].map((person) => part(person, 'desktop:orders', 'Save'))
    const segments = cut([...parts, part('a', 'desktop:mail', 'Save'), part('a', 'desktop:orders', 'Rare')])
    const kept = anonymous(segments, 3)
    expect(kept.map(({ app }) => app)).toEqual(Array(4).fill('desktop:orders'))
    expect(JSON.stringify(kept)).not.toContain('Rare')
    expect(kept.filter(({ task }) => task === 'Save')).toHaveLength(3)
  })

  it('leaves nobody more than the share of any run of actions, and breaks no order', () => {
    const keys = ['enter', 'f12', 'tab', 'up'] as const
    const recorded = fc.array(
      fc.record({
        person: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        keys: fc.array(fc.constantFrom(...keys), { minLength: 1, maxLength: 6 }),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(recorded, (list) => {
        const all = cut(list.map(({ person, keys: own }) => aPart({ person, actions: [APP, ...own.map(press)] })))
        const kept = protectSegments(all, PROTECTION, new Random(1))
        const counts = new Map<string, Map<number, number>>()
        for (const { person, actions } of kept) {
          const size = Math.min(2, actions.length)
          for (let i = 0; i + size <= actions.length; i++) {
            const run = JSON.stringify(actions.slice(i, i + size))
            const own = counts.get(run) ?? new Map<number, number>()
            counts.set(run, own.set(person, (own.get(person) ?? 0) + 1))
          }
          const texts = all
            .filter((one) => one.person === person)
            .map((one) => JSON.stringify(one.actions).slice(1, -1))
          expect(texts.some((text) => text.includes(JSON.stringify(actions).slice(1, -1)))).toBe(true)
        }
        for (const own of counts.values()) {
          const total = own.values().reduce((sum, count) => sum + count, 0)
          expect(own.size).toBeGreaterThanOrEqual(3)
          expect(Math.max(...own.values()) / total).toBeLessThanOrEqual(0.3 + 1e-9)
        }
      }),
      { numRuns: 40 },
    )
  })
})
