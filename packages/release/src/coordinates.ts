/** Where a coded action points on the schematic: the centre of its target, or of its cell. */
import { SCHEMATIC } from '@fairtrace/core'
import { TARGET_FIELD } from './coded-action.ts'
import { type Area, cellArea } from './schematic.ts'
import { ABSENT } from './vocabulary.ts'

/** Whole units of the schematic, inside it. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** @param at of the target's fields; null if the action has no such target */
export function targetArea(actions: Int16Array, at: number): Area | null {
  const cell = actions[at + TARGET_FIELD.cell] ?? ABSENT
  if (cell !== ABSENT) return cellArea(cell)
  const width = actions[at + TARGET_FIELD.width] ?? ABSENT
  if (width === ABSENT) return null
  return {
    x: actions[at + TARGET_FIELD.x] ?? 0,
    y: actions[at + TARGET_FIELD.y] ?? 0,
    width,
    height: actions[at + TARGET_FIELD.height] ?? 0,
  }
}

export function centreOf({ x, y, width, height }: Area): Point {
  return {
    x: Math.min(SCHEMATIC.width - 1, Math.floor(x + width / 2)),
    y: Math.min(SCHEMATIC.height - 1, Math.floor(y + height / 2)),
  }
}
