/**
 * A process of its own that sweeps, for tests that kill it or take rights from it.
 *
 * `folder FOLDER`: what it sees of a folder, as JSON, without a database. `sweep JSON`: slow sweeps of a place until it is killed.
 */
import process from 'node:process'
import { buildMarkerTables } from '@fairtrace/server/sentinel/sweep/marker-index'
import { ScanPool } from '@fairtrace/server/sentinel/sweep/scan-pool'
import { Sweeper } from '@fairtrace/server/sentinel/sweep/sweep'
import { folderGroups } from '@fairtrace/server/sentinel/sweep/sweep-folder'
import { Throttle } from '@fairtrace/server/sentinel/sweep/throttle'
import { openDatabase } from '@fairtrace/server/store/database'

const [what, argument = ''] = process.argv.slice(2)
if (what === 'folder') await lookAt(argument)
else await sweepOn(JSON.parse(argument))

async function lookAt(folder: string): Promise<void> {
  const known = { tables: buildMarkerTables([], []), windowKey: new Uint8Array(32), digests: [], sizes: [] }
  const pool = new ScanPool({ ...known, batchHeader: null })
  const throttle = new Throttle({ bytesPerSecond: 1e12, queriesPerSecond: 1e6 })
  const place = { name: 'x', at: '', kind: 'folder' as const, folder }
  const seen: [string, string | null][] = []
  for await (const group of folderGroups(place, pool, throttle, { bytesMax: 1e6, unpackedBytesMax: 1e6 })) {
    const results = await group.read(group.items.map(({ item }) => item))
    for (const [item, { skipped }] of results) seen.push([item, skipped])
  }
  await pool.close()
  process.stdout.write(JSON.stringify(seen))
}

async function sweepOn(asked: {
  readonly databaseUrl: string
  readonly objectsDir: string
  readonly honeyKey: string
  readonly place: { readonly name: string; readonly at: string }
}): Promise<void> {
  const { databaseUrl, objectsDir, honeyKey, place } = asked
  const sweeper = new Sweeper({
    ...{ database: openDatabase(databaseUrl, 4), databaseUrl, objectsDir, honeyKey },
    settings: { dataDir: null, access: {} },
    surfaces: () => [],
    rate: { bytesPerSecond: 4_000_000, queriesPerSecond: 1e6 },
    signal: new AbortController().signal,
    report: async () => undefined,
  })
  await sweeper.round([place], place.name)
}
