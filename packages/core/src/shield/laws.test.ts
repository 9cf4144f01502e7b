/**
 * Promise 2 in one test: what a person does leaves; how they do it does not.
 *
 * A script of what was done is performed twice, with everything else drawn anew: times, movement on the way, the point within each
 * element, the letters of each text, slips and their corrections, capitals, how long keys are held and how they overlap,
 * where the pointer is pushed aside while typing, how the wheel's notches fall. The two outputs must be the same bytes.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Action } from '../action.ts'
import type { FieldKind, InputEvent, Place, SeenTarget } from '../input-event.ts'
import { defaultShieldSettings, type ShieldSettings } from './settings.ts'
import { createShield } from './shield.ts'

const APPS = ['desktop:notes', 'web:https://crm.example'] as const
const LABELS = ['Save', 'Open', 'Customer']
const WINDOW = { width: 1_200, height: 700 }
/** Elements that don't overlap, with a margin around each. */
const ELEMENTS: readonly SeenTarget[] = Array.from({ length: 12 }, (_, i) => ({
  role: ['button', 'textbox', 'link', 'checkbox'][i % 4] ?? 'other',
  ...(i % 3 === 0 ? { label: LABELS[(i / 3) % LABELS.length] ?? 'Save' } : {}),
  box: { x: 20 + 290 * (i % 4), y: 30 + 220 * Math.floor(i / 4), width: 240, height: 160 },
}))
const SETTINGS: ShieldSettings = {
  ...defaultShieldSettings(APPS),
  labels: new Map(APPS.map((app) => [app, new Set(['Save', 'Open'])])),
}

/** Texts of the same kind and length class: any of a row may stand for any other. */
const TEXTS: readonly (readonly string[])[] = [
  ['hello', 'WORLD', 'Straße', 'łódź', 'écrit', "don't"],
  ['no', 'Yes', 'ok', 'ça'],
  ['see you soon, Anna', 'Bis morgen, Herr K.', 'à demain peut-être'],
  ['42.50', '1 234,5', '99.000', '-17,2'],
  ['12.05.2024', '2024-05-12', 'May 3, 24'],
  ['anna.k@example.org', 'JO+x@mail.example.com', 'info@firma.example'],
  ['+49 30 1234567', '06 12 34 56 78', '(212) 555-0123'],
  ['4111 1111 1111 1111', '5555-5555-5555-4444', '3782 822463 10005'],
  ['DE89 3704 0044 0532 0130 00', 'gb29nwbk60161331926819', 'PL61109010140000071219812874'],
  ['https://example.org/a', 'www.firma-example.com', 'crm.example.org/x/1'],
  ['const x = 1;', 'ls -la /tmp', 'git status'],
]

/** What was done, and nothing of how. */
type Deed =
  | { readonly do: 'click'; readonly on: number; readonly count: 1 | 2 | 3 }
  | { readonly do: 'drag'; readonly from: number; readonly to: number }
  | { readonly do: 'scroll'; readonly on: number; readonly notches: number }
  | { readonly do: 'hover'; readonly on: number }
  | { readonly do: 'type'; readonly text: number; readonly field: FieldKind }
  | { readonly do: 'secret'; readonly field: 'secure' | 'unknown' }
  | { readonly do: 'press'; readonly key: string }
  | { readonly do: 'chord'; readonly keys: readonly string[] }
  | { readonly do: 'erase' }
  | { readonly do: 'go'; readonly app: string }

const element = fc.nat({ max: ELEMENTS.length - 1 })
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ do: fc.constant('click'), on: element, count: fc.constantFrom(1, 2, 3) }),
  fc.record({ do: fc.constant('drag'), from: element, to: element }).filter(({ from, to }) => from !== to),
  fc.record({ do: fc.constant('scroll'), on: element, notches: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ do: fc.constant('hover'), on: element }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('type'),
      text: fc.nat({ max: TEXTS.length - 1 }),
      field: fc.constantFrom('text', 'search', 'code'),
    }),
  },
  fc.record({ do: fc.constant('secret'), field: fc.constantFrom('secure', 'unknown') }),
  fc.record({ do: fc.constant('press'), key: fc.constantFrom('enter', 'tab', 'down', 'f5', 'escape') }),
  fc.record({
    do: fc.constant('chord'),
    keys: fc.constantFrom(['ctrl', 's'], ['ctrl', 'shift', 't'], ['alt', 'tab'], ['meta', 'e']),
  }),
  fc.record({ do: fc.constant('erase') }),
  fc.record({ do: fc.constant('go'), app: fc.constantFrom(...APPS) }),
)
const script = fc.array(deed, { minLength: 1, maxLength: 25 })

/** A person's own way: each number that is drawn from it decides something that must not matter. */
class Manner {
  #state: number
  #nowMs = 0

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** At least 0, below `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0
    return Math.floor(((this.#state >>> 8) / 2 ** 24) * end)
  }

  chance(share: number): boolean {
    return this.below(1_000) < share * 1_000
  }

  pick<Item>(items: readonly Item[], otherwise: Item): Item {
    return items[this.below(items.length)] ?? otherwise
  }

  /** Some time later, sometimes much later. */
  get atMs(): number {
    this.#nowMs += this.chance(0.1) ? this.below(600_000) : this.below(400)
    return this.#nowMs
  }
}

function perform(deeds: readonly Deed[], seed: number): InputEvent[] {
  const performer = new Performer(new Manner(seed))
  for (const each of deeds) performer.perform(each)
  return performer.events
}

class Performer {
  readonly events: InputEvent[] = []
  readonly #manner: Manner
  #app: string = APPS[0]

  constructor(manner: Manner) {
    this.#manner = manner
    this.#focus('none')
  }

  perform(deed: Deed): void {
    this.#wander()
    switch (deed.do) {
      case 'click':
        for (let clicks = 1; clicks <= deed.count; clicks++) this.#click(deed.on, clicks)
        // Whatever comes next is in a new field: otherwise a second click might or might not be a double one.
        this.#focus('none')
        break
      case 'drag':
        this.#button(true, deed.from, 1)
        this.#wander()
        this.#button(false, deed.to, 1)
        break
      case 'scroll':
        this.#scroll(deed.on, deed.notches)
        break
      case 'hover':
        this.#rest(deed.on)
        break
      case 'type':
        this.#focus(deed.field)
        this.#type(this.#manner.pick(TEXTS[deed.text] ?? [], 'x'))
        this.#focus('none')
        break
      case 'secret':
        this.#secret(deed.field)
        break
      case 'press':
        this.#hold(deed.key)
        break
      case 'chord':
        this.#chord(deed.keys)
        break
      case 'erase':
        this.#focus('text')
        for (let i = this.#manner.below(5); i >= 0; i--) this.#hold('backspace')
        break
      case 'go':
        this.#app = deed.app
        this.#focus('none')
        break
    }
  }

  #focus(field: FieldKind): void {
    this.events.push({ kind: 'focus', atMs: this.#manner.atMs, app: this.#app, field })
  }

  /** Another path: any number of movements. */
  #wander(): void {
    for (let i = this.#manner.below(4); i > 0; i--) this.events.push({ kind: 'move', atMs: this.#manner.atMs })
  }

  /** Another point in the same box. */
  #at(on: number): Place {
    const target = ELEMENTS[on] ?? ELEMENTS[0]
    if (target === undefined) throw new RangeError('no such element')
    const { x, y, width, height } = target.box
    return { ...WINDOW, x: x + this.#manner.below(width), y: y + this.#manner.below(height), target }
  }

  #button(down: boolean, on: number, clicks: number): void {
    this.events.push({ kind: 'button', atMs: this.#manner.atMs, button: 'left', down, clicks, place: this.#at(on) })
  }

  #click(on: number, clicks: number): void {
    this.#button(true, on, clicks)
    this.#wander()
    this.#button(false, on, clicks)
  }

  #rest(on: number): void {
    this.events.push({ kind: 'rest', atMs: this.#manner.atMs, place: this.#at(on) })
    // Staying there is nothing more.
    if (this.#manner.chance(0.3)) this.events.push({ kind: 'rest', atMs: this.#manner.atMs, place: this.#at(on) })
  }

  /** The same way in other notches, and what was scrolled passes under the pointer. */
  #scroll(on: number, notches: number): void {
    const fine = this.#manner.chance(0.5)
    for (let left = notches * 10; left > 0; ) {
      const step = Math.min(left, fine ? 1 + this.#manner.below(7) : 10 * (1 + this.#manner.below(3)))
      const under = left === notches * 10 ? on : this.#manner.below(ELEMENTS.length)
      this.events.push({ kind: 'scroll', atMs: this.#manner.atMs, dx: 0, dy: -step / 10, place: this.#at(under) })
      left -= step
      this.#wander()
    }
  }

  /** With slips, corrections, words taken back, capitals, overlapping keys, and the pointer pushed out of the way. */
  #type(text: string): void {
    const manner = this.#manner
    for (const [i, character] of [...text].entries()) {
      if (manner.chance(0.15)) {
        for (let slips = 1 + manner.below(3); slips > 0; slips--) {
          this.#hold('q')
          if (manner.chance(0.5)) this.#hold('backspace')
          else this.#repeatBackspace(1)
        }
      }
      if (manner.chance(0.05)) {
        for (const slip of [...' oops']) this.#hold(slip)
        if (manner.chance(0.5)) this.#repeatBackspace(5)
        else for (let back = 0; back < 5; back++) this.#hold('backspace')
      }
      if (i > 0 && manner.chance(0.1)) this.#rest(manner.below(ELEMENTS.length))
      if (manner.chance(0.1)) this.#wander()
      this.#hold(manner.chance(0.5) ? character.toLowerCase() : oneCapital(character))
    }
  }

  /** Down and up, some releases late, some lost, shift held or not. */
  #hold(key: string): void {
    const shift = key.length === 1 && this.#manner.chance(0.3)
    if (shift) this.#key('shift', true)
    this.#key(key, true)
    if (shift && this.#manner.chance(0.5)) {
      this.#key('shift', false)
      this.#key(key, false)
      return
    }
    this.#key(key, false)
    if (shift) this.#key('shift', false)
  }

  /** One long press takes back as much as many short ones. */
  #repeatBackspace(count: number): void {
    for (let i = 0; i < count; i++) this.#key('backspace', true)
    this.#key('backspace', false)
  }

  #secret(field: 'secure' | 'unknown'): void {
    this.#focus(field)
    for (const key of ['hunter2', '0000', 'correct horse battery', ''][this.#manner.below(4)] ?? '') this.#hold(key)
    for (let i = this.#manner.below(4); i > 0; i--) {
      this.#hold(this.#manner.pick(['backspace', 'enter', 'tab', 'left'], 'tab'))
    }
    // A keypad on the screen: the focus stays in the field.
    if (field === 'secure') for (let i = this.#manner.below(6); i > 0; i--) this.#keypad()
    this.#focus('none')
  }

  #keypad(): void {
    const digit = this.#manner.below(ELEMENTS.length)
    if (this.#manner.chance(0.5)) this.#rest(digit)
    this.#click(digit, 1)
  }

  #chord(keys: readonly string[]): void {
    for (const key of keys) this.#key(key, true)
    const last = keys.at(-1) ?? ''
    for (let i = this.#manner.below(3); i > 0; i--) this.#key(last, true)
    const order = this.#manner.chance(0.5) ? keys : keys.toReversed()
    for (const key of order) this.#key(key, false)
  }

  #key(key: string, down: boolean): void {
    this.events.push({ kind: 'key', atMs: this.#manner.atMs, key, down })
  }
}

/** The capital, where it is one character: no key types two. */
function oneCapital(character: string): string {
  const capital = character.toUpperCase()
  return [...capital].length === 1 ? capital : character
}

function shielded(events: readonly InputEvent[]): { readonly bytes: string; readonly errors: number } {
  const shield = createShield(SETTINGS)
  const out: Action[] = []
  for (const event of events) shield.push(event, out)
  shield.end(out)
  return { bytes: out.map((action) => JSON.stringify(action)).join('\n'), errors: shield.counts.dropped.internal }
}

describe('the law of the shield', () => {
  it('gives the same bytes for the same deeds, however they were done', () => {
    fc.assert(
      fc.property(script, fc.integer(), fc.integer(), (deeds, one, other) => {
        const [first, second] = [shielded(perform(deeds, one)), shielded(perform(deeds, other))]
        expect(second).toEqual(first)
        expect(first.errors).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives other bytes for other deeds: the law is not kept by saying nothing', () => {
    const save: Deed = { do: 'click', on: 0, count: 1 }
    const outputs = new Set([
      shielded(perform([save], 1)).bytes,
      shielded(perform([{ ...save, count: 2 }], 1)).bytes,
      shielded(perform([{ ...save, on: 1 }], 1)).bytes,
      shielded(perform([{ do: 'type', text: 0, field: 'text' }], 1)).bytes,
      shielded(perform([{ do: 'type', text: 3, field: 'text' }], 1)).bytes,
      shielded(perform([{ do: 'hover', on: 0 }], 1)).bytes,
      shielded(perform([{ do: 'press', key: 'enter' }], 1)).bytes,
    ])
    expect(outputs.size).toBe(7)
    for (const [i] of TEXTS.entries()) {
      expect(shielded(perform([{ do: 'type', text: i, field: 'text' }], 7)).bytes).toContain('"kind":"type"')
    }
  })

  it('says nothing of any text: no row of texts shows which of them it was', () => {
    for (const row of TEXTS) {
      const outputs = row.map(
        (text) =>
          shielded([
            { kind: 'focus', atMs: 0, app: APPS[0], field: 'text' },
            ...[...text].map((key): InputEvent => ({ kind: 'key', atMs: 0, key, down: true })),
          ]).bytes,
      )
      expect(new Set(outputs).size).toBe(1)
    }
  })

  it('shields any prefix to a prefix, and drops what fails with everything pending', () => {
    fc.assert(
      fc.property(script, fc.integer(), fc.nat(), (deeds, seed, cut) => {
        const events = perform(deeds, seed)
        const whole: Action[] = []
        const part: Action[] = []
        const [first, second] = [createShield(SETTINGS), createShield(SETTINGS)]
        for (const event of events) first.push(event, whole)
        for (const event of events.slice(0, cut % (events.length + 1))) second.push(event, part)
        expect(whole.slice(0, part.length)).toEqual(part)
        const certain = part.length
        second.push(null as unknown as InputEvent, part)
        second.push(unreadable(), part)
        expect(part.length).toBe(certain)
        second.end(part)
        expect(part.length).toBe(certain)
      }),
    )
  })
})

function unreadable(): InputEvent {
  return Object.defineProperty({ kind: 'key', atMs: 0, key: 'a', down: true } as InputEvent, 'kind', {
    get: () => {
      throw new Error('unreadable')
    },
  })
}
