/** Each format against the published schema of its owner, and back again. */
import type { Action, Target } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { encodeAction, FIELDS, Shortcuts } from './coded-action.ts'
import { COMPUTER_USE_FORMATS, dragPath } from './computer-use.ts'
import type { Segment } from './episodes.ts'

const button: Target = { role: 'button', box: [100, 200, 96, 32] }
const cell: Target = { cell: [7, 0] }
const [at, to] = [
  { x: 148, y: 216 },
  { x: 1_200, y: 50 },
]

/** What every format can say. */
const SAYABLE: readonly Exclude<Action, { kind: 'switch' }>[] = [
  { kind: 'hover', target: button },
  { kind: 'click', button: 'left', count: 1, target: button },
  { kind: 'click', button: 'left', count: 2, target: cell },
  { kind: 'click', button: 'right', count: 1, target: button },
  { kind: 'click', button: 'middle', count: 1, target: button },
  { kind: 'drag', button: 'left', from: button, to: cell },
  { kind: 'scroll', direction: 'down', amount: 4, target: button },
  { kind: 'scroll', direction: 'left', amount: 2, target: button },
  { kind: 'press', key: 'pagedown' },
  { kind: 'hotkey', keys: ['ctrl', 'shift', 'c'] },
  { kind: 'type', text: 'number', length: 'short' },
]

function written(format: string, actions: readonly Exclude<Action, { kind: 'switch' }>[], end = 0) {
  const shortcuts = new Shortcuts()
  const coded = new Int16Array(actions.length * FIELDS)
  for (const [i, action] of actions.entries()) encodeAction(action, new Map(), shortcuts, coded, i * FIELDS)
  const segment: Segment = { app: 1, task: 0, end, actions: coded }
  const text = COMPUTER_USE_FORMATS.find(({ name }) => name === format)?.write(segment, shortcuts.names) ?? null
  return text === null ? null : (JSON.parse(text) as Record<string, unknown>[])
}

const x = z.int().min(0).max(1_279)
const y = z.int().min(0).max(799)
const point = z.strictObject({ x, y })
const coordinate = z.tuple([x, y])

/** https://docs.claude.com/en/docs/agents-and-tools/tool-use/computer-use-tool, tool version computer_20250124. */
const anthropicSchema = z.union([
  ...(['mouse_move', 'left_click', 'right_click', 'middle_click', 'double_click', 'triple_click'] as const).map(
    (action) => z.strictObject({ action: z.literal(action), coordinate }),
  ),
  z.strictObject({ action: z.literal('left_click_drag'), start_coordinate: coordinate, coordinate }),
  z.strictObject({
    action: z.literal('scroll'),
    coordinate,
    scroll_direction: z.enum(['up', 'down', 'left', 'right']),
    scroll_amount: z.int().min(1),
  }),
  z.strictObject({ action: z.literal('key'), text: z.string().regex(/^(?:[A-Za-z0-9_]+\+)*[A-Za-z0-9_]+$/) }),
  z.strictObject({ action: z.literal('type'), text: z.string() }),
])

/** openai-python, `types/responses/response_computer_tool_call.py`: the members of `Action`. */
const openAiSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('click'), button: z.enum(['left', 'right', 'wheel', 'back', 'forward']), x, y }),
  z.strictObject({ type: z.literal('double_click'), x, y }),
  z.strictObject({ type: z.literal('drag'), path: z.array(point).min(2) }),
  z.strictObject({ type: z.literal('keypress'), keys: z.array(z.string()).min(1) }),
  z.strictObject({ type: z.literal('move'), x, y }),
  z.strictObject({ type: z.literal('scroll'), x, y, scroll_x: z.int(), scroll_y: z.int() }),
  z.strictObject({ type: z.literal('type'), text: z.string() }),
])

/** OSWorld, `desktop_env/actions.py`: ACTION_SPACE of computer_13. */
const act = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ action_type: z.literal(type), parameters: z.strictObject(shape) })
const mouse = z.enum(['left', 'right', 'middle'])
const pyautoguiKey = z.string().regex(/^(?:[a-z0-9 ]|[a-z]{2,11}|f\d{1,2})$/)
const osWorldSchema = z.union([
  act('MOVE_TO', { x, y }),
  act('CLICK', { button: mouse, x, y, num_clicks: z.int().min(1).max(3) }),
  act('MOUSE_DOWN', { button: mouse }),
  act('MOUSE_UP', { button: mouse }),
  act('DRAG_TO', { x, y }),
  act('SCROLL', { dx: z.int(), dy: z.int() }),
  act('TYPING', { text: z.string() }),
  act('PRESS', { key: pyautoguiKey }),
  act('HOTKEY', { keys: z.array(pyautoguiKey) }),
  z.strictObject({ action_type: z.enum(['DONE', 'FAIL']) }),
])

const SCHEMAS = { anthropic: anthropicSchema, openai: openAiSchema, osworld: osWorldSchema } as const

interface Read {
  readonly action?: string
  readonly type?: string
  readonly action_type?: string
  readonly coordinate?: readonly number[]
  readonly start_coordinate?: readonly number[]
  readonly text?: string
  readonly button?: string
  readonly path?: readonly unknown[]
  readonly keys?: readonly string[]
  readonly key?: string
  readonly x?: number
  readonly y?: number
  readonly scroll_direction?: string
  readonly scroll_amount?: number
  readonly scroll_x?: number
  readonly scroll_y?: number
  readonly dx?: number
  readonly dy?: number
  readonly num_clicks?: number
}

/** What of an action any of the formats can carry, read back from the format. */
function back(format: string, actions: readonly Record<string, unknown>[]): unknown[] {
  const found: unknown[] = []
  let pointer: unknown = null
  for (const action of actions) {
    const a: Read = { ...action, ...Object(action.parameters) }
    if (format === 'anthropic') {
      const place = (c: readonly number[] | undefined) => ({ x: c?.[0], y: c?.[1] })
      const clicks = ['left_click', 'double_click', 'triple_click'].indexOf(a.action ?? '') + 1
      if (a.action === 'mouse_move') found.push(['hover', place(a.coordinate)])
      else if (clicks > 0) found.push(['click', 'left', clicks, place(a.coordinate)])
      else if (a.action === 'right_click') found.push(['click', 'right', 1, place(a.coordinate)])
      else if (a.action === 'middle_click') found.push(['click', 'middle', 1, place(a.coordinate)])
      else if (a.action === 'left_click_drag')
        found.push(['drag', 'left', place(a.start_coordinate), place(a.coordinate)])
      else if (a.action === 'scroll') found.push(['scroll', a.scroll_direction, a.scroll_amount, place(a.coordinate)])
      else if (a.action === 'key') found.push(['keys', (a.text ?? '').toLowerCase().replace('_', '').split('+')])
      else found.push(['type', a.text])
    } else if (format === 'openai') {
      const place = { x: a.x, y: a.y }
      const { path, scroll_x: across = 0, scroll_y: down = 0 } = a
      if (a.type === 'move') found.push(['hover', place])
      else if (a.type === 'click') found.push(['click', a.button === 'wheel' ? 'middle' : a.button, 1, place])
      else if (a.type === 'double_click') found.push(['click', 'left', 2, place])
      else if (a.type === 'drag') found.push(['drag', 'left', path?.[0], path?.at(-1)])
      else if (a.type === 'scroll')
        found.push([
          'scroll',
          down === 0 ? (across < 0 ? 'left' : 'right') : down < 0 ? 'up' : 'down',
          Math.abs(across + down) / 100,
          place,
        ])
      else if (a.type === 'keypress') found.push(['keys', (a.keys ?? []).map((key) => key.toLowerCase())])
      else found.push(['type', a.text])
    } else {
      const place = { x: a.x, y: a.y }
      const { dx = 0, dy = 0 } = a
      if (a.action_type === 'MOVE_TO') {
        pointer = place
        found.push(['hover', place])
      } else if (a.action_type === 'CLICK') found.push(['click', a.button, a.num_clicks, place])
      else if (a.action_type === 'DRAG_TO') found.splice(-1, 1, ['drag', 'left', pointer, place])
      else if (a.action_type === 'SCROLL')
        found.splice(-1, 1, [
          'scroll',
          dy === 0 ? (dx < 0 ? 'left' : 'right') : dy < 0 ? 'down' : 'up',
          Math.abs(dx + dy),
          pointer,
        ])
      else if (a.action_type === 'PRESS') found.push(['keys', [a.key]])
      else if (a.action_type === 'HOTKEY') found.push(['keys', a.keys])
      else found.push(['type', a.text])
    }
  }
  return found
}

describe.each(['anthropic', 'openai', 'osworld'] as const)('%s', (format) => {
  it('leaves out a segment with a shortcut that has no key name, as a whole', () => {
    expect(written(format, [...SAYABLE, { kind: 'hotkey', keys: ['ctrl', 'symbol'] }])).toBeNull()
  })

  it('uses only what its owner published', () => {
    const actions = written(format, SAYABLE) ?? []
    expect(actions.length).toBeGreaterThanOrEqual(SAYABLE.length)
    for (const action of actions) expect(SCHEMAS[format].safeParse(action).error).toBeUndefined()
  })

  it('reads back as what was done', () => {
    expect(back(format, written(format, SAYABLE) ?? [])).toEqual([
      ['hover', at],
      ['click', 'left', 1, at],
      ['click', 'left', 2, to],
      ['click', 'right', 1, at],
      ['click', 'middle', 1, at],
      ['drag', 'left', at, to],
      ['scroll', 'down', 4, at],
      ['scroll', 'left', 2, at],
      ['keys', ['pagedown']],
      ['keys', ['ctrl', 'shift', 'c']],
      ['type', '<number:short>'],
    ])
  })
})

describe('what only some formats can say', () => {
  it.each([
    ['a triple click', { kind: 'click', button: 'left', count: 3, target: cell }, ['anthropic', 'osworld']],
    ['a double click with the right button', { kind: 'click', button: 'right', count: 2, target: cell }, ['osworld']],
    ['a drag with the right button', { kind: 'drag', button: 'right', from: button, to: cell }, ['osworld']],
  ] as const)('leaves %s out of the others', (_what, action, formats) => {
    const saying = COMPUTER_USE_FORMATS.filter(({ name }) => written(name, [action]) !== null)
    expect(saying.map(({ name }) => name)).toEqual(formats)
  })

  it('says in OSWorld alone how a task ended', () => {
    expect(written('osworld', SAYABLE, 1)?.at(-1)).toEqual({ action_type: 'DONE' })
    expect(written('osworld', SAYABLE, 2)?.at(-1)).toEqual({ action_type: 'FAIL' })
    expect(written('openai', SAYABLE, 1)).toEqual(written('openai', SAYABLE, 0))
  })
})

describe('dragPath', () => {
  it('is a function of its ends alone, and goes from one to the other without turning back', () => {
    const path = dragPath(at, to)
    expect(dragPath(at, to)).toEqual(path)
    expect([path[0], path.at(-1)]).toEqual([at, to])
    expect(path.map((p) => p.x)).toEqual(path.map((p) => p.x).toSorted((a, b) => a - b))
    expect(path.length).toBeGreaterThan(dragPath(at, { x: at.x + 10, y: at.y }).length)
  })
})
