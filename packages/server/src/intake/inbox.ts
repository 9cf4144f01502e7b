/**
 * The inbox: where sealed batches wait for the vault. Accepted means durable.
 *
 * On PostgreSQL, batches that come while a statement is on its way share the next one: at a thousand a second one flush of
 * the disk carries dozens, and alone each still leaves at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BatchId, FairtraceError, type VaultKeyId } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'

export interface SealedBatch {
  readonly id: BatchId
  readonly vaultKeyId: VaultKeyId
  readonly sealed: Uint8Array
}

export interface Inbox {
  /**
   * Resolves once the batch is durable. A batch that is there already is accepted again.
   * @throws `INTAKE_BUSY` if too many wait, `DISK_FULL`, `DATABASE_FAILED`; then nothing was promised
   */
  add(batch: SealedBatch): Promise<void>
}

/** Two, so that the next flush is built and sent while the disk works on the last one. */
const FLUSHES_MAX = 2
const WAITING_MAX = 2_048
const WAITING_BYTES_MAX = 64 * 1024 * 1024
const FLUSH_BYTES_MAX = 4 * 1024 * 1024
/** One prepared statement for each number of rows; a flush takes the largest that it can fill. */
const ROWS = [64, 32, 16, 8, 4, 2, 1] as const
const NOTIFY_MS = 100

interface Waiting {
  readonly batch: SealedBatch
  readonly accepted: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: FairtraceError) => void
}

export class PostgresInbox implements Inbox {
  readonly #pool: OpenDatabase['pool']
  /** By id, so that the same batch sent twice at once is one row and one promise. */
  readonly #waiting = new Map<BatchId, Waiting>()
  #waitingBytes = 0
  #flushes = 0
  #isScheduled = false
  #notifying: Promise<void> | null = null

  constructor({ pool }: Pick<OpenDatabase, 'pool'>) {
    this.#pool = pool
  }

  add(batch: SealedBatch): Promise<void> {
    const same = this.#waiting.get(batch.id)
    if (same !== undefined) return same.accepted
    if (this.#waiting.size >= WAITING_MAX || this.#waitingBytes >= WAITING_BYTES_MAX) {
      return Promise.reject(new FairtraceError('INTAKE_BUSY', `${this.#waiting.size} batches wait`))
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.set(batch.id, { batch, accepted: promise, resolve, reject })
    this.#waitingBytes += batch.sealed.length
    // After the events of this turn: what arrived together leaves together.
    if (!this.#isScheduled && this.#flushes < FLUSHES_MAX) {
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        this.#startFlushes()
      })
    }
    return promise
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0 || this.#flushes > 0) await sleep(5)
    await this.#notifying
  }

  #startFlushes(): void {
    while (this.#flushes < FLUSHES_MAX && this.#waiting.size > 0) void this.#flush(this.#take())
  }

  #take(): Waiting[] {
    const size = this.#waiting.size
    const most = ROWS.find((rows) => rows <= size) ?? 1
    const taken: Waiting[] = []
    let bytes = 0
    for (const waiting of this.#waiting.values()) {
      if (taken.length >= most || bytes >= FLUSH_BYTES_MAX) break
      taken.push(waiting)
      bytes += waiting.batch.sealed.length
    }
    // Cut short by their bytes: back to a number that has a statement.
    const rows = ROWS.find((count) => count <= taken.length) ?? 1
    taken.length = rows
    for (const { batch } of taken) {
      this.#waiting.delete(batch.id)
      this.#waitingBytes -= batch.sealed.length
    }
    // In one order, so that two statements with the same batches can't wait for each other; and so that the order of
    // arrival within a flush is nowhere.
    return taken.sort((a, b) => (a.batch.id < b.batch.id ? -1 : 1))
  }

  async #flush(taken: readonly Waiting[]): Promise<void> {
    this.#flushes++
    try {
      await this.#pool.query({
        name: `inbox-${taken.length}`,
        text: insertStatement(taken.length),
        values: taken.flatMap(({ batch }) => [batch.id, batch.vaultKeyId, batch.sealed]),
      })
      for (const { resolve } of taken) resolve()
      this.#notify()
    } catch (error) {
      // Fails closed: without the commit nothing is acknowledged, and the device sends it again.
      const refusal = inboxFailure(error)
      for (const { reject } of taken) reject(refusal)
    } finally {
      this.#flushes--
      this.#startFlushes()
    }
  }

  #notify(): void {
    this.#notifying ??= sleep(NOTIFY_MS)
      .then(() => this.#pool.query('notify fairtrace_inbox'))
      // The vault looks by itself every second.
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        this.#notifying = null
      })
  }
}

function insertStatement(rows: number): string {
  const tuples = Array.from({ length: rows }, (_, i) => `($${3 * i + 1}, $${3 * i + 2}, $${3 * i + 3})`)
  return `insert into inbox.batches (id, vault_key_id, sealed) values ${tuples.join(', ')} on conflict (id) do nothing`
}

function inboxFailure(cause: unknown): FairtraceError {
  const state = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (state === '53100') return new FairtraceError('DISK_FULL', 'the database has no space left', { cause })
  return new FairtraceError('DATABASE_FAILED', 'the database did not accept the batch', { cause })
}
