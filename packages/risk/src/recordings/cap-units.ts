/**
 * The builder's contribution cap over units, so that what is attacked is what would be released: every run of
 * `typeActions` actions of a unit is a type, and a unit that holds one of which its person has too much is left out.
 */
import { type Action, type CapSettings, capType } from '@fairtrace/core'
import type { Random } from '../random.ts'

export interface Unit {
  readonly person: number
  readonly group: number
  readonly actions: readonly Action[]
}

/**
 * What two actions must share to be of one type. `kinds`: app, kind and role, as the builder counts them; `keys`: also which key,
 * shortcut, kind and length of text; `actions`: all that they say.
 */
export const CAPS = ['none', 'kinds', 'keys', 'actions'] as const
export type Cap = (typeof CAPS)[number]

export interface UnitCap extends CapSettings {
  readonly typeActions: number
}

export function capUnits(units: readonly Unit[], cap: Cap, settings: UnitCap, random: Random): Unit[] {
  if (cap === 'none') return [...units]
  const typesOf = new Map(units.map((unit) => [unit, typesIn(unit.actions, cap, settings.typeActions)]))
  let left = random.shuffle([...units])
  for (;;) {
    const kept = keepAllowed(left, typesOf, settings)
    if (kept.length === left.length) break
    left = kept
  }
  const isLeft = new Set(left)
  return units.filter((unit) => isLeft.has(unit))
}

/** Leaving a unit out lowers the totals of its other types: the caller asks again until nothing goes. */
function keepAllowed(
  units: readonly Unit[],
  typesOf: ReadonlyMap<Unit, readonly string[]>,
  settings: CapSettings,
): Unit[] {
  const counts = new Map<string, Map<number, number>>()
  for (const unit of units) {
    for (const type of typesOf.get(unit) ?? []) {
      const own = counts.get(type) ?? new Map<number, number>()
      own.set(unit.person, (own.get(unit.person) ?? 0) + 1)
      counts.set(type, own)
    }
  }
  const allowed = new Map([...counts].map(([type, own]) => [type, capType(own, NOBODY, settings)]))
  return units.filter((unit) => {
    const types = typesOf.get(unit) ?? []
    const needed = new Map<string, number>()
    for (const type of types) needed.set(type, (needed.get(type) ?? 0) + 1)
    const fits = needed.entries().every(([type, count]) => (allowed.get(type)?.get(unit.person) ?? 0) >= count)
    if (!fits) return false
    for (const [type, count] of needed) {
      const own = allowed.get(type)
      own?.set(unit.person, (own.get(unit.person) ?? 0) - count)
    }
    return true
  })
}

const NOBODY: ReadonlyMap<number, number> = new Map()

function typesIn(actions: readonly Action[], cap: Exclude<Cap, 'none'>, typeActions: number): string[] {
  const names = actions.map(NAMES[cap])
  const size = Math.min(typeActions, names.length)
  return size === 0
    ? []
    : Array.from({ length: names.length - size + 1 }, (_, i) => names.slice(i, i + size).join('\n'))
}

const NAMES: Readonly<Record<Exclude<Cap, 'none'>, (action: Action) => string>> = {
  kinds: kindName,
  keys: (action) => ('target' in action || action.kind === 'drag' ? kindName(action) : JSON.stringify(action)),
  actions: (action) => JSON.stringify(action),
}

function kindName(action: Action): string {
  if (action.kind === 'switch') return action.app
  if (!('target' in action)) return action.kind
  return `${action.kind} ${'role' in action.target ? action.target.role : 'place'}`
}
