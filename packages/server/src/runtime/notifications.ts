/**
 * `LISTEN` on a connection of its own that is opened again when it breaks.
 *
 * A notification only shortens a wait: whoever listens also looks by itself from time to time, because PostgreSQL forgets
 * what it announced while nobody was connected.
 */
import type { PoolClient } from 'pg'
import type { OpenDatabase } from '../store/database.ts'

const RECONNECT_MS = 500

export interface Listener {
  stop(): Promise<void>
}

/** @param channel one of the fixed channel names; never input */
export function listen(
  { pool }: Pick<OpenDatabase, 'pool'>,
  channel: string,
  onNotification: (payload: string) => void,
): Listener {
  let client: PoolClient | null = null
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let connecting = connect()

  return {
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await connecting
      client?.release(true)
      client = null
    },
  }

  async function connect(): Promise<void> {
    let opened: PoolClient | null = null
    try {
      opened = await pool.connect()
      opened.on('notification', (message) => onNotification(message.payload ?? ''))
      opened.on('error', lost)
      await opened.query(`listen ${channel}`)
      client = opened
    } catch {
      // The database is away; whoever listens polls meanwhile.
      opened?.release(true)
      again()
    }
  }

  function lost(): void {
    client?.release(true)
    client = null
    again()
  }

  function again(): void {
    if (isStopped) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      connecting = connect()
    }, RECONNECT_MS)
  }
}
