/**
 * An action as 23 numbers of 16 bits, so that a release of millions is sorted, counted and written without objects.
 *
 * ```
 * kind button count | role label x y width height cell | direction amount key keys text length | the second target of a drag, as the first
 * ```
 * A field that the action doesn't have is ABSENT (−1). `label` is a number within the segment's app; `keys` is a number in
 * the list of shortcuts met so far; `cell` is row × 8 + column.
 */
import {
  type Action,
  actionSchema,
  FairtraceError,
  GRID,
  LENGTH_CLASSES,
  NAMED_KEYS,
  ROLES,
  type Target,
  TEXT_KINDS,
} from '@fairtrace/core'
import { ABSENT } from './vocabulary.ts'

/** A `switch` is no step of a release: it ends a segment, and the next one's app says where it led. */
export const KINDS = ['hover', 'click', 'drag', 'scroll', 'press', 'hotkey', 'type'] as const
export const BUTTONS = ['left', 'middle', 'right'] as const
export const DIRECTIONS = ['up', 'down', 'left', 'right'] as const

/** Position of each field. */
export const FIELD = {
  kind: 0,
  button: 1,
  count: 2,
  target: 3,
  direction: 10,
  amount: 11,
  key: 12,
  keys: 13,
  text: 14,
  length: 15,
  toTarget: 16,
} as const
/** Position of each field within a target. */
export const TARGET_FIELD = { role: 0, label: 1, x: 2, y: 3, width: 4, height: 5, cell: 6 } as const
export const FIELDS = 23

const positions = (names: readonly string[]): ReadonlyMap<string, number> => new Map(names.map((name, i) => [name, i]))
const roleIds = positions(ROLES)
const keyIds = positions(NAMED_KEYS)
const textIds = positions(TEXT_KINDS)
const lengthIds = positions(LENGTH_CLASSES)
const buttonIds = positions(BUTTONS)
const directionIds = positions(DIRECTIONS)
const SHORTCUTS_MAX = 32_767

/** Numbers for shortcuts, in order of appearance; `names[i]` is shortcut `i`. */
export class Shortcuts {
  readonly names: string[][] = []
  readonly #ids = new Map<string, number>()

  idOf(keys: readonly string[]): number {
    const name = keys.join(' ')
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    // Nobody has so many: what says otherwise is no recording of ours.
    if (this.names.length === SHORTCUTS_MAX) throw notAnAction('shortcut')
    // Names go into files as they are, so each new one is parsed; the others were.
    if (!actionSchema.safeParse({ kind: 'hotkey', keys }).success) throw notAnAction('shortcut')
    this.#ids.set(name, this.names.length)
    this.names.push([...keys])
    return this.names.length - 1
  }
}

/**
 * Writes one action's fields at `at`. Only called for the kinds above.
 * @param labelIds the labels of the segment's app; any other label is left out
 * @throws `SEGMENT_CORRUPT` for a value outside the action model
 */
export function encodeAction(
  action: Exclude<Action, { kind: 'switch' }>,
  labelIds: ReadonlyMap<string, number>,
  shortcuts: Shortcuts,
  into: Int16Array,
  at: number,
): void {
  into.fill(ABSENT, at, at + FIELDS)
  switch (action.kind) {
    case 'hover':
      into[at] = 0
      encodeTarget(action.target, labelIds, into, at + FIELD.target)
      return
    case 'click':
      into[at] = 1
      into[at + FIELD.button] = idOf(buttonIds, action.button, 'button')
      into[at + FIELD.count] = whole(action.count, 3)
      encodeTarget(action.target, labelIds, into, at + FIELD.target)
      return
    case 'drag':
      into[at] = 2
      into[at + FIELD.button] = idOf(buttonIds, action.button, 'button')
      encodeTarget(action.from, labelIds, into, at + FIELD.target)
      encodeTarget(action.to, labelIds, into, at + FIELD.toTarget)
      return
    case 'scroll':
      into[at] = 3
      into[at + FIELD.direction] = idOf(directionIds, action.direction, 'direction')
      into[at + FIELD.amount] = whole(action.amount, 64)
      encodeTarget(action.target, labelIds, into, at + FIELD.target)
      return
    case 'press':
      into[at] = 4
      into[at + FIELD.key] = idOf(keyIds, action.key, 'key')
      return
    case 'hotkey':
      into[at] = 5
      into[at + FIELD.keys] = shortcuts.idOf(action.keys)
      return
    case 'type':
      into[at] = 6
      into[at + FIELD.text] = idOf(textIds, action.text, 'text kind')
      into[at + FIELD.length] = idOf(lengthIds, action.length, 'length class')
      return
    default:
      throw notAnAction('kind')
  }
}

function encodeTarget(target: Target, labelIds: ReadonlyMap<string, number>, into: Int16Array, at: number): void {
  if ('cell' in target) {
    const [column, row] = target.cell
    into[at + TARGET_FIELD.cell] = whole(row, GRID.rows - 1) * GRID.columns + whole(column, GRID.columns - 1)
    return
  }
  into[at] = idOf(roleIds, target.role, 'role')
  if (target.label !== undefined) into[at + TARGET_FIELD.label] = labelIds.get(target.label) ?? ABSENT
  for (let i = 0; i < 4; i++) into[at + TARGET_FIELD.x + i] = whole(target.box[i] ?? Number.NaN, 1280)
}

function idOf(ids: ReadonlyMap<string, number>, name: string, what: string): number {
  const id = ids.get(name)
  if (id === undefined) throw notAnAction(what)
  return id
}

function whole(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw notAnAction('number')
  return value
}

function notAnAction(what: string): FairtraceError {
  return new FairtraceError('SEGMENT_CORRUPT', `a stored action has a ${what} that the action model does not know`)
}
