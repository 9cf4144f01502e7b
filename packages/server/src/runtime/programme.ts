/** The programme in force, as every role sees it: cached, and refreshed within two seconds of a change at the latest. */
import { type Charter, type CharterHash, charterHash, type ProgrammeId, parseCharter } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import type { ProgrammeState } from '../store/tables.ts'
import { listen } from './notifications.ts'

const POLL_MS = 2_000
/** A programme that could not be read for this long counts as none: a pause may have happened meanwhile. */
const STALE_MS = 10_000

export interface Programme {
  readonly id: ProgrammeId
  readonly state: ProgrammeState
  readonly epoch: number
  /** Of the charter in force. */
  readonly charterHash: CharterHash
  readonly charter: Charter
  /** Every charter that was ever in force, and the terms of people who have not agreed to the one in force yet. */
  readonly charters: ReadonlyMap<CharterHash, Charter>
}

export interface ProgrammeWatch {
  /** `null` if there is no programme yet, or if what the database says can't be trusted any more: then nothing is allowed. */
  current(): Programme | null
  /** Whether the database was heard lately; without it `current` is `null`. */
  isFresh(): boolean
  /** Reads again now, for who has just changed it or waits for it. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

/** Resolves after the first look. */
export async function watchProgramme(database: OpenDatabase): Promise<ProgrammeWatch> {
  let programme: Programme | null = null
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | null = null
  let isStopped = false

  await refresh()
  const listener = listen(database, 'fairtrace_programme', () => void refreshAfresh())
  const timer = setInterval(() => void refresh(), POLL_MS)
  timer.unref()

  return {
    current: () => (isFresh() ? programme : null),
    isFresh,
    refresh: refreshAfresh,
    async stop() {
      isStopped = true
      clearInterval(timer)
      await listener.stop()
      await reading
    },
  }

  /** A read under way may have begun before the change: only one that begins now is sure to see it. */
  async function refreshAfresh(): Promise<void> {
    await reading
    await refresh()
  }

  function isFresh(): boolean {
    return performance.now() - readAt < STALE_MS
  }

  function refresh(): Promise<void> {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }

  async function read(): Promise<void> {
    if (isStopped) return
    const startedAt = performance.now()
    try {
      programme = await readProgramme(database, programme)
      readAt = startedAt
    } catch {
      // Fails closed: what was read last counts until it is stale, then there is no programme.
    }
  }
}

/**
 * Reads the programme now. Its charters are read only when another one came in force, because only then do any come.
 * @param known what was read last; it is not believed in anything but the charters of hashes that it holds
 * @returns null if there is none, or if the row isn't one that the portal wrote
 */
export async function readProgramme(database: OpenDatabase, known: Programme | null): Promise<Programme | null> {
  const query = database.db.selectFrom('install.programme')
  const now = await query.select(['id', 'state', 'epoch', 'charter_hash']).executeTakeFirst()
  if (now === undefined) return null
  if (known !== null && known.id === now.id && known.charterHash === now.charter_hash) {
    return { ...known, state: now.state, epoch: now.epoch }
  }
  const row = await query.selectAll().executeTakeFirst()
  if (row === undefined) return null
  const charter = parseCharter(row.charter_yaml, 'charter')
  const hash = charterHash(charter)
  // Fails closed: a row whose hash isn't that of its charter was written past the portal.
  if (hash !== row.charter_hash || charter.programme !== row.id) return null
  const charters = new Map(await readCharters(database, row.id, known?.charters ?? new Map()))
  charters.set(hash, charter)
  const id = row.id as ProgrammeId
  return { id, state: row.state, epoch: row.epoch, charterHash: hash, charter, charters }
}

async function readCharters(
  database: OpenDatabase,
  programme: string,
  known: ReadonlyMap<CharterHash, Charter>,
): Promise<ReadonlyMap<CharterHash, Charter>> {
  const rows = await database.db
    .selectFrom('install.charters')
    .select(['hash', 'yaml'])
    .where('programme', '=', programme)
    .$if(known.size > 0, (query) => query.where('hash', 'not in', [...known.keys()]))
    .execute()
  const charters = new Map(known)
  for (const { hash, yaml } of rows) {
    const charter = parseCharter(yaml, 'charter')
    // One that isn't what its hash says binds nobody; whoever consented to it is asked again.
    if (charterHash(charter) === hash) charters.set(hash as CharterHash, charter)
  }
  return charters
}
