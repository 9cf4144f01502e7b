/** What the portal's own tables say of a drill that exposes something: found, contained, gone, and how long each took. */
import { acknowledgementsOf } from '../runtime/points.ts'
import type { OpenDatabase } from '../store/database.ts'
import { safeguardOf } from './safeguards.ts'

export interface ObservedDrill {
  /** Everything foreseen was found, it locked, every process stopped that could, and all of it is closed again. */
  readonly isWhole: boolean
  readonly detectMs: number | null
  readonly containMs: number | null
}

interface DrillRow {
  readonly drill: string
  readonly expected: unknown
  readonly id: string
  readonly planted_at_ms: number | null
  readonly removed_at_ms: number | null
  readonly state_before: string
}

interface ExposureRow {
  readonly kind: string
  readonly subject: string
  readonly state: string
  readonly found_at_ms: number
}

/** @returns null for a drill that exposes nothing: then there is nothing to see here */
export async function observeDrill(database: OpenDatabase, row: DrillRow): Promise<ObservedDrill | null> {
  const expected = Array.isArray(row.expected) ? row.expected.length : 0
  if (expected === 0) return null
  const { rows: exposures } = await database.pool.query<ExposureRow>(
    'select kind, subject, state, found_at_ms from install.exposures where drill = $1',
    [row.id],
  )
  const found = exposures.map(({ found_at_ms }) => found_at_ms)
  const isFound = exposures.length === expected
  const isClosed = exposures.every(({ state }) => state === 'closed')
  const detectMs = isFound && row.planted_at_ms !== null ? Math.max(0, Math.max(...found) - row.planted_at_ms) : null
  const stopped = await containment(database, row, Math.min(...found))
  const isWhole = isFound && isClosed && detectMs !== null && stopped !== null && row.removed_at_ms !== null
  return { isWhole, detectMs, containMs: stopped }
}

/** From the first exposure until the last process that can hear had stopped; null if one never did. */
async function containment(
  database: OpenDatabase,
  { id, drill, state_before: stateBefore }: DrillRow,
  foundAtMs: number,
): Promise<number | null> {
  const { rows } = await database.pool.query<{ epoch: number; points: readonly { point: string; role: string }[] }>(
    'select epoch, points from install.lockdowns where drill = $1 order by number limit 1',
    [id],
  )
  const [lockdown] = rows
  // What was locked already had nothing left to stop.
  if (lockdown === undefined) return stateBefore === 'locked' ? 0 : null
  const hung = safeguardOf(drill)?.hung
  const said = await acknowledgementsOf(database, lockdown.epoch)
  const wanted = lockdown.points.filter(({ role }) => role !== hung)
  const times = wanted.map(({ point }) => said.find((one) => one.point === point)?.fencedAtMs ?? null)
  const last = times.reduce((a: number | null, b) => (a === null || b === null ? null : Math.max(a, b)), 0)
  return last === null || wanted.length === 0 ? null : Math.max(0, last - foundAtMs)
}
