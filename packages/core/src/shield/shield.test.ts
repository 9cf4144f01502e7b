import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Action, actionSchema, MODIFIERS, NAMED_KEYS, ROLES } from '../action.ts'
import type { InputEvent, Place } from '../input-event.ts'
import { checkConformance } from './conformance.ts'
import { defaultShieldSettings, type ShieldSettings } from './settings.ts'
import { createShield } from './shield.ts'
import { classifyText, lengthClass } from './text-kind.ts'
import { TextRun } from './text-run.ts'

const APP = 'desktop:notes'
const APPS = [APP, 'web:https://mail.example']
const DEFAULTS: ShieldSettings = {
  ...defaultShieldSettings(APPS),
  roles: new Set(['button', 'textbox']),
  labels: new Map([[APP, new Set(['Save', 'Open'])]]),
}

/** Also what no window has: outside, tiny, huge. */
const coordinate = fc.oneof(fc.integer({ min: -100, max: 3_000 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
const size = fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.double({ min: 1e-300, max: 1e300, noNaN: true }))
const target = fc.record(
  {
    role: fc.constantFrom(...ROLES, 'password', 'push button'),
    label: fc.constantFrom('Save', 'Open', 'Dear Anna'),
    box: fc.record({ x: coordinate, y: coordinate, width: size, height: size }),
  },
  { requiredKeys: ['role', 'box'] },
)
const place: fc.Arbitrary<Place> = fc.record(
  { x: coordinate, y: coordinate, width: size, height: size, target },
  { requiredKeys: ['x', 'y', 'width', 'height'] },
)
const atMs = fc.double()
const keyName = fc.oneof(
  fc.constantFrom('a', 'B', '7', ' ', '.', '@', 'é', 'space', 'hello', 'backspace'),
  fc.constantFrom(...NAMED_KEYS, ...MODIFIERS),
)
const inputEvent: fc.Arbitrary<InputEvent> = fc.oneof(
  fc.record({ kind: fc.constant('move'), atMs }),
  fc.record({ kind: fc.constant('rest'), atMs, place }),
  fc.record({
    kind: fc.constant('button'),
    atMs,
    button: fc.constantFrom('left', 'middle', 'right'),
    down: fc.boolean(),
    clicks: fc.integer({ min: 1, max: 5 }),
    place,
  }),
  fc.record({
    kind: fc.constant('scroll'),
    atMs,
    dx: fc.integer({ min: -9, max: 9 }),
    dy: fc.integer({ min: -9, max: 9 }),
    place,
  }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('key'), atMs, key: keyName, down: fc.boolean() }) },
  fc.record({
    kind: fc.constant('focus'),
    atMs,
    app: fc.constantFrom(...APPS, 'desktop:bank'),
    field: fc.constantFrom('text', 'search', 'code', 'none', 'secure', 'unknown'),
  }),
  fc.record({ kind: fc.constant('gap'), atMs }),
)
const stream = fc
  .array(inputEvent, { maxLength: 200 })
  .map((events): InputEvent[] => [{ kind: 'focus', atMs: 0, app: APP, field: 'text' }, ...events])
const settings: fc.Arbitrary<ShieldSettings> = fc.record({
  pointer: fc.constantFrom('target', 'cell'),
  keyboard: fc.constantFrom('kind-and-length', 'kind', 'none'),
  labels: fc.constantFrom(DEFAULTS.labels, new Map()),
  roles: fc.constant(DEFAULTS.roles),
  apps: fc.constant(DEFAULTS.apps),
})

function shielded(events: readonly unknown[], using: ShieldSettings = DEFAULTS): Action[] {
  const shield = createShield(using)
  const out: Action[] = []
  // What comes from outside has no type yet; the shield must take it all the same.
  for (const event of events) shield.push(event as InputEvent, out)
  shield.end(out)
  return out
}

/** Keys that type `text`, with a wrong character taken back wherever `slips` says. */
function typing(text: string, slips: readonly boolean[]): InputEvent[] {
  const tap = (key: string): InputEvent[] => [
    { kind: 'key', atMs: 0, key, down: true },
    { kind: 'key', atMs: 0, key, down: false },
  ]
  return [...text].flatMap((character, i) => [
    ...(slips[i % slips.length] === true ? [...tap('q'), ...tap('backspace')] : []),
    ...tap(character),
  ])
}

const printable = fc.string({ minLength: 1, maxLength: 60 })
const traits = (text: string) => {
  const run = new TextRun()
  for (const character of text) run.add(character.codePointAt(0) ?? 0)
  return run.length === 0 ? '' : `${classifyText(run.codes, run.kept, 'text')} ${lengthClass(run.length)}`
}

describe('the shield', () => {
  it('drops whatever is no input event, and never throws', () => {
    const hostile = fc.oneof(
      fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
      fc.record({ kind: fc.constantFrom('button', 'key', 'scroll', 'rest', 'focus'), place: fc.anything() }),
      fc.record({
        kind: fc.constant('button'),
        button: fc.anything(),
        down: fc.anything(),
        clicks: fc.anything(),
        place,
      }),
      fc.record({ kind: fc.constant('key'), key: fc.anything(), down: fc.anything() }),
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(hostile, inputEvent), { maxLength: 100 }), (events) => {
        for (const action of shielded([{ kind: 'focus', app: APP, field: 'text' }, ...events])) {
          expect(actionSchema.safeParse(action).success).toBe(true)
        }
      }),
    )
  })

  it('drops an event that fails to be read, with what was pending and the focus', () => {
    const trap = {
      get kind(): string {
        throw new Error('unreadable')
      },
    }
    const shield = createShield(DEFAULTS)
    const out: Action[] = []
    const events: unknown[] = [{ kind: 'focus', app: APP, field: 'text' }, ...typing('secret', [false]), trap]
    for (const event of [...events, ...typing('more', [false])]) shield.push(event as InputEvent, out)
    shield.end(out)
    expect(out).toEqual([{ kind: 'switch', app: APP }])
    expect(shield.counts.dropped.internal).toBe(1)
    expect(shield.counts.dropped['focus-unknown']).toBe(8)
  })

  it('emits only actions that parse and conform to its settings', () => {
    fc.assert(
      fc.property(stream, settings, (events, using) => {
        let app: string | undefined
        for (const action of shielded(events, using)) {
          if (action.kind === 'switch') app = action.app
          expect(actionSchema.safeParse(action).success).toBe(true)
          expect(checkConformance(action, using, app)).toBeNull()
        }
      }),
    )
  })

  it('depends on text only through its kind and its length class', () => {
    const slips = fc.array(fc.boolean(), { minLength: 1, maxLength: 10 })
    const text = fc.oneof(
      printable,
      fc.constantFrom('hello', 'world', 'a b', '1234', '99.5', 'x@y.zz', 'me@example.org'),
    )
    fc.assert(
      fc.property(text, text, slips, slips, (a, b, slipsA, slipsB) => {
        fc.pre(traits(a) === traits(b))
        const around = (events: InputEvent[]): unknown[] => [
          { kind: 'focus', app: APP, field: 'text' },
          ...events,
          { kind: 'key', key: 'enter', down: true },
        ]
        expect(shielded(around(typing(a, slipsA)))).toEqual(shielded(around(typing(b, slipsB))))
      }),
      { numRuns: 200 },
    )
  })

  it('does not depend on time at all once the source has counted the clicks', () => {
    fc.assert(
      fc.property(stream, fc.array(atMs, { minLength: 1 }), (events, times) => {
        const moved = events.map((event, i) => ({ ...event, atMs: times[i % times.length] }))
        expect(shielded(moved)).toEqual(shielded(events))
      }),
    )
  })

  it('never reads the time', () => {
    const untimed = (event: InputEvent) =>
      Object.defineProperty({ ...event }, 'atMs', {
        get: () => {
          throw new Error('the shield read a clock')
        },
      })
    fc.assert(
      fc.property(stream, (events) => {
        const shield = createShield(DEFAULTS)
        for (const event of events) shield.push(untimed(event), [])
        expect(shield.counts.dropped.internal).toBe(0)
      }),
    )
  })

  it('shields any prefix of a stream to a prefix of its actions', () => {
    fc.assert(
      fc.property(stream, fc.nat(), (events, cut) => {
        const whole: Action[] = []
        const part: Action[] = []
        const [first, second] = [createShield(DEFAULTS), createShield(DEFAULTS)]
        for (const event of events) first.push(event, whole)
        for (const event of events.slice(0, cut % (events.length + 1))) second.push(event, part)
        expect(whole.slice(0, part.length)).toEqual(part)
        const certain = part.length
        second.end(part)
        // What waits at any time is one action, and the rests of the pointer during a text.
        expect(part.slice(certain).filter((action) => action.kind !== 'hover').length).toBeLessThanOrEqual(1)
        expect(part.length - certain).toBeLessThanOrEqual(9)
      }),
    )
  })

  it('emits no character that was typed', () => {
    // The marker's letters occur in no name of the action model.
    const marker = 'ѮѯѰѱ'
    const noise = fc.array(inputEvent, { maxLength: 30 })
    fc.assert(
      fc.property(noise, noise, (before, after) => {
        const out = JSON.stringify(shielded([...before, ...typing(marker.repeat(3), [false]), ...after]))
        expect([...marker].some((character) => out.includes(character))).toBe(false)
      }),
    )
  })

  it('gives equal actions for equal streams', () => {
    fc.assert(
      fc.property(stream, (events) => {
        expect(shielded(events)).toEqual(shielded(events))
      }),
    )
  })

  it('says nothing of length at the level kind, and nothing of keys at the level none', () => {
    const events = [{ kind: 'focus', app: APP, field: 'text' }, ...typing('a rather long sentence', [false])]
    const after = { kind: 'key', key: 'enter', down: true }
    expect(shielded([...events, after], { ...DEFAULTS, keyboard: 'kind' })).toEqual([
      { kind: 'switch', app: APP },
      { kind: 'type', text: 'sentence', length: 'short' },
      { kind: 'press', key: 'enter' },
    ])
    expect(shielded([...events, after], { ...DEFAULTS, keyboard: 'none' })).toEqual([{ kind: 'switch', app: APP }])
  })
})

describe('checkConformance', () => {
  const box: [number, number, number, number] = [0, 0, 10, 10]
  it.each([
    ['a shortcut that spells a word', { kind: 'hotkey', keys: ['h', 'i'] }],
    ['shift with a character', { kind: 'hotkey', keys: ['shift', 'h'] }],
    ['modifiers alone', { kind: 'hotkey', keys: ['ctrl', 'shift'] }],
    ['modifiers out of order', { kind: 'hotkey', keys: ['shift', 'ctrl', 'a'] }],
    ['a repeated modifier', { kind: 'hotkey', keys: ['ctrl', 'ctrl', 'a'] }],
    ['a label outside the catalogue', { kind: 'hover', target: { role: 'button', label: 'Dear Anna', box } }],
    ['a role that is not allowed', { kind: 'hover', target: { role: 'slider', box } }],
    ['a box outside the schematic', { kind: 'hover', target: { role: 'other', box: [1_279, 0, 10, 10] } }],
    ['an app that is not listed', { kind: 'switch', app: 'desktop:bank' }],
  ] as const)('refuses %s', (_what, action) => {
    expect(checkConformance(actionSchema.parse(action), DEFAULTS)).toEqual(expect.any(String))
  })

  it('refuses what a tighter level would have held back', () => {
    const hover: Action = { kind: 'hover', target: { role: 'button', label: 'Save', box } }
    const type: Action = { kind: 'type', text: 'word', length: 'long' }
    expect(checkConformance(hover, { ...DEFAULTS, pointer: 'cell' })).toBe('a target at the level cell')
    expect(checkConformance(type, { ...DEFAULTS, keyboard: 'kind' })).toBe('a length at the level kind')
    expect(checkConformance(type, { ...DEFAULTS, keyboard: 'none' })).toBe('a keyboard action at the level none')
  })

  it('takes a label of the app that has the focus, and of no other app', () => {
    const hover: Action = { kind: 'hover', target: { role: 'button', label: 'Save', box } }
    expect(checkConformance(hover, DEFAULTS)).toBeNull()
    expect(checkConformance(hover, DEFAULTS, APP)).toBeNull()
    expect(checkConformance(hover, DEFAULTS, 'web:https://mail.example')).toBe('the label is in no catalogue')
  })
})
