import type { Action, Target } from '@fairtrace/core'
import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIELDS, Shortcuts } from './coded-action.ts'
import { createEpisodes, type EpisodeRules, type RecordedPart, SEGMENT_ENDS, type Segment } from './episodes.ts'
import { vocabularyOf } from './vocabulary.ts'

const vocabulary = vocabularyOf(aCharter())
const SECRET = new Uint8Array(32).fill(7)
const press: Action = { kind: 'press', key: 'enter' }
const toOrders: Action = { kind: 'switch', app: 'desktop:orders' }
const toMail: Action = { kind: 'switch', app: 'desktop:mail' }

function aPart(overrides: Partial<RecordedPart> = {}): RecordedPart {
  return { person: 'ada', recording: 'one', task: null, outcome: null, actions: [toOrders, press], ...overrides }
}

function segmentsOf(
  parts: readonly RecordedPart[],
  rules: Partial<EpisodeRules> = {},
  conforms: (action: Action) => boolean = () => true,
) {
  const kept: { segment: Segment; person: number }[] = []
  const episodes = createEpisodes(
    vocabulary,
    { segmentActionsMax: 4, segmentsPerPersonMax: 100, ...rules },
    SECRET,
    new Shortcuts(),
    (segment, person) => kept.push({ segment, person }),
    conforms,
  )
  for (const part of parts) episodes.push(part)
  episodes.end()
  return { kept, drops: episodes.drops }
}

const lengths = (kept: readonly { segment: Segment }[]) => kept.map(({ segment }) => segment.actions.length / FIELDS)

describe('createEpisodes', () => {
  it('refuses a person who comes back after another one', () => {
    const parts = [aPart({ person: 'ada' }), aPart({ person: 'ben' }), aPart({ person: 'ada' })]
    expect(() => segmentsOf(parts)).toThrow(expect.objectContaining({ code: 'SEGMENT_CORRUPT' }))
  })

  it.each([
    ['a key', { kind: 'press', key: 'q' }],
    ['a shortcut', { kind: 'hotkey', keys: ['ctrl', "paste']"] }],
    ['a kind', { kind: 'paste' }],
    ['a role', { kind: 'hover', target: { role: 'password', box: [0, 0, 1, 1] } }],
    ['a number', { kind: 'hover', target: { role: 'button', box: [0, 0, 1, 5_000] } }],
  ])('refuses a stored action with %s that the model does not know, without quoting it', (_what, action) => {
    const parts = [aPart({ actions: [toOrders, action as Action] })]
    expect(() => segmentsOf(parts)).toThrow(/does not know$/)
    expect(() => segmentsOf(parts)).not.toThrow(/paste|password|5.?000/)
  })

  it('marks the segment in which a task ended, and no other', () => {
    const { kept } = segmentsOf([
      aPart({ task: 'enter-order', outcome: 'done', actions: [toOrders, ...Array(6).fill(press)] }),
      aPart({ task: 'enter-order', outcome: null, actions: [toOrders, press] }),
      aPart({ task: 'enter-order', outcome: 'not-done', actions: [toOrders, press, toMail] }),
      aPart({
        task: 'enter-order',
        outcome: 'done',
        actions: [toOrders, press, { kind: 'switch', app: 'desktop:x' }, press],
      }),
    ])
    const ends = kept.map(({ segment }) => SEGMENT_ENDS[segment.end])
    expect(ends).toEqual(['excerpt', 'done', 'excerpt', 'not-done', 'excerpt'])
  })

  it('leaves out what was done in an app that the charter no longer lists', () => {
    const { kept, drops } = segmentsOf([aPart({ actions: [{ kind: 'switch', app: 'desktop:other' }, press, press] })])
    expect(kept).toEqual([])
    expect(drops.appNotInCharter).toBe(2)
  })

  it('leaves out a whole segment if the charter no longer allows one of its actions', () => {
    const { kept, drops } = segmentsOf(
      [aPart({ actions: [toOrders, press, { kind: 'press', key: 'f1' }, toMail, press] })],
      {},
      (action) => action.kind !== 'press' || action.key !== 'f1',
    )
    expect(lengths(kept)).toEqual([1])
    expect(drops.notShielded).toBe(2)
  })

  it('drops a label that is not in the catalogue of its own app', () => {
    const target: Target = { role: 'button', label: 'Send', box: [0, 0, 10, 10] }
    const { kept } = segmentsOf([
      aPart({ actions: [toOrders, { kind: 'hover', target }, toMail, { kind: 'hover', target }] }),
    ])
    expect(kept.map(({ segment }) => segment.actions[4])).toEqual([-1, 0])
  })

  it('cuts at switches, at the end of a part and after the allowed number of actions', () => {
    const parts = [
      aPart({ actions: [toOrders, press, press, press, press, press, toMail, press, toMail, press] }),
      aPart({ actions: [toOrders, press] }),
    ]
    expect(lengths(segmentsOf(parts).kept)).toEqual([4, 1, 1, 1, 1])
  })

  it('keeps at most so many segments of a person, and says how many went', () => {
    const many = Array.from({ length: 20 }, () => aPart())
    const { kept, drops } = segmentsOf([...many, aPart({ person: 'ben' })], { segmentsPerPersonMax: 3 })
    expect(kept.filter(({ person }) => person === 0)).toHaveLength(3)
    expect(kept.filter(({ person }) => person === 1)).toHaveLength(1)
    expect(drops.segmentsOverCap).toBe(17)
  })

  it("gives every segment of a person about the same chance, wherever in the person's work it lies", () => {
    const taken = new Array<number>(10).fill(0)
    for (let draw = 0; draw < 2_000; draw++) {
      const parts = Array.from({ length: 10 }, (_, i) =>
        aPart({ person: `p${draw}`, actions: [toOrders, ...Array.from({ length: 1 + (i % 4) }, () => press)] }),
      )
      for (const length of lengths(segmentsOf(parts, { segmentsPerPersonMax: 2 }).kept)) {
        taken[length] = (taken[length] ?? 0) + 1
      }
    }
    // Three of ten segments have 1 and 2 actions, two have 3 and 4; 4,000 are drawn.
    expect(taken[1]).toBeGreaterThan(1_080)
    expect(taken[1]).toBeLessThan(1_320)
    expect(taken[4]).toBeGreaterThan(690)
    expect(taken[4]).toBeLessThan(910)
  })

  it("never changes one person's sample because another one takes part", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        const partsOf = (size: number, i: number) =>
          Array.from({ length: size }, (_, r) =>
            aPart({ person: `p${i}`, actions: [toOrders, ...Array.from({ length: 1 + (r % 4) }, () => press)] }),
          )
        const rules = { segmentsPerPersonMax: 5 }
        const alone = segmentsOf(partsOf(sizes[0] ?? 1, 0), rules).kept
        const together = segmentsOf(sizes.flatMap(partsOf), rules).kept.filter(({ person }) => person === 0)
        expect(lengths(together)).toEqual(lengths(alone))
      }),
    )
  })
})
