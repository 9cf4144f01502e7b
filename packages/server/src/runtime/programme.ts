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
  readonly charterHash: CharterHash
  readonly charter: Charter
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
      const row = await database.db.selectFrom('install.programme').selectAll().executeTakeFirst()
      if (row === undefined) programme = null
      else {
        const isKnown = programme?.charterHash === row.charter_hash
        const charter = isKnown && programme !== null ? programme.charter : parseCharter(row.charter_yaml, 'charter')
        const hash = charterHash(charter)
        // Fails closed: a row whose hash isn't that of its charter was written past the portal.
        programme =
          hash === row.charter_hash && charter.programme === row.id
            ? { id: row.id as ProgrammeId, state: row.state, epoch: row.epoch, charterHash: hash, charter }
            : null
      }
      readAt = startedAt
    } catch {
      // Fails closed: what was read last counts until it is stale, then there is no programme.
    }
  }
}
