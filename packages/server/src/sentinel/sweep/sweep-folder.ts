/** Files below a folder. No link is followed, so none can lead around in circles or out of it. */
import { lstat, opendir } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { type ItemGroup, type ItemResult, skippedItem } from './item.ts'
import type { Place } from './places.ts'
import type { ScanLimits, SkipReason } from './scan-file.ts'
import type { ScanPool } from './scan-pool.ts'
import type { Throttle } from './throttle.ts'

const DEPTH_MAX = 64
const GROUP_ITEMS = 64

/** @throws if the folder itself can't be read */
export async function* folderGroups(
  place: Place & { readonly kind: 'folder' },
  pool: ScanPool,
  throttle: Throttle,
  limits: ScanLimits,
): AsyncGenerator<ItemGroup> {
  const root = resolve(place.folder)
  const except = new Set((place.except ?? []).map((path) => resolve(path)))
  const skipped = new Map<string, SkipReason>()
  let batch: { item: string; mark: string }[] = []
  const group = (): ItemGroup => {
    const items = batch
    batch = []
    return {
      items,
      async read(wanted) {
        const results = new Map<string, ItemResult>()
        await Promise.all(
          wanted.map(async (item) => {
            const why = skipped.get(item)
            skipped.delete(item)
            const result = why === undefined ? await pool.file(join(root, item), limits) : skippedItem(why)
            results.set(item, result)
            await throttle.bytes(result.bytes)
          }),
        )
        return results
      },
    }
  }
  const waiting: { path: string; depth: number }[] = [{ path: root, depth: 0 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, depth } = next
    let folder: Awaited<ReturnType<typeof opendir>>
    try {
      folder = await opendir(path)
    } catch (error) {
      if (depth === 0) throw error
      add(path, 'unreadable', 'unreadable')
      continue
    }
    try {
      for await (const entry of folder) {
        const child = join(path, entry.name)
        if (except.has(child)) continue
        if (entry.isDirectory()) {
          if (depth < (place.depthMax ?? DEPTH_MAX)) waiting.push({ path: child, depth: depth + 1 })
          else add(child, 'deep', 'too-deep')
        } else if (entry.isSymbolicLink()) add(child, 'link', 'link')
        else if (!entry.isFile()) add(child, 'other', 'not-a-file')
        else {
          const stat = await lstat(child).catch(() => null)
          if (stat === null) continue
          if (place.newerThanMs !== undefined && stat.ctimeMs < place.newerThanMs) continue
          add(child, `${stat.ino}.${stat.size}.${stat.mtimeMs}.${stat.ctimeMs}`, null)
        }
        if (batch.length >= GROUP_ITEMS) yield group()
      }
    } catch {
      // Taken away or broken while it was read; what was seen of it counts.
      add(path, 'broken', 'unreadable')
    }
  }
  if (batch.length > 0) yield group()

  function add(path: string, mark: string, why: SkipReason | null): void {
    const item = relative(root, path) || '.'
    if (why !== null) skipped.set(item, why)
    batch.push({ item, mark })
  }
}
