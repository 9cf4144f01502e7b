import { describe, expect, it } from 'vitest'
import type { Action } from '../action.ts'
import type { FieldKind, InputEvent, MouseButton, Place, SeenTarget } from '../input-event.ts'
import { HELD_KEYS_MAX } from './keyboard.ts'
import { Reducer } from './reduce.ts'
import { defaultShieldSettings, type ShieldSettings } from './settings.ts'
import { createShield } from './shield.ts'

const APP = 'desktop:notes'
const OTHER_APP = 'desktop:mail'
const SETTINGS = defaultShieldSettings([APP, OTHER_APP])

const focus = (app = APP, field: FieldKind = 'text'): InputEvent => ({ kind: 'focus', atMs: 0, app, field })
const aTarget = (role: string, x = 0): SeenTarget => ({ role, box: { x, y: 0, width: 100, height: 50 } })
const at = (x: number, y: number, target?: SeenTarget): Place => ({
  x,
  y,
  width: 1_000,
  height: 500,
  ...(target === undefined ? {} : { target }),
})
const button = (down: boolean, place: Place, clicks = 1, name: MouseButton = 'left'): InputEvent => ({
  kind: 'button',
  atMs: 0,
  button: name,
  down,
  clicks,
  place,
})
const click = (place: Place, clicks = 1, name: MouseButton = 'left') => [
  button(true, place, clicks, name),
  button(false, place, clicks, name),
]
const scroll = (dy: number, place = at(10, 10), dx = 0): InputEvent => ({ kind: 'scroll', atMs: 0, dx, dy, place })
const rest = (place: Place): InputEvent => ({ kind: 'rest', atMs: 0, place })
const key = (name: string, down = true): InputEvent => ({ kind: 'key', atMs: 0, key: name, down })
const tap = (...names: string[]) => names.flatMap((name) => [key(name), key(name, false)])
const type = (text: string) => tap(...text)
const chord = (...names: string[]) => [
  ...names.map((name) => key(name)),
  ...names.toReversed().map((name) => key(name, false)),
]
const move: InputEvent = { kind: 'move', atMs: 0 }
const gap: InputEvent = { kind: 'gap', atMs: 0 }

/** Actions of a stream in `APP`, without its first `switch`. */
function shielded(events: readonly InputEvent[], settings: ShieldSettings = SETTINGS): Action[] {
  const shield = createShield(settings)
  const out: Action[] = []
  for (const event of [focus(), ...events]) shield.push(event, out)
  shield.end(out)
  expect(out.shift()).toEqual({ kind: 'switch', app: APP })
  return out
}

function dropsOf(events: readonly InputEvent[]): Record<string, number> {
  const shield = createShield(SETTINGS)
  for (const event of events) shield.push(event, [])
  return Object.fromEntries(Object.entries(shield.counts.dropped).filter(([, count]) => count > 0))
}

const ignore = () => undefined
const press = (name: string) => ({ kind: 'press', key: name })
const hotkey = (...keys: string[]) => ({ kind: 'hotkey', keys })
const typed = (text: string, length: string) => ({ kind: 'type', text, length })
const clicked = (count: number, name: MouseButton = 'left', cell = [0, 0]) => ({
  kind: 'click',
  button: name,
  count,
  target: { cell },
})

describe('what never becomes an action', () => {
  it.each([
    ['input before any focus', [key('a'), ...click(at(1, 1))], { 'focus-unknown': 3 }],
    ['input after a gap, until the focus is stated again', [focus(), gap, key('a')], { 'focus-unknown': 1 }],
    ['input in an app that is not listed', [focus('desktop:bank'), ...type('hi')], { 'app-not-listed': 4 }],
    ['keys in a password field, as one drop', [focus(APP, 'secure'), ...type('hunter2')], { 'field-secure': 1 }],
    ['keys where the field is unknown, as one drop', [focus(APP, 'unknown'), ...type('hi')], { 'field-unknown': 1 }],
    ['characters where no field takes text', [focus(APP, 'none'), key('j')], { 'field-none': 1 }],
    ['a button release without a press', [focus(), button(false, at(1, 1))], { 'release-without-press': 1 }],
    ['a key release without a press', [focus(), key('a', false)], { 'release-without-press': 1 }],
    ['a press that a gap cuts off', [focus(), button(true, at(1, 1)), gap], { 'press-without-release': 1 }],
    ['a place that is not a number', [focus(), button(true, at(Number.NaN, 1))], { malformed: 1 }],
    ['a window without a size', [focus(), button(true, { ...at(1, 1), width: -5 })], { malformed: 1 }],
    ['an endless scroll', [focus(), scroll(Number.POSITIVE_INFINITY)], { malformed: 1 }],
    ['a key of a name unknown', [focus(), key('hello')], { 'key-unknown': 1 }],
    ['movement', [focus(), move, move], {}],
  ] as const)('drops and counts %s', (_what, events, drops) => {
    expect(dropsOf(events)).toEqual(drops)
    const shield = createShield(SETTINGS)
    const out: Action[] = []
    for (const event of events) shield.push(event, out)
    shield.end(out)
    expect(out.filter((action) => action.kind !== 'switch')).toEqual([])
  })

  it('drops and counts keys beyond what hands can hold, and works again once they are up', () => {
    const reducer = new Reducer({ apps: SETTINGS.apps, keyboard: true }, { action: ignore, drop: ignore })
    const names = Array.from({ length: 10_000 }, (_, i) => String.fromCodePoint(0x4e00 + i))
    for (const event of [focus(), ...names.map((name) => key(name))]) reducer.push(event)
    expect(reducer.heldKeys).toBe(HELD_KEYS_MAX)
    expect(dropsOf([focus(), ...names.map((name) => key(name))])).toEqual({ 'keys-too-many': 10_000 - HELD_KEYS_MAX })
    expect(
      shielded([...names.map((name) => key(name)), ...names.map((n) => key(n, false)), key('enter')]),
    ).toContainEqual(press('enter'))
  })

  it('stops a lost release of ctrl from spelling out what is typed', () => {
    const actions = shielded([key('ctrl'), ...type('secret words')])
    expect(actions).toEqual([hotkey('ctrl', 's'), hotkey('ctrl', 'e'), hotkey('ctrl', 'c')])
    expect(shielded([...chord('ctrl', 'z'), ...chord('ctrl', 'z')])).toHaveLength(2)
  })

  it('drops clicks, hovers and scrolls inside a password field as one drop, and keeps the clicks that lead in and out', () => {
    const place = at(10, 10, aTarget('button'))
    const secure = focus(APP, 'secure')
    const inside = [...click(place), ...click(place), rest(place), scroll(-3, place), ...type('1234')]
    expect(shielded([secure, ...inside])).toEqual([])
    expect(dropsOf([focus(), secure, ...inside])).toEqual({ 'field-secure': 1 })
    const [down, up] = click(place)
    if (down === undefined || up === undefined) throw new Error('a click is two events')
    expect(shielded([down, secure, up, ...inside, down, focus(), up]).map((action) => action.kind)).toEqual([
      'click',
      'click',
    ])
  })

  it('lets figures under alt, which type a character by its number, out as no more than one shortcut', () => {
    const actions = shielded([key('alt'), ...type('0233'), key('alt', false)])
    expect(actions).toEqual([hotkey('alt', '0')])
    expect(shielded([...chord('alt', '1'), ...chord('alt', '2')])).toHaveLength(2)
  })

  it('counts a key pressed in a password field as no key that is held after it', () => {
    const actions = shielded([focus(APP, 'secure'), key('ctrl'), focus(APP, 'text'), ...type('ab'), key('ctrl', false)])
    expect(actions).toEqual([typed('word', 'tiny')])
  })
})

describe('clicks', () => {
  it('makes one action of a double and of a triple click', () => {
    const place = at(10, 10)
    expect(shielded([...click(place), move, ...click(place, 2)])).toEqual([clicked(2)])
    expect(shielded([...click(place), ...click(place, 2), ...click(place, 3)])).toEqual([clicked(3)])
    expect(shielded([...click(place), ...click(place, 2), ...click(place, 3), ...click(place, 4)])).toEqual([
      clicked(3),
    ])
  })

  it('keeps two single clicks apart, and two places, and two buttons', () => {
    const place = at(10, 10)
    expect(shielded([...click(place), ...click(place)])).toEqual([clicked(1), clicked(1)])
    expect(shielded([...click(place), ...click(at(900, 10), 2)])).toEqual([clicked(1), clicked(2, 'left', [7, 0])])
    expect(shielded([...click(place), ...click(place, 2, 'right')])).toEqual([clicked(1), clicked(2, 'right')])
    expect(shielded(click(place, 1, 'middle'))).toEqual([clicked(1, 'middle')])
  })

  it('waits through a focus change inside the app and a rest on the same target', () => {
    const place = at(10, 10, aTarget('listbox'))
    const actions = shielded([...click(place), focus(APP, 'none'), rest(place), ...click(place, 2)])
    expect(actions).toMatchObject([{ kind: 'click', count: 2 }])
  })

  it('stands before what is typed after it, and after what was typed before it', () => {
    expect(shielded([...type('ab'), ...click(at(10, 10)), ...type('cd')]).map((action) => action.kind)).toEqual([
      'type',
      'click',
      'type',
    ])
  })

  it('belongs to the app that it brings to the front', () => {
    const actions = shielded([button(true, at(10, 10)), focus(OTHER_APP), button(false, at(10, 10))])
    expect(actions).toEqual([{ kind: 'switch', app: OTHER_APP }, clicked(1)])
  })
})

describe('drags', () => {
  it('are a press and a release on different targets, or some pixels apart where no target is known', () => {
    const from = at(10, 10, aTarget('cell'))
    const to = at(110, 10, aTarget('cell', 100))
    expect(shielded([button(true, from), move, button(false, to)])).toEqual([
      {
        kind: 'drag',
        button: 'left',
        from: { role: 'cell', box: [0, 0, 128, 80] },
        to: { role: 'cell', box: [128, 0, 128, 80] },
      },
    ])
    expect(shielded([button(true, at(10, 10)), button(false, at(14, 10))])).toEqual([clicked(1)])
    expect(shielded([button(true, at(10, 10)), button(false, at(300, 10))])).toMatchObject([{ kind: 'drag' }])
    expect(shielded([button(true, from), button(false, at(90, 40, aTarget('cell')))])).toMatchObject([
      { kind: 'click' },
    ])
  })

  it('do not swallow the click that was waiting', () => {
    const place = at(10, 10)
    expect(shielded([...click(place), button(true, place, 2), button(false, at(300, 10))])).toMatchObject([
      { kind: 'click', count: 1 },
      { kind: 'drag' },
    ])
  })
})

describe('scrolls', () => {
  it('merge by direction and target into powers of two', () => {
    const down = (notches: number, place = at(10, 10)) => scroll(-notches, place)
    expect(shielded([down(1), move, down(1), down(1), scroll(2)])).toMatchObject([
      { kind: 'scroll', direction: 'down', amount: 4 },
      { kind: 'scroll', direction: 'up', amount: 2 },
    ])
    expect(shielded([down(1), down(1, at(900, 400))])).toHaveLength(2)
    expect(shielded([down(1_000)])).toMatchObject([{ amount: 64 }])
    expect(shielded(Array.from({ length: 10 }, () => down(0.1)))).toMatchObject([{ amount: 1 }])
    expect(shielded([down(1, at(10, 10, aTarget('row'))), down(1, at(10, 10, aTarget('row', 50)))])).toMatchObject([
      { amount: 2, target: { role: 'row', box: [0, 0, 128, 80] } },
    ])
    expect(shielded([scroll(1, at(10, 10), 3), scroll(0, at(10, 10), -2)])).toMatchObject([
      { direction: 'right', amount: 4 },
      { direction: 'left', amount: 2 },
    ])
    expect(shielded([scroll(0)])).toEqual([])
  })
})

describe('hovers', () => {
  it('come from rests on known targets alone, once until something else happens', () => {
    const [a, b] = [at(10, 10, aTarget('button')), at(200, 10, aTarget('button', 200))]
    expect(shielded([rest(at(10, 10))])).toEqual([])
    expect(shielded([rest(a), rest(a), rest(b), rest(a)])).toHaveLength(3)
    expect(shielded([rest(a), ...tap('enter'), rest(a)]).map((action) => action.kind)).toEqual([
      'hover',
      'press',
      'hover',
    ])
  })
})

describe('hovers while a text is typed', () => {
  const [a, b] = [at(10, 10, aTarget('button')), at(200, 10, aTarget('button', 200))]
  const kinds = (events: readonly InputEvent[]) => shielded(events).map((action) => action.kind)

  it('are nothing if the text goes on, also by a correction, and come after it if it does not', () => {
    expect(kinds([...type('ab'), rest(a), ...type('cd')])).toEqual(['type'])
    expect(kinds([...type('ab'), rest(a), ...tap('backspace')])).toEqual(['type'])
    expect(kinds([...type('ab'), rest(a), rest(b), ...click(b)])).toEqual(['type', 'hover', 'hover', 'click'])
    expect(kinds([...type('ab'), rest(a), focus(APP, 'none')])).toEqual(['type', 'hover'])
  })

  it('end the text where they are many, so that memory is bounded', () => {
    const many = Array.from({ length: 50 }, (_, i) => rest(i % 2 === 0 ? a : b))
    expect(kinds([...type('ab'), ...many, ...type('cd')])).toEqual([
      'type',
      ...Array.from({ length: 50 }, () => 'hover'),
      'type',
    ])
  })
})

describe('keys', () => {
  it('leave by name, and shortcuts in one order of modifiers', () => {
    expect(shielded(tap('enter', 'f5'))).toEqual([press('enter'), press('f5')])
    expect(shielded(chord('shift', 'ctrl', 'T'))).toEqual([hotkey('ctrl', 'shift', 't')])
    expect(shielded(chord('meta', 'alt', 'ctrl', 'shift', 'delete'))).toEqual([
      hotkey('ctrl', 'alt', 'shift', 'meta', 'delete'),
    ])
    expect(shielded(chord('shift', 'tab'))).toEqual([hotkey('shift', 'tab')])
    expect(shielded(chord('ctrl', 'space'))).toEqual([hotkey('ctrl', 'space')])
    expect(shielded(chord('ctrl', 'ф'))).toEqual([hotkey('ctrl', 'symbol')])
  })

  it('press meta on a lone tap alone', () => {
    expect(shielded(tap('meta'))).toEqual([press('meta')])
    expect(shielded(chord('meta', 'e'))).toEqual([hotkey('meta', 'e')])
    expect(shielded([key('meta'), ...click(at(10, 10)), key('meta', false)])).toEqual([clicked(1)])
    expect(shielded(chord('ctrl', 'shift'))).toEqual([])
  })

  it('do not multiply while they are held', () => {
    expect(shielded([key('down'), key('down'), key('down'), key('down', false)])).toEqual([press('down')])
    expect(shielded([key('a'), key('a'), key('A', false), ...tap('enter')])).toEqual([
      typed('word', 'tiny'),
      press('enter'),
    ])
  })

  it('merge backspaces and deletes outside a text run into one press each', () => {
    expect(shielded(tap('backspace', 'backspace', 'backspace', 'delete', 'delete', 'backspace'))).toEqual([
      press('backspace'),
      press('delete'),
      press('backspace'),
    ])
    expect(shielded([...tap('backspace', 'backspace'), ...type('ab')])).toEqual([
      press('backspace'),
      typed('word', 'tiny'),
    ])
  })
})

describe('text runs', () => {
  it('say kind and length of the final text, whatever was corrected on the way', () => {
    expect(shielded(type('hello world'))).toEqual([typed('sentence', 'short')])
    expect(shielded([...type('helxx'), ...tap('backspace', 'backspace', 'delete'), ...type('lo')])).toEqual([
      typed('word', 'short'),
    ])
    expect(shielded([...type('hello world'), ...chord('ctrl', 'backspace'), ...chord('alt', 'backspace')])).toEqual([])
    expect(shielded([...type('ab'), ...tap('backspace', 'backspace', 'backspace')])).toEqual([])
    const heldDown = [key('backspace'), key('backspace'), key('backspace'), key('backspace', false)]
    expect(shielded([...type('hello'), ...heldDown])).toEqual([typed('word', 'tiny')])
    expect(shielded([key('a'), key('a'), key('a'), key('a'), key('a', false)])).toEqual([typed('word', 'short')])
    expect(shielded(tap('e', '\u0301', 't', 'e', '\u0301'))).toEqual(shielded(type('été')))
    expect(shielded([key('shift'), ...type('HELLO'), key('shift', false)])).toEqual([typed('word', 'short')])
  })

  it('end at any other action, a focus change, a gap and the end', () => {
    expect(shielded([...type('ab'), ...tap('enter'), ...type('12')])).toEqual([
      typed('word', 'tiny'),
      press('enter'),
      typed('number', 'tiny'),
    ])
    expect(shielded([...type('ab'), focus(), ...type('cd')])).toHaveLength(2)
    expect(shielded([...type('ab'), gap])).toEqual([typed('word', 'tiny')])
    expect(shielded([...type('ab'), move, ...type('cd')])).toEqual([typed('word', 'short')])
  })

  it('count characters beyond the buffer without keeping them', () => {
    expect(shielded(type('x'.repeat(10_000)))).toEqual([typed('word', 'very-long')])
    expect(shielded([...type('x'.repeat(5_000)), ...tap(...Array<string>(4_998).fill('backspace'))])).toEqual([
      typed('word', 'tiny'),
    ])
  })

  it('know AltGr and option characters as text, and take their kind from a search or code field', () => {
    expect(shielded([...type('me'), ...chord('ctrl', 'alt', '@'), ...type('example.com')])).toEqual([
      typed('email', 'medium'),
    ])
    expect(shielded(chord('alt', 'é'))).toEqual([typed('word', 'tiny')])
    expect(shielded([focus(APP, 'search'), ...type('cheap flights')])).toEqual([typed('search', 'medium')])
  })
})

describe('apps', () => {
  it('leave as one switch when they change, and nothing of one that is not listed', () => {
    const actions = shielded([
      ...type('ab'),
      focus(OTHER_APP),
      focus(OTHER_APP, 'none'),
      focus('desktop:bank'),
      ...type('x'),
    ])
    expect(actions).toEqual([typed('word', 'tiny'), { kind: 'switch', app: OTHER_APP }])
    const back = shielded([focus('desktop:bank'), button(true, at(1, 1)), focus(), button(false, at(1, 1))])
    expect(back).toEqual([{ kind: 'switch', app: APP }])
  })
})
