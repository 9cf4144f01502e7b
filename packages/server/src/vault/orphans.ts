/** Removes segments that no row names: a crash between the object and its transaction leaves one behind. */
import { raiseExposure } from '../runtime/exposures.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { isSegmentStart, SEGMENT_HEADER_BYTES, segmentIdOf, segmentKey } from './segment.ts'

/**
 * Only while nobody else writes segments. What isn't a segment under its own name didn't come from a crash of ours: it stays, and
 * is an exposure.
 * @returns how many were removed
 */
export async function removeOrphanSegments(database: OpenDatabase, objects: FileObjects): Promise<number> {
  await objects.removeAbandoned('segments')
  const keys = await objects.list('segments')
  const rows = await database.db.selectFrom('vault.segments').select('id').execute()
  const named = new Set(rows.map((row) => segmentKey(row.id)))
  let removed = 0
  for (const key of keys) {
    if (named.has(key)) continue
    if (await isOurs(objects, key)) {
      await objects.delete(key)
      removed++
    } else {
      await raiseExposure(database, 'object-unnamed', { object: key })
    }
  }
  return removed
}

async function isOurs(objects: FileObjects, key: string): Promise<boolean> {
  const id = segmentIdOf(key)
  if (id === null) return false
  // Too short to be one: not ours either.
  const start = await objects.read(key, 0, SEGMENT_HEADER_BYTES).catch(() => new Uint8Array())
  return isSegmentStart(id, start)
}
