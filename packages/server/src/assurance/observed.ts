/** What the portal's own tables say of a drill that exposes something: found, contained, gone, and how long each took. */
import type { OpenDatabase } from '../store/database.ts'

export interface ObservedDrill {
  /** Everything foreseen was found, and all of it is closed again. */
  readonly isWhole: boolean
  readonly detectMs: number | null
  readonly containMs: number | null
}

interface DrillRow {
  readonly expected: unknown
  readonly id: string
  readonly planted_at_ms: number | null
  readonly removed_at_ms: number | null
}

/** @returns null for a drill that exposes nothing: then there is nothing to see here */
export async function observeDrill(_database: OpenDatabase, row: DrillRow): Promise<ObservedDrill | null> {
  const expected = Array.isArray(row.expected) ? row.expected.length : 0
  if (expected === 0) return null
  return { isWhole: false, detectMs: null, containMs: null }
}
