/** The training room: takes runs one after another, each in a sandbox of its own. It has no door. */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import { repeat } from '../runtime/repeat.ts'
import type { RunningRole, StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { registerModels } from './models.ts'
import { serveReadings } from './readings.ts'
import { type EndedRun, RUN_ENDED_ENTRY, run } from './runs.ts'

const POLL_MS = 1_000
/** One room in an installation takes runs; the lock goes with the connection, so a killed room holds none. */
const ROOM_LOCK = 7_400_003

export interface RunningRoom extends RunningRole {
  /**
   * Ends whatever runs, at once; what it wrote is gone. A run that begins later is not touched. It is what a lockdown's fence calls.
   * @returns how many ran, once nothing of them can come out any more
   */
  stopAll(reason: string): Promise<number>
}

/** @throws `KEY_UNAVAILABLE` without a signing seed */
export const startRoom = (async ({ databaseUrl, objectsDir, secrets, clock, log }): Promise<RunningRoom> => {
  const { signingSeed: seed } = secrets
  if (seed === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the room needs a signing seed')
  const database = openDatabase(databaseUrl)
  const stopping = new AbortController()
  let current: { readonly end: AbortController; readonly ended: Promise<void> } | null = null

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
        if (!stopping.signal.aborted) await serve(id, release, request)
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
  const programme = await watchProgramme(database)
  const point = await startPoint({
    ...{ database, role: 'room', signer: signerFromSeed(seed), programme, log },
    fence: async () => ({ runsEnded: await stopAll('the programme was locked') }),
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

  async function stopAll(reason: string): Promise<number> {
    if (current === null) return 0
    const { end, ended } = current
    end.abort(new FairtraceError('ROOM_STOPPED', reason))
    await ended
    return 1
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
    const end = new AbortController()
    const { promise: ended, resolve: hasEnded } = Promise.withResolvers<void>()
    current = { end, ended }
    const signal = AbortSignal.any([stopping.signal, end.signal])
    try {
      await database.pool.query(`update room.runs set state = 'running' where id = $1 and state = 'requested'`, [id])
      const input = { database, objectsDir, seed: seed ?? '', clock, signal }
      const result = await run(id, release, request, input).finally(hasEnded)
      await done(id, result)
      log.info({ run: id, exitCode: result.exitCode }, 'a run ended; its output waits for review')
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
      hasEnded()
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
