/**
 * Appending to the ledger, for every role that must log before it acts.
 *
 * An entry is durable once it stands in `ledger.inbox`; it counts once a published checkpoint covers it: signed, and cosigned by
 * as many witnesses as the charter asks for. Calls that come
 * while a statement is on its way share the next one, so that a thousand callers cost a few commits.
 */
import { randomBytes } from 'node:crypto'
import { FairtraceError, LEDGER_SALT_BYTES, ledgerEntry } from '@fairtrace/core'
import type pg from 'pg'
import type { OpenDatabase } from '../store/database.ts'

/** After this long without an answer nothing opens (`LEDGER_UNAVAILABLE`). */
export const APPEND_MS_MAX = 10_000
/** A lost notification costs this much time, no data. */
const POLL_MS = 500
const INSERT_ROWS_MAX = 2_000

export interface Appended {
  /** Position in the log, from 0. */
  readonly index: number
  /** 32 random bytes, base64url: keep it with the detail, or nobody can ever show what the entry says. */
  readonly salt: string
}

/**
 * Commits to `detail` in the log.
 *
 * @param type kind of entry in words, such as `grant.opened`
 * @param detail what is committed to; only a salted hash of it enters the log
 * @param waitForCheckpoint true: resolves when a published checkpoint covers the entry; false: as soon as it has its index
 * @throws `LEDGER_UNAVAILABLE` after 10 s; the entry may still be logged later, so the caller does nothing that it announces
 */
export function appendToLedger(
  database: OpenDatabase,
  type: string,
  detail: unknown,
  { waitForCheckpoint }: { readonly waitForCheckpoint: boolean },
): Promise<Appended> {
  const salt = randomBytes(LEDGER_SALT_BYTES)
  const entry = ledgerEntry(type, detail, salt)
  let appender = appenders.get(database)
  if (appender === undefined) {
    appender = new Appender(database.pool)
    appenders.set(database, appender)
  }
  return appender.append(entry, waitForCheckpoint).then((index) => ({ index, salt: salt.toString('base64url') }))
}

const appenders = new WeakMap<OpenDatabase, Appender>()

interface Waiting {
  readonly entry: string
  readonly waitForCheckpoint: boolean
  readonly resolve: (index: number) => void
  readonly reject: (error: FairtraceError) => void
  readonly timer: NodeJS.Timeout
}

/** What one process has under way. Holds a connection only while somebody waits, so that a pool can be closed. */
class Appender {
  readonly #pool: pg.Pool
  /** Not yet in the database. */
  readonly #unsent = new Set<Waiting>()
  /** In `ledger.inbox`, under their entry: commitments are salted, so no two are alike. */
  readonly #sent = new Map<string, Waiting & { readonly inboxId: number }>()
  #sending = false
  #watching = false
  #wake: () => void = () => undefined

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  append(entry: string, waitForCheckpoint: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#unsent.delete(waiting)
        this.#sent.delete(entry)
        this.#wake()
        reject(unavailable(`no checkpoint after ${APPEND_MS_MAX} ms`))
      }, APPEND_MS_MAX)
      const waiting: Waiting = { entry, waitForCheckpoint, resolve, reject, timer }
      this.#unsent.add(waiting)
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    if (this.#sending) return
    this.#sending = true
    while (this.#unsent.size > 0) {
      const group = [...this.#unsent].slice(0, INSERT_ROWS_MAX)
      for (const waiting of group) this.#unsent.delete(waiting)
      try {
        const { rows } = await this.#pool.query<{ id: number }>(
          `insert into ledger.inbox (entry)
           select entry from unnest($1::text[]) with ordinality as t (entry, place) order by place returning id`,
          [group.map(({ entry }) => entry)],
        )
        const ids = rows.map(({ id }) => id)
        group.forEach((waiting, place) => {
          this.#sent.set(waiting.entry, { ...waiting, inboxId: ids[place] ?? 0 })
        })
      } catch (cause) {
        for (const waiting of group) settle(waiting, unavailable('the entry could not be handed to the ledger', cause))
        continue
      }
      void this.#watch()
      await this.#notify()
    }
    this.#sending = false
  }

  /** After the commit and on its own: a transaction that notifies holds a lock on the whole server while it syncs. */
  async #notify(): Promise<void> {
    try {
      await this.#pool.query(`select pg_notify('fairtrace_ledger_inbox', '')`)
    } catch {
      // The ledger also looks without being told; a lost notification costs time, not the entry.
    }
  }

  /** Looks for answers on every checkpoint, and now and then without one, until nobody waits. */
  async #watch(): Promise<void> {
    if (this.#watching) return
    this.#watching = true
    let listener: pg.PoolClient | null = null
    let broken = false
    const wake = () => this.#wake()
    try {
      listener = await this.#pool.connect()
      listener.on('notification', wake)
      await listener.query('listen fairtrace_checkpoint')
      while (this.#sent.size > 0) {
        const woken = new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS)
          this.#wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        await this.#settleCovered(listener)
        if (this.#sent.size > 0) await woken
        this.#wake()
      }
      // The next user of the connection did not ask for notifications.
      await listener.query('unlisten *')
    } catch (cause) {
      broken = true
      for (const waiting of this.#sent.values()) settle(waiting, unavailable('the database does not answer', cause))
      this.#sent.clear()
    } finally {
      listener?.off('notification', wake)
      listener?.release(broken)
      this.#watching = false
    }
    if (this.#sent.size > 0) void this.#watch()
  }

  async #settleCovered(client: pg.PoolClient): Promise<void> {
    const ids = [...this.#sent.values()].map(({ inboxId }) => inboxId)
    const { rows } = await client.query<{ idx: number; entry: string; covered: boolean }>(
      `select idx, entry, idx < coalesce((select max(size) from ledger.checkpoints where published is not null), 0) as covered
       from ledger.entries where inbox_id = any ($1::bigint[])`,
      [ids],
    )
    for (const { idx, entry, covered } of rows) {
      const waiting = this.#sent.get(entry)
      if (waiting === undefined || (waiting.waitForCheckpoint && !covered)) continue
      this.#sent.delete(entry)
      settle(waiting, idx)
    }
  }
}

function settle(waiting: Waiting, answer: number | FairtraceError): void {
  clearTimeout(waiting.timer)
  if (typeof answer === 'number') waiting.resolve(answer)
  else waiting.reject(answer)
}

function unavailable(message: string, cause?: unknown): FairtraceError {
  return new FairtraceError('LEDGER_UNAVAILABLE', message, { cause })
}
