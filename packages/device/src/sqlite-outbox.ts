/** The outbox on a desktop: encrypted values in one SQLite file. See `outbox.ts` for what each operation promises. */
import type { DatabaseSync } from 'node:sqlite'
import {
  type Action,
  type BatchId,
  type Clock,
  FairtraceError,
  type RecordingId,
  type TaskOutcome,
} from '@fairtrace/core'
import { randomId } from './device-key.ts'
import type { BatchToStore, HighestSeen, LocalNote, RecordingStart, WaitingBatch, WaitingRecording } from './outbox.ts'
import { BatchRows } from './outbox-batches.ts'
import { inTransaction, openOutboxDatabase, wipeDeleted } from './outbox-database.ts'
import { MetaRows } from './outbox-meta.ts'
import { RecordingRows } from './outbox-recordings.ts'
import { isDue, OUTBOX_BYTES_MAX } from './outbox-rules.ts'
import { sealedValues } from './sealed-values.ts'
import type { DeviceStorage } from './storage.ts'

export interface SqliteOutboxOptions {
  readonly file: string
  /** 32 bytes. */
  readonly storageKey: Uint8Array
  readonly clock: Clock
  /** Bytes of what waits, above which capture stops. Sealing may go above it: it is on its way out. */
  readonly bytesMax?: number
}

/**
 * Opens the outbox, alone. A recording that was open when the process died is held with what it has.
 * @throws `OUTBOX_IN_USE`, `OUTBOX_CORRUPT` if the key does not open it
 */
export function openSqliteOutbox(options: SqliteOutboxOptions): SqliteOutbox {
  const database = openOutboxDatabase(options.file)
  try {
    return new SqliteOutbox(database, options)
  } catch (cause) {
    database.close()
    throw cause
  }
}

export class SqliteOutbox implements DeviceStorage {
  readonly #database: DatabaseSync
  readonly #recordings: RecordingRows
  readonly #batches: BatchRows
  readonly #meta: MetaRows
  readonly #bytesMax: number
  #bytesUsed: number
  /** Sealing waits for cryptography between reading and writing; whatever changes a recording waits for it. */
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(database: DatabaseSync, { storageKey, clock, bytesMax }: SqliteOutboxOptions) {
    const values = sealedValues(storageKey)
    this.#database = database
    this.#recordings = new RecordingRows(database, values)
    this.#batches = new BatchRows(database, values)
    this.#meta = new MetaRows(database, values)
    this.#bytesMax = bytesMax ?? OUTBOX_BYTES_MAX
    this.#change(() => {
      this.#meta.requireKey()
      this.#recordings.closeAll(clock.nowMs())
    })
    this.#bytesUsed = this.#measure()
  }

  /** Bytes of everything that waits. */
  get bytesUsed(): number {
    return this.#bytesUsed
  }

  async begin(
    start: RecordingStart,
    actions: readonly Action[] = [],
    id = randomId() as RecordingId,
  ): Promise<RecordingId> {
    const value = this.#recordings.sealStart(id, start)
    const chunk = actions.length === 0 ? null : this.#recordings.sealChunk(id, 0, actions)
    const bytes = value.length + (chunk?.length ?? 0)
    this.#reserve(bytes)
    this.#change(() => {
      this.#recordings.insertOpen(id, value)
      if (chunk !== null) this.#recordings.insertChunk(id, 0, actions.length, chunk)
    })
    this.#bytesUsed += bytes
    return id
  }

  async append(recording: RecordingId, actions: readonly Action[]): Promise<void> {
    if (actions.length === 0) return
    const position = this.#recordings.nextPosition(recording)
    const value = this.#recordings.sealChunk(recording, position, actions)
    this.#reserve(value.length)
    this.#change(() => this.#recordings.insertChunk(recording, position, actions.length, value))
    this.#bytesUsed += value.length
  }

  async end(recording: RecordingId, endedAtMs: number, why: string | null = null): Promise<void> {
    const before = this.#recordings.bytes(recording)
    this.#change(() => {
      this.#recordings.close(recording, endedAtMs)
      if (why !== null) this.#meta.addNote({ atMs: endedAtMs, reason: why })
    })
    this.#bytesUsed += this.#recordings.bytes(recording) - before
  }

  async list(): Promise<readonly WaitingRecording[]> {
    return this.#recordings.list()
  }

  async actions(recording: RecordingId): Promise<readonly Action[]> {
    return this.#recordings.actions(recording)
  }

  deleteRecording(recording: RecordingId): Promise<void> {
    return this.#inTurn(() =>
      this.#delete(() => {
        this.#recordings.require(recording)
        this.#recordings.remove(recording)
      }),
    )
  }

  deletePart(recording: RecordingId, from: number, to: number): Promise<void> {
    return this.#inTurn(() => this.#delete(() => this.#recordings.cut(recording, from, to)))
  }

  narrow(recording: RecordingId, keep: (actions: readonly Action[]) => readonly Action[]): Promise<number> {
    return this.#inTurn(() => {
      this.#recordings.requireEnded(recording)
      const actions = this.#recordings.actions(recording)
      const kept = keep(actions)
      if (kept.length === actions.length) return 0
      this.#delete(() => this.#recordings.replaceActions(recording, kept))
      return actions.length - kept.length
    })
  }

  setOutcome(recording: RecordingId, outcome: TaskOutcome | null): Promise<void> {
    return this.#inTurn(() => {
      const before = this.#recordings.bytes(recording)
      this.#change(() => this.#recordings.setOutcome(recording, outcome))
      this.#bytesUsed += this.#recordings.bytes(recording) - before
    })
  }

  release(recordings: readonly RecordingId[]): Promise<void> {
    return this.#inTurn(() =>
      this.#change(() => {
        for (const recording of recordings) {
          this.#recordings.requireEnded(recording)
          this.#recordings.release(recording)
        }
      }),
    )
  }

  async due(nowMs: number): Promise<readonly WaitingRecording[]> {
    return this.#recordings.list().filter((recording) => isDue(recording, nowMs))
  }

  seal(recording: RecordingId, build: (firstSequence: number) => Promise<readonly BatchToStore[]>): Promise<number> {
    return this.#inTurn(async () => {
      this.#recordings.requireEnded(recording)
      const first = this.#meta.nextSequence()
      const batches = await build(first)
      let added = -this.#recordings.bytes(recording)
      this.#change(() => {
        this.#recordings.remove(recording)
        for (const [i, batch] of batches.entries()) added += this.#batches.insert(first + i, batch)
        this.#meta.putNextSequence(first + batches.length)
      })
      this.#bytesUsed += added
      return batches.length
    })
  }

  async sealed(limit: number, afterSequence = -1): Promise<readonly WaitingBatch[]> {
    return this.#batches.list(limit, afterSequence)
  }

  async sealedIds(afterSequence = -1): Promise<readonly BatchId[]> {
    return this.#batches.ids(afterSequence)
  }

  reseal(
    sequence: number,
    seal: (body: Uint8Array) => Promise<{ id: BatchId; bytes: Uint8Array }>,
  ): Promise<WaitingBatch> {
    return this.#inTurn(async () => {
      const batch = { sequence, ...(await seal(this.#batches.body(sequence))) }
      this.#change(() => this.#batches.replaceSealed(batch))
      this.#bytesUsed = this.#measure()
      return batch
    })
  }

  async acknowledge(batch: BatchId): Promise<void> {
    this.#bytesUsed -= this.#change(() => this.#batches.remove(batch))
  }

  async highestSeen(): Promise<HighestSeen> {
    return this.#meta.highestSeen()
  }

  async raiseHighestSeen(seen: HighestSeen): Promise<void> {
    const held = this.#meta.highestSeen()
    if (seen.epoch <= held.epoch && seen.consentVersion <= held.consentVersion) return
    this.#change(() => this.#meta.raiseHighestSeen(seen))
  }

  async note(note: LocalNote): Promise<void> {
    this.#change(() => this.#meta.addNote(note))
  }

  async notes(): Promise<readonly LocalNote[]> {
    return this.#meta.notes()
  }

  deleteEverything(): Promise<void> {
    return this.#inTurn(() =>
      this.#delete(() => {
        this.#database.exec('delete from chunks; delete from recordings; delete from batches; delete from notes')
      }),
    )
  }

  async readSetting(name: string): Promise<unknown> {
    return this.#meta.get(`setting ${name}`)
  }

  async writeSetting(name: string, value: unknown): Promise<void> {
    if (value === null) this.#delete(() => this.#meta.remove(`setting ${name}`))
    else this.#change(() => this.#meta.put(`setting ${name}`, value))
  }

  async close(): Promise<void> {
    if (!this.#database.isOpen) return
    wipeDeleted(this.#database)
    this.#database.close()
  }

  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    // The one before has told its own caller if it failed; the next one runs all the same.
    const turn = this.#lastTurn.then(work, work)
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }

  #change<T>(work: () => T): T {
    return inTransaction(this.#database, work)
  }

  /** A change after which what is gone is gone from the files too. */
  #delete(work: () => void): void {
    this.#change(work)
    wipeDeleted(this.#database)
    this.#bytesUsed = this.#measure()
  }

  #reserve(bytes: number): void {
    if (this.#bytesUsed + bytes > this.#bytesMax) {
      throw new FairtraceError('OUTBOX_FULL', `${this.#bytesUsed} bytes wait; at most ${this.#bytesMax}`)
    }
  }

  #measure(): number {
    const row = this.#database
      .prepare(
        `select (select coalesce(sum(length(info)), 0) from recordings)
              + (select coalesce(sum(length(value)), 0) from chunks)
              + (select coalesce(sum(length(bytes) + length(body)), 0) from batches) as n`,
      )
      .get()
    return Number(row?.n)
  }
}
