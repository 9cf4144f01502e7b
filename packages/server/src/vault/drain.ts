/**
 * The loop that empties the inbox, several groups at a time so that curves, disk and database work at once.
 *
 * One vault drains at a time (`drain-lock.ts`). So groups need no row locks, which would write each row twice, and at the
 * start an object that no row names is certain to be left over from a crash.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isFairtraceError } from '@fairtrace/core'
import type pg from 'pg'
import type { Logger } from 'pino'
import { drainGroup, type GroupInput, type InboxRow, isConstraint } from './drain-group.ts'
import { takeDrainLock } from './drain-lock.ts'

const GROUP_ROWS_MAX = 256
const GROUP_BYTES_MAX = 16 * 1024 * 1024
const POLL_MS = 1_000
/** A batch that comes alone waits this long for company: it would get a segment to itself. */
const GATHER_MS = 150
const BACK_OFF_MS = 1_000
/** At least this often, batches that became visible behind the reading position are looked for. */
const RESCAN_MS = 10_000

export interface DrainInput extends Omit<GroupInput, 'lockOwner'> {
  readonly log: Logger
  /** Called once the lock is held, before the first group. */
  onLocked(lockOwner: number): Promise<void>
  /** While the programme is locked the inbox stays as it is. */
  isHalted(): boolean
}

export class Drain {
  readonly #input: DrainInput
  readonly #lanes: number
  #isStopped = false
  #cursor = 0
  #underWay = 0
  #isQuerying = false
  #rescanAt = 0
  #reading: Promise<unknown> = Promise.resolve()
  #wake = Promise.withResolvers<void>()
  #running: Promise<void> = Promise.resolve()
  #lockOwner: number | null = null

  constructor(input: DrainInput) {
    this.#input = input
    this.#lanes = input.pool.size + 2
  }

  /** Who holds the drain lock, as long as it is this vault. Each transaction asks the database again. */
  get lockOwner(): number | null {
    return this.#lockOwner
  }

  start(): void {
    this.#running = this.#run()
  }

  /** There may be something in the inbox. */
  wake(): void {
    this.#wake.resolve()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.wake()
    await this.#running
  }

  /** Once halted: resolves when nothing of the inbox is open any more. */
  async halted(): Promise<void> {
    while (this.#underWay > 0 || this.#isQuerying) await sleep(5)
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      let lock: pg.PoolClient | null = null
      try {
        lock = await this.#input.database.pool.connect()
        await this.#hold(lock)
      } catch (error) {
        this.#complain(error)
      } finally {
        // With its connection the lock is let go.
        lock?.release(true)
      }
      if (!this.#isStopped) await sleep(BACK_OFF_MS)
    }
  }

  /** Drains as long as the lock is held. */
  async #hold(lock: pg.PoolClient): Promise<void> {
    const owner = await takeDrainLock(lock)
    if (owner === null) return
    let isLost = false
    const lose = () => {
      isLost = true
      this.wake()
    }
    lock.on('error', lose)
    lock.on('end', lose)
    await this.#input.onLocked(owner)
    this.#cursor = 0
    const isOver = () => isLost || this.#isStopped
    this.#lockOwner = owner
    try {
      await Promise.all(Array.from({ length: this.#lanes }, () => this.#lane(owner, isOver)))
    } finally {
      this.#lockOwner = null
    }
  }

  async #lane(lockOwner: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        const rows = await this.#next(isOver)
        if (rows.length > 0) await this.#drain(rows, lockOwner)
      } catch (error) {
        this.#complain(error)
        await sleep(BACK_OFF_MS)
      }
    }
  }

  async #drain(rows: readonly InboxRow[], lockOwner: number): Promise<void> {
    const input = { ...this.#input, lockOwner }
    try {
      const counts = await drainGroup(rows, input).catch(async (error: unknown) => {
        if (!isConstraint(error)) throw error
        return await drainGroup(rows, input)
      })
      for (const [code, count] of counts.quarantined) this.#input.log.warn({ code, count }, 'quarantined')
    } finally {
      this.#underWay--
    }
  }

  /** One reader at a time; resolves empty when it is time to look again. */
  #next(isOver: () => boolean): Promise<readonly InboxRow[]> {
    const turn = this.#reading.then(() => (isOver() ? [] : this.#read()))
    this.#reading = turn.catch(() => undefined)
    return turn
  }

  async #read(): Promise<readonly InboxRow[]> {
    // Positions are given before a commit makes them visible, so some may appear behind the cursor. Going back to the
    // start is only safe with nothing under way: what is would be read twice.
    if (this.#input.isHalted()) {
      if (this.#underWay === 0) await this.#idle()
      else await sleep(5)
      return []
    }
    const isDue = performance.now() >= this.#rescanAt
    if (isDue && this.#underWay > 0 && this.#cursor !== 0) {
      await sleep(5)
      return []
    }
    if (isDue) this.#rewind()
    this.#isQuerying = true
    const rows = await this.#query().finally(() => {
      this.#isQuerying = false
    })
    if (rows.length > 0) return rows
    if (this.#underWay > 0) {
      await sleep(5)
      return []
    }
    this.#rewind()
    await this.#idle()
    return []
  }

  #rewind(): void {
    this.#cursor = 0
    this.#rescanAt = performance.now() + RESCAN_MS
  }

  async #query(): Promise<readonly InboxRow[]> {
    const { rows } = await this.#input.database.pool.query<InboxRow & { position: number }>({
      name: 'vault-inbox',
      text: `select id, position, sealed from (
          select id, position, sealed, sum(octet_length(sealed)) over (order by position) as bytes from (
            select id, position, sealed from inbox.batches where position > $1 order by position limit ${GROUP_ROWS_MAX}
          ) as first
        ) as counted where bytes <= ${GROUP_BYTES_MAX} order by position`,
      values: [this.#cursor],
    })
    const last = rows.at(-1)
    if (last === undefined) return []
    this.#cursor = last.position
    this.#underWay++
    return rows
  }

  async #idle(): Promise<void> {
    const timer = new AbortController()
    await Promise.race([this.#wake.promise, sleep(POLL_MS, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
    if (this.#isStopped) return
    this.#wake = Promise.withResolvers<void>()
    await sleep(GATHER_MS)
  }

  /** The batches stay in the inbox; the loop tries again after a while. */
  #complain(error: unknown): void {
    const code = isFairtraceError(error) ? error.code : 'DATABASE_FAILED'
    const cause = error instanceof Error && 'code' in error ? error.code : undefined
    this.#input.log.error({ code, cause }, 'draining stopped for a moment; the batches stay in the inbox')
  }
}
