/**
 * A builder stops with its grant: opened keys in its memory are worth nothing once somebody ended the grant, the epoch went up, the
 * programme was locked, or its time is over. It hears of each at once, and looks every second besides.
 */
import { type Clock, FairtraceError, type Grant, grantHash } from '@fairtrace/core'
import { z } from 'zod'
import { listen } from '../runtime/notifications.ts'
import type { OpenDatabase } from '../store/database.ts'

const POLL_MS = 1_000

export interface GrantWatch {
  /** Aborts, with the reason, when the grant is over; also when nobody can be asked any more. */
  readonly signal: AbortSignal
  stop(): Promise<void>
}

/** Whether a grant runs is the keeper's and the vault's to say; this one only stops, and never starts anything. */
export function watchGrant(database: OpenDatabase, grant: Grant, clock: Clock): GrantWatch {
  const over = new AbortController()
  const look = () => {
    whyOver(database, grant, clock).then(
      (reason) => {
        if (reason !== null) over.abort(new FairtraceError('GRANT_INVALID', reason))
      },
      // Fails closed: without an answer it may have ended.
      () => over.abort(new FairtraceError('DATABASE_FAILED', 'nobody says whether the grant still runs')),
    )
  }
  const listeners = ['fairtrace_grants', 'fairtrace_programme'].map((channel) => listen(database, channel, look))
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

async function whyOver({ pool }: OpenDatabase, grant: Grant, clock: Clock): Promise<string | null> {
  const { rows } = await pool.query<{ ended: boolean; epoch: number; state: string; activation: unknown }>(
    `select exists (select 1 from vault.grant_ends where grant_hash = $1) as ended, epoch, state,
       (select activation from vault.activations where grant_hash = $1) as activation from install.programme`,
    [grantHash(grant)],
  )
  const [now] = rows
  if (now === undefined || now.ended) return 'ended'
  if (now.epoch !== grant.epoch) return 'epoch-over'
  if (now.state === 'locked') return 'locked'
  const activation = activationSchema.safeParse(now.activation)
  // Before it is active there is nothing that could be over.
  return activation.success && activation.data.endsAtMs <= clock.nowMs() ? 'not-in-period' : null
}
