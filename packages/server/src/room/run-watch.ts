/**
 * What ends a run before its time: the grant's end, the epoch, a pause or a lock of the programme, or the closing of the release.
 * It is heard of at once, and looked for four times a second besides.
 */
import { type Clock, FairtraceError, type Grant, grantHash } from '@fairtrace/core'
import { z } from 'zod'
import { listen } from '../runtime/notifications.ts'
import type { OpenDatabase } from '../store/database.ts'

const POLL_MS = 250
/** Without an answer for this long it may have ended; a database that is merely busy answers sooner. */
const SILENCE_MS = 3_000
const CHANNELS = ['fairtrace_grants', 'fairtrace_programme', 'fairtrace_releases']

export interface RunWatch {
  readonly signal: AbortSignal
  stop(): Promise<void>
}

/** @param release id of the release that the run reads */
export function watchRun(database: OpenDatabase, grant: Grant, release: string, clock: Clock): RunWatch {
  const over = new AbortController()
  const end = (reason: string) => over.abort(new FairtraceError('ROOM_STOPPED', reason))
  let heardAt = performance.now()
  let isLooking = false
  const look = () => {
    if (performance.now() - heardAt > SILENCE_MS) end('nobody says whether it may go on')
    if (isLooking) return
    isLooking = true
    whyOver(database, grant, release, clock)
      .then(
        (reason) => {
          heardAt = performance.now()
          if (reason !== null) end(reason)
        },
        // Fails closed: without an answer it may have ended.
        () => end('nobody says whether it may go on'),
      )
      .finally(() => {
        isLooking = false
      })
  }
  const listeners = CHANNELS.map((channel) => listen(database, channel, look))
  const timer = setInterval(look, POLL_MS)
  return {
    signal: over.signal,
    async stop() {
      clearInterval(timer)
      await Promise.all(listeners.map((listener) => listener.stop()))
    },
  }
}

const activationSchema = z.object({ endsAtMs: z.number() })

/** @returns why a run under this grant may not go on, or null */
export async function whyOver(
  { pool }: OpenDatabase,
  grant: Grant,
  release: string,
  clock: Clock,
): Promise<string | null> {
  const { rows } = await pool.query<{
    ended: boolean
    closed: boolean
    epoch: number
    state: string
    activation: unknown
  }>(
    `select exists (select 1 from vault.grant_ends where grant_hash = $1) as ended,
       exists (select 1 from vault.release_closings where release = $2) as closed, epoch, state,
       (select activation from vault.activations where grant_hash = $1 and state = 'active') as activation
     from install.programme`,
    [grantHash(grant), release],
  )
  const [now] = rows
  if (now === undefined) return 'there is no programme'
  if (now.closed) return 'the release was closed'
  if (now.ended) return 'the grant was ended'
  if (now.epoch !== grant.epoch || now.state === 'locked') return 'the programme was locked'
  if (now.state !== 'running') return `the programme is ${now.state}`
  const activation = activationSchema.safeParse(now.activation)
  if (!activation.success) return 'the grant is not active'
  return activation.data.endsAtMs <= clock.nowMs() ? "the grant's time is over" : null
}
