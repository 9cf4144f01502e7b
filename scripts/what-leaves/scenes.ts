/** The scenes of `docs/what-leaves.md`: what somebody does in a made-up app, as a source reports it. Nobody's data. */
import {
  type Action,
  type Box,
  createShield,
  defaultShieldSettings,
  type FieldKind,
  type InputEvent,
  type Place,
  SCHEMATIC,
  type ShieldSettings,
} from '@fairtrace/core'

const APP = 'web:https://orders.example'
/** The catalogue of the app: the only words of its screens that may leave. */
const LABELS = ['Customer', 'E-mail', 'Save', 'Cancel', 'Sign in', 'Name', 'Reply', 'Archive', 'Delete', 'Message']

/** What a person sees of an element: its label, and the content in it. */
export interface Element {
  readonly role: string
  readonly label?: string
  readonly content?: string
  readonly box: Box
}
export type Point = readonly [x: number, y: number]

export interface Scene {
  readonly id: 'form' | 'password' | 'drag' | 'shortcut' | 'movement'
  readonly title: string
  readonly elements: readonly Element[]
  /** Way of the pointer, for the picture of what is seen. */
  readonly path: readonly Point[]
  readonly events: readonly InputEvent[]
  /** What was typed, key by key, as the left side shows it. */
  readonly keys: string
}

const box = (x: number, y: number, width: number, height: number): Box => ({ x, y, width, height })
const customer: Element = { role: 'textbox', label: 'Customer', content: 'Anna Berg', box: box(120, 150, 720, 90) }
const email: Element = {
  role: 'textbox',
  label: 'E-mail',
  content: 'anna.berg@example.org',
  box: box(120, 320, 720, 90),
}
const save: Element = { role: 'button', label: 'Save', box: box(120, 520, 220, 90) }
const cancel: Element = { role: 'button', label: 'Cancel', box: box(380, 520, 220, 90) }
const name: Element = { role: 'textbox', label: 'Name', content: 'a.berg', box: box(320, 160, 640, 90) }
const password: Element = { role: 'textbox', label: 'Password', content: '•••••••••', box: box(320, 330, 640, 90) }
const signIn: Element = { role: 'button', label: 'Sign in', box: box(320, 520, 260, 90) }
const rowAt = (i: number, content: string, x = 90): Element => ({
  role: 'row',
  content,
  box: box(x, 160 + 130 * i, 480, 100),
})
const call = rowAt(0, 'Call Mr Novak back')
const quote = rowAt(1, 'Quote, Lund family')
const done = rowAt(0, 'Contract, Ms Okafor', 710)
const reply: Element = { role: 'button', label: 'Reply', box: box(90, 90, 220, 90) }
const archive: Element = { role: 'button', label: 'Archive', box: box(350, 90, 220, 90) }
const trash: Element = { role: 'button', label: 'Delete', box: box(610, 90, 220, 90) }
const letter: Element = {
  role: 'document',
  content: 'Dear Ms Berg, about your illness …',
  box: box(90, 240, 1100, 460),
}
const note: Element = {
  role: 'textbox',
  label: 'Message',
  content: 'See the attached offer',
  box: box(120, 150, 900, 360),
}

/** Collects events; times are uneven, as people are. */
class Script {
  readonly events: InputEvent[] = []
  #nowMs = 0

  get #atMs(): number {
    this.#nowMs += 35 + ((this.events.length * 7_919) % 260)
    return this.#nowMs
  }

  focus(field: FieldKind): this {
    return this.#add({ kind: 'focus', atMs: this.#atMs, app: APP, field })
  }

  moves(count: number): this {
    for (let i = 0; i < count; i++) this.#add({ kind: 'move', atMs: this.#atMs })
    return this
  }

  rest(on: Element, at: Point): this {
    return this.#add({ kind: 'rest', atMs: this.#atMs, place: place(on, at) })
  }

  button(down: boolean, on: Element, at: Point): this {
    return this.#add({ kind: 'button', atMs: this.#atMs, button: 'left', down, clicks: 1, place: place(on, at) })
  }

  click(on: Element, at: Point, field: FieldKind): this {
    return this.button(true, on, at).focus(field).button(false, on, at)
  }

  keys(...names: readonly string[]): this {
    for (const key of names) this.#key(key, true).#key(key, false)
    return this
  }

  chord(...names: readonly string[]): this {
    for (const key of names) this.#key(key, true)
    for (const key of names.toReversed()) this.#key(key, false)
    return this
  }

  #key(key: string, down: boolean): this {
    return this.#add({ kind: 'key', atMs: this.#atMs, key, down })
  }

  #add(event: InputEvent): this {
    this.events.push(event)
    return this
  }
}

function place({ role, label, box: of }: Element, [x, y]: Point): Place {
  return { x, y, ...SCHEMATIC, target: label === undefined ? { role, box: of } : { role, label, box: of } }
}

export const SCENES: readonly Scene[] = [
  {
    id: 'form',
    title: 'Filling in a form',
    elements: [customer, email, save, cancel],
    path: [
      [1150, 720],
      [1010, 520],
      [930, 330],
      [610, 240],
      [498, 203],
      [560, 300],
      [820, 470],
      [610, 600],
      [400, 610],
      [243, 571],
    ],
    events: new Script()
      .focus('none')
      .moves(64)
      .click(customer, [498, 203], 'text')
      .keys(...'Anna Bwrg', ...Array.from({ length: 3 }, () => 'backspace'), ...'erg', 'tab')
      .focus('text')
      .keys(...'anna.berg@example.org')
      .moves(41)
      .click(save, [243, 571], 'none').events,
    keys: 'Anna Bwrg ⌫⌫⌫ erg ⇥ anna.berg@example.org',
  },
  {
    id: 'password',
    title: 'Signing in with a password',
    elements: [name, password, signIn],
    path: [
      [1100, 150],
      [900, 260],
      [700, 330],
      [585, 377],
      [640, 470],
      [520, 560],
      [430, 574],
    ],
    events: new Script()
      .focus('none')
      .moves(38)
      .click(password, [585, 377], 'secure')
      .keys(...'hunter2', 'backspace', 'backspace', ...'2!x')
      .moves(22)
      .click(signIn, [430, 574], 'none').events,
    keys: 'hunter2 ⌫⌫ 2!x',
  },
  {
    id: 'drag',
    title: 'Dragging something',
    elements: [call, quote, done],
    path: [
      [260, 700],
      [300, 420],
      [231, 214],
      [420, 120],
      [640, 150],
      [830, 190],
      [902, 221],
    ],
    events: new Script()
      .focus('none')
      .moves(30)
      .button(true, call, [231, 214])
      .moves(57)
      .button(false, done, [902, 221]).events,
    keys: '',
  },
  {
    id: 'shortcut',
    title: 'Using shortcuts',
    elements: [note],
    path: [],
    events: new Script()
      .focus('text')
      .chord('ctrl', 'a')
      .chord('ctrl', 'c')
      .keys('end', 'enter')
      .chord('ctrl', 'v')
      .chord('ctrl', 'shift', 's').events,
    keys: 'Ctrl A   Ctrl C   End   ⏎   Ctrl V   Ctrl Shift S',
  },
  {
    id: 'movement',
    title: 'Moving the mouse and reading',
    elements: [reply, archive, trash, letter],
    path: [
      [1180, 640],
      [980, 420],
      [760, 330],
      [420, 380],
      [210, 460],
      [260, 330],
      [340, 240],
      [442, 131],
      [560, 160],
      [690, 150],
      [733, 141],
    ],
    events: new Script()
      .focus('none')
      .moves(88)
      .rest(letter, [210, 460])
      .moves(35)
      .rest(archive, [442, 131])
      .moves(23)
      .rest(trash, [733, 141]).events,
    keys: '',
  },
]

/** The levels that a charter has by default, with the app's catalogue. */
const SETTINGS: ShieldSettings = { ...defaultShieldSettings([APP]), labels: new Map([[APP, new Set(LABELS)]]) }

/** What the shield makes of a scene, without the first `switch`, which is the same in all of them. */
export function leaves(events: readonly InputEvent[]): Action[] {
  const shield = createShield(SETTINGS)
  const out: Action[] = []
  for (const event of events) shield.push(event, out)
  shield.end(out)
  return out.slice(1)
}
