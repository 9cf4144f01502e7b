/** One round over every place: our own surfaces where nothing of ours may be, then the places that the charter names. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Finding } from '../../runtime/exposures.ts'
import type { OpenDatabase } from '../../store/database.ts'
import { summarised } from './findings.ts'
import type { ItemGroup, ItemResult } from './item.ts'
import { KnowledgeReader, OUR_TABLES } from './knowledge.ts'
import { type Place, type PlaceAccess, placeOf } from './places.ts'
import type { ScanLimits } from './scan-file.ts'
import { ScanPool } from './scan-pool.ts'
import { bucketGroups, SPOOL_PREFIX } from './sweep-bucket.ts'
import { connect, type DatabaseTarget, databaseGroups, otherDatabases } from './sweep-database.ts'
import { folderGroups } from './sweep-folder.ts'
import { type SweepReport, sweepPlace } from './sweep-place.ts'
import { type SweepRate, Throttle } from './throttle.ts'

export interface SweepSettings {
  /** Root of the data directory: its logs and releases are swept, the rest of it is where our data belongs. */
  readonly dataDir: string | null
  readonly access: PlaceAccess
}

export interface SweepContext {
  readonly database: OpenDatabase
  readonly databaseUrl: string
  readonly objectsDir: string
  readonly honeyKey: string
  readonly settings: SweepSettings
  /** Addresses whose answers to what they must refuse are searched. */
  surfaces(): readonly string[]
  readonly rate: SweepRate
  readonly signal: AbortSignal
  report(place: string, findings: readonly Finding[], isComplete: boolean): Promise<void>
}

export const FILE_LIMITS: ScanLimits = { bytesMax: 4 * 1024 ** 3, unpackedBytesMax: 4 * 1024 ** 3 }
const DATABASE_LIMITS = { rowBytesMax: 65_536, tableBytesMax: 1024 ** 3 }
/** Where other people's files lie too: large ones there are named, not read. */
const SHARED_LIMITS: ScanLimits = { bytesMax: 64 * 1024 ** 2, unpackedBytesMax: 256 * 1024 ** 2 }

export class Sweeper {
  readonly #context: SweepContext
  readonly #knowledge: KnowledgeReader
  /** Generation of the knowledge with which each place was last swept whole. */
  readonly #comparedUpTo = new Map<string, number>()

  constructor(context: SweepContext) {
    this.#context = context
    this.#knowledge = new KnowledgeReader(context.database, context.objectsDir, context.honeyKey)
    removeSpools()
  }

  /**
   * @param named places of the charter
   * @param only one place, by name; null for all
   */
  async round(
    named: readonly { readonly name: string; readonly at: string }[],
    only: string | null,
  ): Promise<readonly SweepReport[]> {
    const { signal, rate, database } = this.#context
    const knowledge = await this.#knowledge.read()
    const { tables, windowKey, digests, sizes, batchHeader } = knowledge
    const pool = new ScanPool({ tables, windowKey, digests, sizes, batchHeader })
    const throttle = new Throttle(rate)
    const reports: SweepReport[] = []
    try {
      const all = await this.#places(named, pool, throttle)
      if (only === null)
        await announce(
          database,
          all.map(({ place }) => place),
        )
      for (const { place, looksAtShapes, groups } of all) {
        if (signal.aborted) break
        if (only !== null && only !== place.name) continue
        const report = await sweepPlace({
          database,
          place: { ...place, looksAtShapes },
          groups,
          knowledge,
          comparedUpTo: this.#comparedUpTo.get(place.name) ?? 0,
          signal,
          onFindings: (findings, isComplete) =>
            this.#context.report(place.name, summarised(place.name, findings), isComplete),
        })
        if (report === null) continue
        reports.push(report)
        if (report.state === 'complete') this.#comparedUpTo.set(place.name, knowledge.generation)
      }
      if (only === null && !signal.aborted)
        await forgetOthers(
          database,
          all.map(({ place }) => place.name),
        )
    } finally {
      await pool.close()
    }
    return reports
  }

  async #places(named: readonly { readonly name: string; readonly at: string }[], pool: ScanPool, throttle: Throttle) {
    const { settings, objectsDir, databaseUrl } = this.#context
    const { dataDir } = settings
    const all: {
      place: { readonly name: string; readonly at: string }
      looksAtShapes: boolean
      groups(): AsyncIterable<ItemGroup>
    }[] = []
    const folder = (name: string, path: string, limits: ScanLimits, more: Partial<Place> = {}) => {
      const place = { name, at: `file://${path}`, kind: 'folder' as const, folder: path, ...more } as Place & {
        kind: 'folder'
      }
      all.push({ place, looksAtShapes: false, groups: () => folderGroups(place, pool, throttle, limits) })
    }
    if (dataDir !== null) {
      folder('own-logs', join(dataDir, 'logs'), FILE_LIMITS)
      if (isFolder(join(objectsDir, 'releases'))) folder('own-releases', join(objectsDir, 'releases'), FILE_LIMITS)
      folder('own-tmp', tmpdir(), SHARED_LIMITS, {
        except: [dataDir, `${dataDir}.keeper`, `${dataDir}.honey`],
        // Deeper down lies what other programs keep; the charter can name it.
        depthMax: 1,
        newerThanMs: statSync(join(dataDir, 'installation.json')).ctimeMs,
      })
    }
    all.push({
      place: { name: 'own-answers', at: 'http' },
      looksAtShapes: false,
      groups: () => answerGroups(this.#context.surfaces(), pool),
    })
    const own = targetOf(databaseUrl)
    const database = (name: string, at: string, target: DatabaseTarget, except: readonly string[]) =>
      all.push({
        place: { name, at },
        looksAtShapes: true,
        groups: () => databaseGroups(target, pool, throttle, { ...DATABASE_LIMITS, except }),
      })
    database('own-database', own.database, own, OUR_TABLES)
    for (const name of await namesOfOthers(own)) database(`own-cluster-${name}`, name, { ...own, database: name }, [])
    for (const one of named) {
      const place = placeOf(one, settings.access)
      if (place.kind === 'database') database(place.name, place.at, place, [])
      else if (place.kind === 'bucket')
        all.push({ place, looksAtShapes: true, groups: () => bucketGroups(place, pool, throttle, FILE_LIMITS) })
      else all.push({ place, looksAtShapes: true, groups: () => folderGroups(place, pool, throttle, FILE_LIMITS) })
    }
    return all
  }
}

/** What our own servers say to what they must refuse. */
async function* answerGroups(addresses: readonly string[], pool: ScanPool): AsyncGenerator<ItemGroup> {
  const asked = addresses.flatMap((address) => [
    { item: `GET ${address}/api/nothing`, ask: () => fetch(`${address}/api/nothing`) },
    { item: `GET ${address}/api/consent`, ask: () => fetch(`${address}/api/consent`) },
    { item: `GET ${address}/api/programme`, ask: () => fetch(`${address}/api/programme`) },
    {
      item: `POST ${address}/api/join`,
      ask: () =>
        fetch(`${address}/api/join`, { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }),
    },
    { item: `POST ${address}/batches`, ask: () => fetch(`${address}/batches`, { method: 'POST', body: 'x' }) },
  ])
  yield {
    // Asked anew each time: an answer has no mark.
    items: asked.map(({ item }) => ({ item, mark: `${Date.now()}` })),
    async read() {
      const results = new Map<string, ItemResult>()
      for (const { item, ask } of asked) {
        try {
          const bytes = new Uint8Array(await (await ask()).arrayBuffer())
          results.set(item, await pool.text(bytes))
        } catch {
          results.set(item, { hits: null, shapes: [], skipped: 'unreadable', bytes: 0 })
        }
      }
      return results
    },
  }
}

/** Every place is known before the first is swept: who waits for all of them sees which are still to come. */
async function announce({ pool }: OpenDatabase, places: readonly { name: string; at: string }[]): Promise<void> {
  await pool.query(
    `insert into scanner.sweeps (place, at, started_at_ms)
     select x.name, x.at, 0 from jsonb_to_recordset($1::jsonb) as x(name text, at text) on conflict (place) do nothing`,
    [JSON.stringify(places.map(({ name, at }) => ({ name, at })))],
  )
}

/** What the charter names no more, and databases that are gone. What was found there stays an exposure until somebody says otherwise. */
async function forgetOthers({ pool }: OpenDatabase, places: readonly string[]): Promise<void> {
  await pool.query('delete from scanner.swept where place <> all ($1)', [places])
  await pool.query('delete from scanner.sweeps where place <> all ($1)', [places])
}

async function namesOfOthers(own: DatabaseTarget): Promise<readonly string[]> {
  const client = await connect(own)
  try {
    return await otherDatabases(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

function targetOf(url: string): DatabaseTarget {
  const { hostname, port, pathname, username, password } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 5432),
    database: decodeURIComponent(pathname.slice(1)),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** What a scanner that was killed left of other people's objects. */
function removeSpools(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(SPOOL_PREFIX)) continue
    const path = join(tmpdir(), name)
    const stat = statSync(path, { throwIfNoEntry: false })
    const isOurs = stat !== undefined && (process.getuid === undefined || stat.uid === process.getuid())
    if (isOurs && stat.mtimeMs < Date.now() - 3_600_000) rmSync(path, { recursive: true, force: true })
  }
}
