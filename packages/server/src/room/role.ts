/** The training room: takes runs one after another, each in a sandbox of its own. It has no door. */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { RunningRole, StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { repeat } from '../runtime/repeat.ts'
import { registerModels } from './models.ts'
import { serveReadings } from './readings.ts'
import { type EndedRun, RUN_ENDED_ENTRY, run } from './runs.ts'

const POLL_MS = 1_000
/** One room in an installation takes runs; the lock goes with the connection, so a killed room holds none. */
const ROOM_LOCK = 7_400_003

export interface RunningRoom extends RunningRole {
  /** Ends whatever runs, at once; what it wrote is gone. A run that begins later is not touched. */
  stopAll(reason: string): void
}

/** @throws `KEY_UNAVAILABLE` without a signing seed */
export const startRoom = (async ({ databaseUrl, objectsDir, secrets, clock, log }): Promise<RunningRoom> => {
  const { signingSeed: seed } = secrets
  if (seed === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the room needs a signing seed')
  const database = openDatabase(databaseUrl)
  const stopping = new AbortController()
  let current: AbortController | null = null
  let ended: Promise<void> = Promise.resolve()

  const runs = repeat('runs of the training room', POLL_MS, log, async () => {
    if ((await waiting()).length === 0) return
    const client = await database.pool.connect()
    try {
      const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [ROOM_LOCK])
      if (rows[0]?.locked !== true) return
      // Nothing else runs under the lock: what a killed room left running died with it.
      await database.pool.query(
        `update room.runs set state = 'stopped', code = 'ROOM_STOPPED', message = 'the room was restarted'
         where state = 'running'`,
      )
      for (const { id, release, request } of await waiting()) {
        if (stopping.signal.aborted) return
        ended = serve(id, release, request)
        await ended
      }
    } finally {
      // Closed, not given back: the lock ends with the connection.
      client.release(true)
    }
  })
  const others = repeat('outputs of the training room', POLL_MS, log, async () => {
    await serveReadings(database, seed)
    await registerModels(database, objectsDir, seed, clock.nowMs())
  })
  const listener = listen(database, 'fairtrace_room', () => {
    runs.soon()
    others.soon()
  })

  const stopAll = (reason: string) => current?.abort(new FairtraceError('ROOM_STOPPED', reason))
  const programme = await watchProgramme(database)
  const point = await startPoint({
    ...{ database, role: 'room', signer: signerFromSeed(seed), programme, log },
    // What runs ends, and its sandbox with it, before this says so.
    fence: async () => {
      const runsEnded = current === null ? 0 : 1
      stopAll('the programme was locked')
      await ended
      return { runsEnded }
    },
  })

  return {
    address: null,
    stopAll,
    async stop() {
      stopping.abort(new FairtraceError('ROOM_STOPPED', 'the room was stopped'))
      await listener.stop()
      await runs.stop()
      await others.stop()
      await point.stop()
      await programme.stop()
      await database.close()
    },
  }

  function waiting() {
    return database.db
      .selectFrom('room.runs')
      .select(['id', 'release', 'request'])
      .where('state', 'in', ['requested', 'running'])
      .orderBy('requested_at_ms')
      .orderBy('id')
      .execute()
  }

  async function serve(id: string, release: string, request: unknown): Promise<void> {
    current = new AbortController()
    const signal = AbortSignal.any([stopping.signal, current.signal])
    await database.pool.query(`update room.runs set state = 'running' where id = $1 and state = 'requested'`, [id])
    try {
      const ended = await run(id, release, request, { database, objectsDir, seed: seed ?? '', clock, signal })
      await done(id, ended)
      log.info({ run: id, exitCode: ended.exitCode }, 'a run ended; its output waits for review')
    } catch (error) {
      // Fails closed: nothing of what the program wrote is kept or shown.
      const code = isFairtraceError(error) ? error.code : 'INTERNAL'
      const message = isFairtraceError(error) ? error.message : 'the room broke off'
      const place =
        isFairtraceError(error) || !(error instanceof Error) ? undefined : error.stack?.split('\n').slice(1, 4)
      log.warn({ run: id, code, place }, 'a run did not end by itself')
      const state = code === 'ROOM_STOPPED' ? 'stopped' : 'failed'
      // An end that the ledger can't be told of is one all the same.
      await appendToLedger(database, RUN_ENDED_ENTRY, { run: id, code }, { waitForCheckpoint: false }).catch(() => null)
      await database.pool.query(`update room.runs set state = $2, code = $3, message = $4 where id = $1`, [
        ...[id, state, code, message],
      ])
    } finally {
      current = null
    }
    await database.pool.query(`select pg_notify('fairtrace_room', $1)`, [id])
  }

  async function done(id: string, { startedIndex, endedIndex, ...output }: EndedRun): Promise<void> {
    await database.pool.query(
      `update room.runs set state = 'in-review', output = $2, started_index = $3, ended_index = $4 where id = $1 and state = 'running'`,
      [id, JSON.stringify(output), startedIndex, endedIndex],
    )
  }
}) satisfies StartRole
