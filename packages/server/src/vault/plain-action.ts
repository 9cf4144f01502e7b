/**
 * A fast "yes" for actions: whether a value out of `JSON.parse` is, beyond doubt, what `actionSchema` accepts.
 *
 * The schema stays the judge: what isn't a plain yes here goes to it, and a test holds that nothing passes here that it
 * refuses. It exists because the schema takes as long for a hundred actions as a signature does.
 */
import {
  type Action,
  appIdPattern,
  GRID,
  LENGTH_CLASSES,
  MODIFIERS,
  NAMED_KEYS,
  ROLES,
  SCHEMATIC,
  SCROLL_AMOUNTS,
  TEXT_KINDS,
} from '@fairtrace/core'

type Fields = Readonly<Record<string, unknown>>

const roles = new Set<unknown>(ROLES)
const namedKeys = new Set<unknown>(NAMED_KEYS)
const chordKeys = new Set<unknown>([...NAMED_KEYS, ...MODIFIERS])
const textKinds = new Set<unknown>(TEXT_KINDS)
const lengthClasses = new Set<unknown>(LENGTH_CLASSES)
const amounts = new Set<unknown>(SCROLL_AMOUNTS)
const directions = new Set<unknown>(['up', 'down', 'left', 'right'])
const buttons = new Set<unknown>(['left', 'middle', 'right'])
const CHARACTER_KEY = /^[a-z0-9]$/

export function isPlainAction(value: unknown): value is Action {
  if (!isFields(value)) return false
  switch (value.kind) {
    case 'hover':
      return has(value, 2) && isTarget(value.target)
    case 'click':
      return has(value, 4) && buttons.has(value.button) && isWithin(value.count, 1, 3) && isTarget(value.target)
    case 'drag':
      return has(value, 4) && buttons.has(value.button) && isTarget(value.from) && isTarget(value.to)
    case 'scroll':
      return has(value, 4) && directions.has(value.direction) && amounts.has(value.amount) && isTarget(value.target)
    case 'press':
      return has(value, 2) && namedKeys.has(value.key)
    case 'hotkey':
      return has(value, 2) && isChord(value.keys)
    case 'type':
      return has(value, 3) && textKinds.has(value.text) && lengthClasses.has(value.length)
    case 'switch':
      return has(value, 2) && typeof value.app === 'string' && appIdPattern.test(value.app)
    default:
      return false
  }
}

function isTarget(value: unknown): boolean {
  if (!isFields(value)) return false
  if (value.cell !== undefined) {
    const { cell } = value
    const isPair = Array.isArray(cell) && cell.length === 2
    return has(value, 1) && isPair && isWithin(cell[0], 0, GRID.columns - 1) && isWithin(cell[1], 0, GRID.rows - 1)
  }
  const { label } = value
  const isLabel = typeof label === 'string' && label.length >= 1 && label.length <= 64
  return roles.has(value.role) && isBox(value.box) && (label === undefined ? has(value, 2) : has(value, 3) && isLabel)
}

function isBox(value: unknown): boolean {
  const { width, height } = SCHEMATIC
  if (!Array.isArray(value) || value.length !== 4) return false
  const [x, y, w, h]: unknown[] = value
  return isWithin(x, 0, width) && isWithin(y, 0, height) && isWithin(w, 0, width) && isWithin(h, 0, height)
}

function isChord(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2 || value.length > 5) return false
  return value.every((key: unknown) => chordKeys.has(key) || (typeof key === 'string' && CHARACTER_KEY.test(key)))
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max
}

/** With the fields asked for one by one, the number of fields says that there is no other. */
function has(value: Fields, fields: number): boolean {
  return Object.keys(value).length === fields
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
