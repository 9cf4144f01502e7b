/**
 * A segment in the words of other people's computer-use agents: Anthropic's and OpenAI's tool calls, OSWorld's `computer_13`.
 *
 * ```json
 * {"action":"left_click","coordinate":[148,216]}                                     Anthropic, computer_20250124
 * {"type":"click","button":"left","x":148,"y":216}                                   OpenAI, computer_call.action
 * {"action_type":"CLICK","parameters":{"button":"left","x":148,"y":216,"num_clicks":1}}   OSWorld, computer_13
 * ```
 * Coordinates are pixels of the schematic of 1280 × 800: the target's centre. What was typed is the placeholder `<kind:length>`.
 * What a format can't say (a triple click for OpenAI, a drag with another button) leaves the whole segment out of that format: a
 * trajectory with a step missing would teach something wrong. OpenAI asks for the path of a drag: it is made up from how hands
 * move in general (`dragPath`), and a function of its two ends alone.
 */
import { LENGTH_CLASSES, MODIFIERS, NAMED_KEYS, TEXT_KINDS } from '@fairtrace/core'
import { BUTTONS, DIRECTIONS, FIELD, FIELDS, KINDS } from './coded-action.ts'
import { centreOf, type Point, targetArea } from './coordinates.ts'
import type { Segment } from './episodes.ts'

/** A step's JSON; several where the format takes several. Null: the format can't say this. */
type Writer = (step: Step) => readonly string[] | null

interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly button: (typeof BUTTONS)[number]
  readonly count: number
  readonly at: Point
  readonly to: Point
  readonly direction: (typeof DIRECTIONS)[number]
  readonly amount: number
  /** Of a press or a shortcut, as the action model names them. */
  readonly keys: readonly string[]
  readonly text: string
}

export interface ComputerUseFormat {
  readonly name: 'anthropic' | 'openai' | 'osworld'
  /** @returns the actions as a JSON array, or null if the format can't say one of them */
  write(segment: Segment, shortcuts: readonly (readonly string[])[]): string | null
}

/** OSWorld says in an action of its own how it ended; the others have no word for it. By SEGMENT_ENDS. */
const OSWORLD_ENDS = [null, '{"action_type":"DONE"}', '{"action_type":"FAIL"}'] as const

export const COMPUTER_USE_FORMATS: readonly ComputerUseFormat[] = [
  { name: 'anthropic', write: (segment, shortcuts) => joined(segment, shortcuts, anthropicStep, null) },
  { name: 'openai', write: (segment, shortcuts) => joined(segment, shortcuts, openAiStep, null) },
  {
    name: 'osworld',
    write: (segment, shortcuts) => joined(segment, shortcuts, osWorldStep, OSWORLD_ENDS[segment.end] ?? null),
  },
]

function joined(
  segment: Segment,
  shortcuts: readonly (readonly string[])[],
  writer: Writer,
  end: string | null,
): string | null {
  const steps: string[] = []
  for (let at = 0; at < segment.actions.length; at += FIELDS) {
    const written = writer(stepOf(segment.actions, at, shortcuts))
    if (written === null) return null
    steps.push(...written)
  }
  if (end !== null) steps.push(end)
  return `[${steps.join(',')}]`
}

const NOWHERE: Point = { x: 0, y: 0 }

function stepOf(actions: Int16Array, at: number, shortcuts: readonly (readonly string[])[]): Step {
  const field = (offset: number) => actions[at + offset] ?? 0
  const kind = KINDS[field(FIELD.kind)] ?? 'hover'
  const area = targetArea(actions, at + FIELD.target)
  const toArea = targetArea(actions, at + FIELD.toTarget)
  return {
    kind,
    button: BUTTONS[field(FIELD.button)] ?? 'left',
    count: field(FIELD.count),
    at: area === null ? NOWHERE : centreOf(area),
    to: toArea === null ? NOWHERE : centreOf(toArea),
    direction: DIRECTIONS[field(FIELD.direction)] ?? 'down',
    amount: field(FIELD.amount),
    keys:
      kind === 'press'
        ? [NAMED_KEYS[field(FIELD.key)] ?? 'enter']
        : kind === 'hotkey'
          ? (shortcuts[field(FIELD.keys)] ?? [])
          : [],
    text: `<${TEXT_KINDS[field(FIELD.text)]}:${LENGTH_CLASSES[field(FIELD.length)]}>`,
  }
}

const coordinate = ({ x, y }: Point): string => `[${x},${y}]`

function anthropicStep(step: Step): readonly string[] | null {
  const call = (action: string, rest = `,"coordinate":${coordinate(step.at)}`) => [`{"action":"${action}"${rest}}`]
  switch (step.kind) {
    case 'hover':
      return call('mouse_move')
    case 'click': {
      if (step.button === 'left') return call(['left_click', 'double_click', 'triple_click'][step.count - 1] ?? '')
      return step.count === 1 ? call(`${step.button}_click`) : null
    }
    case 'drag':
      if (step.button !== 'left') return null
      return call('left_click_drag', `,"start_coordinate":${coordinate(step.at)},"coordinate":${coordinate(step.to)}`)
    case 'scroll': {
      const scroll = `,"scroll_direction":"${step.direction}","scroll_amount":${step.amount}`
      return call('scroll', `,"coordinate":${coordinate(step.at)}${scroll}`)
    }
    case 'type':
      return call('type', `,"text":"${step.text}"`)
    default: {
      const keys = step.keys.map(xdotoolName)
      return keys.includes(null) ? null : call('key', `,"text":"${keys.join('+')}"`)
    }
  }
}

/** What one notch of a wheel scrolls, in pixels, as browsers have it. */
const NOTCH_PIXELS = 100

function openAiStep(step: Step): readonly string[] | null {
  const { x, y } = step.at
  const call = (type: string, rest: string) => [`{"type":"${type}"${rest}}`]
  const place = `,"x":${x},"y":${y}`
  switch (step.kind) {
    case 'hover':
      return call('move', place)
    case 'click': {
      if (step.count === 2 && step.button === 'left') return call('double_click', place)
      if (step.count !== 1) return null
      return call('click', `,"button":"${step.button === 'middle' ? 'wheel' : step.button}"${place}`)
    }
    case 'drag': {
      if (step.button !== 'left') return null
      const path = dragPath(step.at, step.to).map((point) => `{"x":${point.x},"y":${point.y}}`)
      return call('drag', `,"path":[${path.join(',')}]`)
    }
    case 'scroll': {
      const pixels = step.amount * NOTCH_PIXELS * (step.direction === 'up' || step.direction === 'left' ? -1 : 1)
      const isVertical = step.direction === 'up' || step.direction === 'down'
      return call('scroll', `${place},"scroll_x":${isVertical ? 0 : pixels},"scroll_y":${isVertical ? pixels : 0}`)
    }
    case 'type':
      return call('type', `,"text":"${step.text}"`)
    default: {
      if (step.keys.includes('symbol')) return null
      return call('keypress', `,"keys":[${step.keys.map((key) => `"${key.toUpperCase()}"`).join(',')}]`)
    }
  }
}

function osWorldStep(step: Step): readonly string[] | null {
  const act = (type: string, parameters: string) => `{"action_type":"${type}","parameters":{${parameters}}}`
  const place = ({ x, y }: Point) => `"x":${x},"y":${y}`
  const moved = act('MOVE_TO', place(step.at))
  switch (step.kind) {
    case 'hover':
      return [moved]
    case 'click':
      return [act('CLICK', `"button":"${step.button}",${place(step.at)},"num_clicks":${step.count}`)]
    case 'drag': {
      if (step.button === 'left') return [moved, act('DRAG_TO', place(step.to))]
      const button = `"button":"${step.button}"`
      return [moved, act('MOUSE_DOWN', button), act('MOVE_TO', place(step.to)), act('MOUSE_UP', button)]
    }
    case 'scroll': {
      // As pyautogui: positive is up, and to the right.
      const sign = step.direction === 'down' || step.direction === 'left' ? -1 : 1
      const isVertical = step.direction === 'up' || step.direction === 'down'
      const amount = sign * step.amount
      return [moved, act('SCROLL', `"dx":${isVertical ? 0 : amount},"dy":${isVertical ? amount : 0}`)]
    }
    case 'type':
      return [act('TYPING', `"text":"${step.text}"`)]
    default: {
      if (step.keys.includes('symbol')) return null
      const keys = step.keys.map((key) => `"${osWorldName(key)}"`)
      return [step.kind === 'press' ? act('PRESS', `"key":${keys[0]}`) : act('HOTKEY', `"keys":[${keys.join(',')}]`)]
    }
  }
}

/** X's names of keys, which xdotool takes, where a capital letter is not all of the difference. */
const XDOTOOL_NAMES: Readonly<Record<string, string>> = {
  enter: 'Return',
  backspace: 'BackSpace',
  pageup: 'Page_Up',
  pagedown: 'Page_Down',
  meta: 'super',
  printscreen: 'Print',
}
const AS_THEY_ARE = new Set<string>([...MODIFIERS, 'space'])

function xdotoolName(key: string): string | null {
  if (key === 'symbol') return null
  const named = XDOTOOL_NAMES[key]
  if (named !== undefined) return named
  return key.length === 1 || AS_THEY_ARE.has(key) ? key : key.charAt(0).toUpperCase() + key.slice(1)
}

const OSWORLD_NAMES: Readonly<Record<string, string>> = { meta: 'win', menu: 'apps', space: ' ', escape: 'esc' }

function osWorldName(key: string): string {
  return OSWORLD_NAMES[key] ?? key
}

/**
 * A path between two points as hands move in general: straight, by the minimum-jerk profile (Flash & Hogan 1985), in more steps
 * the farther it is (Fitts). A function of its ends alone, the same for everybody.
 */
export function dragPath(from: Point, to: Point): Point[] {
  const distance = Math.hypot(to.x - from.x, to.y - from.y)
  const steps = Math.max(2, Math.round(2 * Math.log2(1 + distance / 8)))
  return Array.from({ length: steps + 1 }, (_, i) => {
    const t = i / steps
    const share = t ** 3 * (10 + t * (6 * t - 15))
    return { x: Math.round(from.x + share * (to.x - from.x)), y: Math.round(from.y + share * (to.y - from.y)) }
  })
}
