/** The builder: takes release jobs one after another. It has no door, and no key of its own that opens a recording. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { STAGING_PREFIX } from '@fairtrace/release'
import { signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import { repeat } from '../runtime/repeat.ts'
import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { buildJob } from './build-job.ts'
import { serveReleaseErasures } from './release-erasures.ts'

const POLL_MS = 1_000
const PROGRESS_MS = 250
/** One build at a time in an installation; the lock goes with the connection, so a killed builder holds none. */
const BUILDER_LOCK = 7_400_001

/** @throws `KEY_UNAVAILABLE` without a signing seed */
export const startBuilder: StartRole = async ({ installation, databaseUrl, objectsDir, secrets, clock, log }) => {
  const { signingSeed } = secrets
  if (signingSeed === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the builder needs a signing seed')
  const signer = signerFromSeed(signingSeed)
  const database = openDatabase(databaseUrl)
  const stopping = new AbortController()
  const programme = await watchProgramme(database)
  /** Ended by a lockdown; the next build gets another. */
  let building = new AbortController()
  let builds = 0

  const jobs = repeat('release jobs', POLL_MS, log, async () => {
    const waiting = await waitingJobs()
    if (waiting.length === 0) return
    const client = await database.pool.connect()
    try {
      const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
        BUILDER_LOCK,
      ])
      if (rows[0]?.locked !== true) return
      await removeAbandoned(join(objectsDir, 'releases'))
      // Looked up again under the lock: another builder may have finished what waited before.
      for (const { id, request } of await waitingJobs()) {
        if (!stopping.signal.aborted && programme.current()?.state !== 'locked') await run(id, request)
      }
    } finally {
      // Closed, not given back: the lock ends with the connection.
      client.release(true)
    }
  })
  const erasures = repeat('erasures that reach releases', POLL_MS, log, () =>
    serveReleaseErasures(database, signingSeed),
  )
  const listener = listen(database, 'fairtrace_jobs', jobs.soon)
  const point = await startPoint({
    ...{ database, role: 'builder', signer, programme, log },
    // A build that was running ends unpublished, before this says so.
    fence: async () => {
      const buildsEnded = builds
      building.abort()
      while (builds > 0) await sleep(10)
      return { buildsEnded }
    },
  })

  return {
    address: null,
    async stop() {
      stopping.abort()
      await listener.stop()
      await jobs.stop()
      await erasures.stop()
      await point.stop()
      await programme.stop()
      await database.close()
    },
  }

  /** Jobs that a killed builder left running begin again. */
  function waitingJobs() {
    return database.db
      .selectFrom('release.jobs')
      .select(['id', 'request'])
      .where('state', 'in', ['requested', 'running'])
      .orderBy('id')
      .execute()
  }

  async function run(id: string, request: unknown): Promise<void> {
    await update(id, { state: 'running', progress: 0 })
    let toldAt = 0
    let telling: Promise<unknown> = Promise.resolve()
    const onProgress = (share: number): void => {
      if (performance.now() - toldAt < PROGRESS_MS) return
      toldAt = performance.now()
      // Progress is for show: a lost update costs nothing.
      telling = update(id, { progress: share }).catch(() => undefined)
    }
    building = new AbortController()
    builds++
    const signal = AbortSignal.any([stopping.signal, building.signal])
    try {
      const input = { database, installation, objectsDir, signingSeed: signingSeed ?? '', signer, clock }
      const releaseId = await buildJob(request, { ...input, signal, onProgress })
      await telling
      await update(id, { state: 'done', progress: 1, release_id: releaseId })
      log.info({ job: id, release: releaseId }, 'a release was built')
    } catch (error) {
      await telling
      // Told to stop: the job stays as it is and begins again with the next start.
      if (stopping.signal.aborted) return
      const locked = new FairtraceError('PROGRAMME_LOCKED', 'the build was ended by a lockdown', { cause: error })
      const refusal = building.signal.aborted ? locked : error
      const code = isFairtraceError(refusal) ? refusal.code : 'INTERNAL'
      const message = isFairtraceError(refusal) ? refusal.message : 'the build broke off'
      const place =
        isFairtraceError(error) || !(error instanceof Error) ? undefined : error.stack?.split('\n').slice(1, 4)
      log.error({ job: id, code, place }, 'a release was not built')
      await update(id, { state: 'failed', code, message })
    } finally {
      builds--
    }
    await database.pool.query(`select pg_notify('fairtrace_jobs', $1)`, [id])
  }

  async function update(
    id: string,
    values: {
      state?: 'running' | 'done' | 'failed'
      progress?: number
      code?: string
      message?: string
      release_id?: string
    },
  ): Promise<void> {
    await database.db.updateTable('release.jobs').set(values).where('id', '=', id).execute()
  }
}

/** What a killed build left: never published, and unreadable where it was a spill. */
async function removeAbandoned(releases: string): Promise<void> {
  const names = await readdir(releases).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  for (const name of names) {
    if (name.startsWith(STAGING_PREFIX)) await rm(join(releases, name), { recursive: true, force: true })
  }
}
