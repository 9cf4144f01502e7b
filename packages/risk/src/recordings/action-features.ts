/**
 * All that an attacker can count in shielded actions: kinds and their order, buttons, cells, roles, labels, keys, kinds and lengths of
 * texts, scroll amounts, apps, and how many there are.
 */
import {
  type Action,
  GRID,
  LENGTH_CLASSES,
  NAMED_KEYS,
  ROLES,
  SCHEMATIC,
  SCROLL_AMOUNTS,
  type Target,
  TEXT_KINDS,
} from '@fairtrace/core'
import { hashText } from '../random.ts'
import { summarise } from './summary.ts'

const KINDS: readonly string[] = ['hover', 'click', 'drag', 'scroll', 'press', 'hotkey', 'type', 'switch']
/** Labels, shortcuts and apps are open lists: they share so many columns by their hash. */
const BUCKETS = 32
const CELLS = GRID.columns * GRID.rows

/** A histogram each, one after the other. */
const SECTIONS = [
  ['kind', KINDS.length],
  ['step', KINDS.length * KINDS.length],
  ['button', 9],
  ['cell', CELLS],
  ['column', GRID.columns],
  ['row', GRID.rows],
  ['role', ROLES.length],
  ['label', BUCKETS],
  ['key', NAMED_KEYS.length],
  ['hotkey', BUCKETS],
  ['text', TEXT_KINDS.length * LENGTH_CLASSES.length],
  ['scroll', 4 * SCROLL_AMOUNTS.length],
  ['app', BUCKETS],
] as const
type Section = (typeof SECTIONS)[number][0]
const OFFSETS = new Map<Section, number>()
let width = 0
for (const [name, size] of SECTIONS) {
  OFFSETS.set(name, width)
  width += size
}
const WIDTH = width

export function actionFeatures(actions: readonly Action[]): Float64Array {
  const counts = new Float64Array(WIDTH)
  const add = (section: Section, at: number) => {
    const place = (OFFSETS.get(section) ?? 0) + at
    counts[place] = (counts[place] ?? 0) + 1
  }
  const [columns, rows, jumps]: [number[], number[], number[]] = [[], [], []]
  let last: readonly [number, number] | null = null
  let before = -1
  const place = (target: Target) => {
    const at = cellOf(target)
    add('cell', at[1] * GRID.columns + at[0])
    add('column', at[0])
    add('row', at[1])
    columns.push(at[0])
    rows.push(at[1])
    if (last !== null) jumps.push(Math.hypot(at[0] - last[0], at[1] - last[1]))
    last = at
    if (!('role' in target)) return
    add('role', ROLES.indexOf(target.role))
    if (target.label !== undefined) add('label', hashText(target.label) % BUCKETS)
  }
  for (const action of actions) {
    const kind = KINDS.indexOf(action.kind)
    add('kind', kind)
    if (before !== -1) add('step', before * KINDS.length + kind)
    before = kind
    switch (action.kind) {
      case 'click':
        add('button', BUTTONS.indexOf(action.button) * 3 + action.count - 1)
        place(action.target)
        break
      case 'drag':
        place(action.from)
        place(action.to)
        break
      case 'hover':
        place(action.target)
        break
      case 'scroll':
        add(
          'scroll',
          DIRECTIONS.indexOf(action.direction) * SCROLL_AMOUNTS.length + SCROLL_AMOUNTS.indexOf(action.amount),
        )
        place(action.target)
        break
      case 'press':
        add('key', NAMED_KEYS.indexOf(action.key))
        break
      case 'hotkey':
        add('hotkey', hashText(action.keys.join(' ')) % BUCKETS)
        break
      case 'type':
        add('text', TEXT_KINDS.indexOf(action.text) * LENGTH_CLASSES.length + LENGTH_CLASSES.indexOf(action.length))
        break
      case 'switch':
        add('app', hashText(action.app) % BUCKETS)
        break
    }
  }
  const summaries = [Math.log1p(actions.length)]
  for (const list of [columns, rows, jumps]) summarise(list, summaries)
  return Float64Array.from([...counts, ...summaries])
}

const BUTTONS = ['left', 'middle', 'right']
const DIRECTIONS = ['up', 'down', 'left', 'right']

/** One number for all that an action says, for attackers that look at order. */
export function actionToken(action: Action): number {
  return hashText(JSON.stringify(action)) & 0x7fffffff
}

/** One number for its kind alone. */
export function kindToken(action: Action): number {
  return KINDS.indexOf(action.kind)
}

function cellOf(target: Target): readonly [number, number] {
  if ('cell' in target) return target.cell
  const [x, y, w, h] = target.box
  return [
    Math.min(GRID.columns - 1, Math.floor(((x + w / 2) / SCHEMATIC.width) * GRID.columns)),
    Math.min(GRID.rows - 1, Math.floor(((y + h / 2) / SCHEMATIC.height) * GRID.rows)),
  ]
}
