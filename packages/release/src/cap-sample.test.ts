import type { Action } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Capped, CapSample, typeCode, typeName } from './cap-sample.ts'
import { encodeAction, FIELDS, Shortcuts } from './coded-action.ts'
import type { Segment } from './episodes.ts'

const NOBODY = () => new Map<number, number>()
const KINDS: readonly Exclude<Action, { kind: 'switch' }>[] = [
  { kind: 'press', key: 'enter' },
  { kind: 'type', text: 'word', length: 'short' },
  { kind: 'click', button: 'left', count: 1, target: { role: 'button', box: [0, 0, 1, 1] } },
  { kind: 'click', button: 'left', count: 1, target: { cell: [0, 0] } },
  { kind: 'press', key: 'f12' },
  { kind: 'type', text: 'word', length: 'long' },
  { kind: 'hotkey', keys: ['ctrl', 'c'] },
  { kind: 'hotkey', keys: ['ctrl', 'v'] },
]

function aSegment(kinds: readonly number[], shortcuts = new Shortcuts()): Segment {
  const actions = new Int16Array(kinds.length * FIELDS)
  for (const [i, kind] of kinds.entries()) {
    const action = KINDS[kind] ?? { kind: 'press', key: 'tab' }
    encodeAction(action, new Map(), shortcuts, actions, i * FIELDS)
  }
  return { app: 1, task: -1, end: 0, actions }
}

type People = readonly (readonly (readonly number[])[])[]
const RULES = { shareMax: 0.3, typeActions: 3, k: 4 }

function capped(people: People, rules = RULES, earlier: Parameters<CapSample['decide']>[1] = NOBODY): Capped {
  const sample = new CapSample(rules)
  const shortcuts = new Shortcuts()
  for (const [person, segments] of people.entries())
    for (const [i, kinds] of segments.entries()) sample.add(aSegment(kinds, shortcuts), person, i)
  return sample.decide(() => true, earlier)
}

/** Counted anew from what is left, by another way than the cap's own. */
function sharesOf(people: People, result: Capped, typeActions: number) {
  const counts = new Map<string, Map<number, number>>()
  let number = 0
  for (const [person, segments] of people.entries()) {
    for (const kinds of segments) {
      for (const [from, to] of result.piecesOf(number)) {
        // Each of KINDS differs in something that a type tells apart.
        const codes = kinds.slice(from, to)
        const length = Math.min(typeActions, codes.length)
        for (let at = 0; at + length <= codes.length; at++) {
          const type = codes.slice(at, at + length).join()
          const own = counts.get(type) ?? new Map<number, number>()
          counts.set(type, own.set(person, (own.get(person) ?? 0) + 1))
        }
      }
      number++
    }
  }
  return counts
}

const aPerson = fc.array(fc.array(fc.nat(KINDS.length), { minLength: 1, maxLength: 12 }), {
  minLength: 0,
  maxLength: 12,
})
const somePeople = fc.array(aPerson, { minLength: 1, maxLength: 12 })

describe('CapSample', () => {
  it.each([
    ['nobody', []],
    [
      'one person',
      [
        [
          [0, 1, 2, 3],
          [0, 0, 0],
        ],
      ],
    ],
    ['fewer people than any type needs', [[[0, 0, 0]], [[0, 0, 0]], [[0, 0, 0]]]],
  ] as const)('leaves nothing of %s', (_what, people) => {
    expect(capped(people).kept).toBe(0)
  })

  it('leaves nobody more than the share of any type, and no type to fewer than k people', () => {
    fc.assert(
      fc.property(somePeople, fc.integer({ min: 1, max: 4 }), (people, typeActions) => {
        const result = capped(people, { ...RULES, typeActions })
        let bound = 0
        for (const own of sharesOf(people, result, typeActions).values()) {
          const total = [...own.values()].reduce((sum, count) => sum + count, 0)
          expect(own.size).toBeGreaterThanOrEqual(RULES.k)
          bound = Math.max(bound, Math.max(...own.values()) / total)
        }
        expect(bound).toBeLessThanOrEqual(RULES.shareMax + 1e-9)
        expect(result.bound).toBeCloseTo(bound, 12)
      }),
      { numRuns: 60 },
    )
  })

  it('decides the same for the same people in any order', () => {
    fc.assert(
      fc.property(somePeople, (people) => {
        const pieces = (order: People) => {
          const result = capped(order)
          let number = 0
          return order.map((segments) => segments.map(() => result.piecesOf(number++)))
        }
        expect(pieces(people.toReversed()).toReversed()).toEqual(pieces(people))
      }),
      { numRuns: 40 },
    )
  })

  it('takes of somebody with 99 % of the data no more than others let pass', () => {
    const small = [[[0, 0, 0]], [[0, 0, 0]], [[0, 0, 0]], [[0, 0, 0]]]
    const people = [...small, Array.from({ length: 400 }, () => [0, 0, 0])]
    const own = [...sharesOf(people, capped(people), 3).values()].map((counts) => counts.get(4) ?? 0)
    expect(Math.max(...own)).toBeLessThanOrEqual(1)
  })

  it('keeps everything of people who are alike', () => {
    const people = Array.from({ length: 8 }, () => [
      [0, 1, 2, 3, 0],
      [1, 1, 1],
    ])
    const result = capped(people)
    expect([result.kept, result.bound]).toEqual([result.offered, 1 / 8])
  })

  it('counts what earlier releases hold of those who are still there', () => {
    const people = Array.from({ length: 8 }, () => [[0, 0, 0]])
    const earlier = () => new Map([[0, 10]])
    const own = [...sharesOf(people, capped(people, RULES, earlier), 3).values()]
    // 10 + 1 of 18 would be more than the share: the person adds nothing until others have caught up.
    expect(own.map((counts) => counts.has(0))).toEqual([false])
  })

  it('tells a rare key from a common one, and takes it', () => {
    const people = Array.from({ length: 8 }, (_, i) => [i === 0 ? [0, 0, 0, 4, 0, 0, 0] : [0, 0, 0], [0, 0, 0]])
    expect(capped(people).piecesOf(0)).toEqual([[0, 3]])
  })

  it('cuts a segment where somebody owns its middle, and keeps what came before', () => {
    const common = [0, 0, 0]
    const people = Array.from({ length: 8 }, (_, i) => [i === 0 ? [...common, 2, ...common] : common, common])
    const result = capped(people)
    expect(result.piecesOf(0)).toEqual([[0, 3]])
    expect(result.piecesOf(1)).toEqual([[0, 3]])
  })
})

describe('typeName', () => {
  const shortcuts = new Shortcuts()
  const named = (action: Exclude<Action, { kind: 'switch' }>, app = 1) => {
    const actions = new Int16Array(FIELDS)
    encodeAction(action, new Map(), shortcuts, actions, 0)
    return typeName([typeCode(app, actions, 0)], ['', 'desktop:orders', 'desktop:mail'], shortcuts.names)
  }

  it.each([
    [{ kind: 'hotkey', keys: ['ctrl', 'x'] }, 'hotkey ctrl+x'],
    [{ kind: 'hotkey', keys: ['ctrl', 'shift', 'z'] }, 'hotkey ctrl+shift+z'],
    [{ kind: 'press', key: 'f12' }, 'press f12'],
    [{ kind: 'press', key: 'enter' }, 'press enter'],
    [{ kind: 'type', text: 'iban', length: 'very-long' }, 'type iban very-long'],
    [{ kind: 'type', text: 'word', length: 'tiny' }, 'type word tiny'],
    [{ kind: 'hover', target: { role: 'other', box: [0, 0, 1, 1] } }, 'hover other'],
    [{ kind: 'scroll', direction: 'down', amount: 8, target: { cell: [7, 7] } }, 'scroll place'],
    [
      { kind: 'drag', button: 'left', from: { role: 'row', box: [0, 0, 1, 1] }, to: { cell: [1, 1] } },
      'drag row place',
    ],
  ] as const)('says of %o what tells it apart', (action, name) => {
    expect(named(action as never)).toBe(`desktop:orders ${name}`)
  })

  it('joins the actions of a run', () => {
    const { actions } = aSegment([0, 2], shortcuts)
    const codes = [typeCode(2, actions, 0), typeCode(2, actions, FIELDS)]
    expect(typeName(codes, ['', 'a', 'desktop:mail'], [])).toBe('desktop:mail press enter|desktop:mail click button')
  })
})
