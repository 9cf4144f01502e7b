/**
 * Whether the watchers live: the sentinel and the scanner, by their signed signs of life. Without both no lease is given and nothing
 * opens, and their silence is itself an exposure.
 */
import { FairtraceError } from '@fairtrace/core'
import type { Logger } from 'pino'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { OpenDatabase } from '../store/database.ts'
import { reportFindings } from './findings.ts'
import { pointsSeen } from './points.ts'
import type { ProgrammeWatch } from './programme.ts'

export const WATCHERS = ['sentinel', 'scanner'] as const
export type Watcher = (typeof WATCHERS)[number]
export type WatchersAlive = Readonly<Record<Watcher, boolean>>

/** A watcher that was not heard for this long gives nobody a lease. */
export const WATCH_FRESH_MS = 10_000
/** After this long its silence is raised. Leases that were given before have ended by then, or do within one length. */
export const WATCH_SILENT_MS = 60_000
const LOOK_MS = 1_000
const REPORTS_AFTER = 3
/** What was seen counts for this long, if the database stops answering. */
const KNOWN_MS = 3_000

export interface WatcherWatch {
  alive(): WatchersAlive
  /** @throws `WATCH_SILENT` */
  require(): void
  /** Looks now, for who can't wait for the next look. */
  look(): Promise<void>
  stop(): Promise<void>
}

export async function watchersAlive(database: OpenDatabase, programme: ProgrammeWatch): Promise<WatchersAlive> {
  const charter = programme.current()?.charter
  const seen = charter === undefined ? [] : await pointsSeen(database, charter, WATCH_FRESH_MS)
  const has = (watcher: Watcher) => seen.some(({ role }) => role === watcher)
  return { sentinel: has('sentinel'), scanner: has('scanner') }
}

/** @param by the role that raises their silence */
export async function watchWatchers(
  database: OpenDatabase,
  programme: ProgrammeWatch,
  log: Logger,
  by: string,
): Promise<WatcherWatch> {
  let seen: WatchersAlive = { sentinel: false, scanner: false }
  let seenAt = Number.NEGATIVE_INFINITY
  // A process that has just started gives them the time that it gives anybody.
  const aliveAt: Record<Watcher, number> = { sentinel: performance.now(), scanner: performance.now() }
  /** Looks that are still to be reported after the last silence; a silence of before this process started is followed too. */
  let following = REPORTS_AFTER
  const looks: Repeated = repeat('the watchers', LOOK_MS, log, look)
  await looks.now()
  // A programme that has just come has watchers whose keys were not known before.
  programme.onChange(() => looks.soon())

  return {
    alive,
    require() {
      const silent = WATCHERS.filter((watcher) => !alive()[watcher])
      if (silent.length > 0) throw new FairtraceError('WATCH_SILENT', `no sign of life of ${silent.join(' and ')}`)
    },
    look: () => looks.now(),
    stop: () => looks.stop(),
  }

  function alive(): WatchersAlive {
    return performance.now() - seenAt < KNOWN_MS ? seen : { sentinel: false, scanner: false }
  }

  async function look(): Promise<void> {
    const startedAt = performance.now()
    seen = await watchersAlive(database, programme)
    seenAt = startedAt
    const isRunning = programme.current()?.state === 'running'
    const silent = WATCHERS.filter((watcher) => {
      if (seen[watcher]) aliveAt[watcher] = performance.now()
      return performance.now() - aliveAt[watcher] >= WATCH_SILENT_MS
    })
    // A programme that doesn't run captures nothing; who was silent before it was locked still has to come back.
    const isReported = silent.length > 0 && (isRunning || following > 0)
    if (isReported) following = REPORTS_AFTER
    else if (following > 0 && silent.length === 0) following--
    else return
    const findings = silent.map((watcher) => ({
      ...{ kind: 'watch-silent' as const, subject: `process ${watcher}`, detail: { watcher, by } },
    }))
    await reportFindings(database, { finder: `watch-of-${by}`, scope: '', findings, complete: true })
  }
}
