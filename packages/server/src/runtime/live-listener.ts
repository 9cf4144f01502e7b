/**
 * `LISTEN` for who keeps a cache: it knows whether it still hears. A connection can be dead without saying so, so it is asked
 * all the time; without a recent answer nothing is known to be current.
 */
import type { PoolClient } from 'pg'
import type { OpenDatabase } from '../store/database.ts'

const HEARTBEAT_MS = 300
/** Without an answer that was asked for within this time, what is cached doesn't count. */
const FRESH_MS = 1_000
/** Without an answer for this long the connection is given up. */
const DEAD_MS = 5_000
const RECONNECT_MS = 500

export interface LiveListener {
  /** Whether everything that was announced until a second ago has been heard. */
  isLive(): boolean
  stop(): Promise<void>
}

export interface LiveListenerOptions {
  /** Fixed channel names; never input. */
  readonly channels: readonly string[]
  onNotification(channel: string, payload: string): void
  /** It hears again after a time in which it may have missed anything. */
  onHeardAgain(): void
}

/** Resolves when it listens, or when the first attempt failed; it goes on trying by itself. */
export async function listenLive(
  { pool }: Pick<OpenDatabase, 'pool'>,
  { channels, onNotification, onHeardAgain }: LiveListenerOptions,
): Promise<LiveListener> {
  let client: PoolClient | null = null
  let heardAtMs = Number.NEGATIVE_INFINITY
  let isAsking = false
  let isFirst = true
  let isStopped = false
  let retryAtMs = 0
  let connecting = connect()
  await connecting
  const timer = setInterval(beat, HEARTBEAT_MS)
  timer.unref()

  return {
    isLive: () => client !== null && performance.now() - heardAtMs < FRESH_MS,
    async stop() {
      isStopped = true
      clearInterval(timer)
      await connecting
      client?.release(true)
      client = null
    },
  }

  async function connect(): Promise<void> {
    let opened: PoolClient | null = null
    try {
      opened = await pool.connect()
      const mine = opened
      mine.on('notification', ({ channel, payload }) => onNotification(channel, payload ?? ''))
      mine.on('error', () => lost(mine))
      for (const channel of channels) await mine.query(`listen ${channel}`)
      heardAtMs = performance.now()
      client = mine
      if (!isFirst) onHeardAgain()
      isFirst = false
    } catch {
      // The database is away: nothing is live, and whoever asks reads for themselves.
      opened?.release(true)
      isFirst = false
      retryAtMs = performance.now() + RECONNECT_MS
    }
  }

  function beat(): void {
    const nowMs = performance.now()
    if (client === null) {
      if (!isStopped && nowMs >= retryAtMs) {
        retryAtMs = Number.POSITIVE_INFINITY
        connecting = connect()
      }
      return
    }
    if (isAsking) {
      if (nowMs - heardAtMs > DEAD_MS) lost(client)
      return
    }
    isAsking = true
    const asked = client
    asked.query('select 1').then(
      () => {
        if (client !== asked) return
        isAsking = false
        // As of the question: what was announced before it has arrived by now.
        heardAtMs = nowMs
      },
      () => lost(asked),
    )
  }

  function lost(which: PoolClient): void {
    if (client !== which) return
    client = null
    isAsking = false
    which.release(true)
    retryAtMs = performance.now() + RECONNECT_MS
  }
}
