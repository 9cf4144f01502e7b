/** Removes segments that no row names: a crash between the object and its transaction leaves one behind. */
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { segmentKey } from './segment.ts'

/**
 * Only while nobody else writes segments.
 * @returns how many were removed
 */
export async function removeOrphanSegments(database: OpenDatabase, objects: FileObjects): Promise<number> {
  await objects.removeAbandoned('segments')
  const keys = await objects.list('segments')
  const rows = await database.db.selectFrom('vault.segments').select('id').execute()
  const named = new Set(rows.map((row) => segmentKey(row.id)))
  const orphans = keys.filter((key) => !named.has(key))
  for (const key of orphans) await objects.delete(key)
  return orphans.length
}
