/** Places as the sources state them: read once into a checked copy, compared, and made into targets. */
import { GRID, type Role, SCHEMATIC, type Target } from '../action.ts'
import type { AppId, Box, Place, SeenTarget } from '../input-event.ts'
import type { ShieldSettings } from './settings.ts'

/** Pixels that the pointer may move between press and release, or between two clicks, and still be in one place. */
const CLICK_SLOP_PX = 5

/**
 * Reads a place into a copy with finite numbers and a window that has a size; null for anything else.
 *
 * A copy, because a source may reuse its objects, and a hostile one may answer differently the second time.
 */
export function readPlace(value: unknown): Place | null {
  if (typeof value !== 'object' || value === null) return null
  const { x, y, width, height, target } = value as Partial<Record<keyof Place, unknown>>
  if (!isNumber(x) || !isNumber(y) || !isSize(width) || !isSize(height) || width === 0 || height === 0) return null
  if (target === undefined) return { x, y, width, height }
  const seen = readTarget(target)
  return seen === null ? null : { x, y, width, height, target: seen }
}

function readTarget(value: unknown): SeenTarget | null {
  if (typeof value !== 'object' || value === null) return null
  const { role, label, box: seenBox } = value as Partial<Record<keyof SeenTarget, unknown>>
  if (typeof role !== 'string' || (label !== undefined && typeof label !== 'string')) return null
  if (typeof seenBox !== 'object' || seenBox === null) return null
  const { x, y, width, height } = seenBox as Partial<Record<keyof Box, unknown>>
  if (!isNumber(x) || !isNumber(y) || !isSize(width) || !isSize(height)) return null
  const box = { x, y, width, height }
  return label === undefined ? { role, box } : { role, label, box }
}

/** Whether two places are on one element; where an element isn't known, in one cell of the grid. */
export function isSameTarget(a: Place, b: Place): boolean {
  if (a.target !== undefined && b.target !== undefined) return isSameElement(a.target, b.target)
  if (a.target !== undefined || b.target !== undefined) return false
  return column(a) === column(b) && row(a) === row(b)
}

/**
 * Whether two scrolls are one: where elements are known they are, because what is scrolled passes under the pointer, and how
 * far it came between two reports of the wheel is a matter of pace. A pointer that was moved rests first, and that parts them.
 */
export function isSameScroll(a: Place, b: Place): boolean {
  return (a.target !== undefined && b.target !== undefined) || isSameTarget(a, b)
}

/** Whether press and release, or two clicks, were in one place: on one element, or without one within a few pixels. */
export function isSamePlace(a: Place, b: Place): boolean {
  if (a.target !== undefined && b.target !== undefined) return isSameElement(a.target, b.target)
  return Math.abs(a.x - b.x) <= CLICK_SLOP_PX && Math.abs(a.y - b.y) <= CLICK_SLOP_PX
}

/** The finest target that the settings let out. A point itself never leaves; a point outside the window is at its edge. */
export function protectPlace(place: Place, app: AppId, settings: ShieldSettings): Target {
  const { target } = place
  if (settings.pointer === 'cell' || target === undefined) return { cell: [column(place), row(place)] }
  const allowed: ReadonlySet<string> = settings.roles
  const role = allowed.has(target.role) ? (target.role as Role) : 'other'
  const left = scale(target.box.x, place.width, SCHEMATIC.width)
  const top = scale(target.box.y, place.height, SCHEMATIC.height)
  const right = scale(target.box.x + target.box.width, place.width, SCHEMATIC.width)
  const bottom = scale(target.box.y + target.box.height, place.height, SCHEMATIC.height)
  const box: [number, number, number, number] = [left, top, right - left, bottom - top]
  const { label } = target
  if (label === undefined || settings.labels.get(app)?.has(label) !== true) return { role, box }
  return { role, label, box }
}

function isSameElement(a: SeenTarget, b: SeenTarget): boolean {
  return (
    a.role === b.role &&
    a.label === b.label &&
    a.box.x === b.box.x &&
    a.box.y === b.box.y &&
    a.box.width === b.box.width &&
    a.box.height === b.box.height
  )
}

function column(place: Place): number {
  return clamp(Math.floor((place.x / place.width) * GRID.columns), GRID.columns - 1)
}

function row(place: Place): number {
  return clamp(Math.floor((place.y / place.height) * GRID.rows), GRID.rows - 1)
}

function scale(value: number, from: number, to: number): number {
  return clamp(Math.round((value / from) * to), to)
}

/** Into `[0, max]`; never -0, which JSON would write as 0 and a comparison would not. */
function clamp(value: number, max: number): number {
  return value > 0 ? Math.min(value, max) : 0
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isSize(value: unknown): value is number {
  return isNumber(value) && value >= 0
}
