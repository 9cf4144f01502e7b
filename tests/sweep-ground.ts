/** A database with a programme, honey ids, and a sweeper on it, without the process around it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from '@fairtrace/server/runtime/exposures'
import { honeyId } from '@fairtrace/server/sentinel/honey/honey-ids'
import type { PlaceAccess } from '@fairtrace/server/sentinel/sweep/places'
import { Sweeper } from '@fairtrace/server/sentinel/sweep/sweep'
import { openDatabase } from '@fairtrace/server/store/database'
import { startTestGround, TEST_HONEY_KEY, type TestGround } from '@fairtrace/testing/harness'

export const HONEY = {
  pseudonym: honeyId(TEST_HONEY_KEY, 'pseudonym', 3),
  device: honeyId(TEST_HONEY_KEY, 'device', 3),
  recording: honeyId(TEST_HONEY_KEY, 'recording', 3, 5),
} as const

export interface SweepGround {
  readonly ground: TestGround
  readonly dataDir: string
  /** A new folder of its own. */
  folder(name: string): string
  readonly access: PlaceAccess
  /** Findings of each place that was swept whole, as they were handed over at its end. */
  sweep(places: readonly { name: string; at: string }[], only?: string): Promise<Swept>
  stop(): Promise<void>
}

interface Swept {
  readonly found: ReadonlyMap<string, readonly Finding[]>
  report(place: string): Awaited<ReturnType<Sweeper['round']>>[number]
}

export async function startSweepGround(): Promise<SweepGround> {
  const ground = await startTestGround()
  const root = mkdtempSync(join(tmpdir(), 'fairtrace-swept-'))
  const dataDir = join(root, 'data')
  mkdirSync(join(dataDir, 'logs'), { recursive: true })
  writeFileSync(join(dataDir, 'installation.json'), '{}')
  const database = openDatabase(ground.database.url('scanner'), 4)
  const access: PlaceAccess = {}
  return {
    ground,
    dataDir,
    access,
    folder(name) {
      const path = join(root, name)
      mkdirSync(path, { recursive: true })
      return path
    },
    async sweep(places, only) {
      const found = new Map<string, readonly Finding[]>()
      const sweeper = new Sweeper({
        database,
        databaseUrl: ground.database.url('scanner'),
        objectsDir: ground.objectsDir,
        honeyKey: TEST_HONEY_KEY,
        settings: { dataDir, access },
        surfaces: () => [],
        rate: { bytesPerSecond: 1e12, queriesPerSecond: 1e6 },
        signal: new AbortController().signal,
        report: async (place, findings, isComplete) => {
          if (isComplete) found.set(place, findings)
        },
      })
      const reports = await sweeper.round(places, only ?? null)
      return {
        found,
        report(place) {
          const report = reports.find((one) => one.place === place)
          if (report === undefined) throw new RangeError(`${place} was not swept`)
          return report
        },
      }
    },
    async stop() {
      await database.close()
      await ground.stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
