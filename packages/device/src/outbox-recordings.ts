/** Rows of recordings and their chunks of actions. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  type Action,
  actionSchema,
  FairtraceError,
  id128Pattern,
  type RecordingId,
  type TaskOutcome,
} from '@fairtrace/core'
import { z } from 'zod'
import { randomId } from './device-key.ts'
import type { RecordingStart, WaitingRecording } from './outbox.ts'
import { blob } from './outbox-database.ts'
import { infoOfStart, infoSchema, RECORDING_STATES, type RecordingInfo } from './recording-info.ts'
import type { SealedValues } from './sealed-values.ts'
import { splitActions } from './split-actions.ts'

const rowSchema = z.object({
  id: z.string().regex(id128Pattern),
  state: z.enum(RECORDING_STATES),
  info: z.instanceof(Uint8Array),
  actions: z.number(),
})
const chunkSchema = z.object({ position: z.number(), value: z.instanceof(Uint8Array) })

const SELECT = `
  select id, state, info, (select coalesce(sum(actions), 0) from chunks where recording = recordings.id) as actions
  from recordings`

/** Single statements; who calls decides what is one transaction. */
export class RecordingRows {
  readonly #database: DatabaseSync
  readonly #values: SealedValues
  readonly #openAt: StatementSync
  readonly #insertChunk: StatementSync
  readonly #bytes: StatementSync

  constructor(database: DatabaseSync, values: SealedValues) {
    this.#database = database
    this.#values = values
    this.#openAt = database.prepare(`
      select state, (select coalesce(max(position), -1) + 1 from chunks where recording = id) as next
      from recordings where id = ?`)
    this.#bytes = database.prepare(`
      select length(info) + (select coalesce(sum(length(value)), 0) from chunks where recording = id) as n
      from recordings where id = ?`)
    this.#insertChunk = database.prepare('insert into chunks (recording, position, actions, value) values (?, ?, ?, ?)')
  }

  /** Oldest first. */
  list(): readonly WaitingRecording[] {
    return this.#database
      .prepare(`${SELECT} order by position`)
      .all()
      .map((row) => this.#parse(row))
  }

  /** @throws `NOT_FOUND` */
  require(recording: RecordingId): WaitingRecording {
    const row = this.#database.prepare(`${SELECT} where id = ?`).get(recording)
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'no such recording waits')
    return this.#parse(row)
  }

  /** @throws `NOT_FOUND`; `USAGE` while it still grows */
  requireEnded(recording: RecordingId): WaitingRecording {
    const found = this.require(recording)
    if (found.state === 'open') throw new FairtraceError('USAGE', 'the recording still grows; end it first')
    return found
  }

  /** Stored bytes of a recording; 0 if it is gone. */
  bytes(recording: RecordingId): number {
    return Number(this.#bytes.get(recording)?.n ?? 0)
  }

  /** @throws `NOT_FOUND` */
  actions(recording: RecordingId): readonly Action[] {
    this.require(recording)
    return this.#database
      .prepare('select position, value from chunks where recording = ? order by position')
      .all(recording)
      .flatMap((row) => {
        const { position, value } = chunkSchema.parse(row)
        return z.array(actionSchema).parse(this.#values.decryptJson(chunkOf(recording, position), value))
      })
  }

  /** The start of a recording as it will be stored. */
  sealStart(recording: RecordingId, start: RecordingStart): Uint8Array {
    return this.#values.encryptJson(infoOf(recording), infoOfStart(start))
  }

  insertOpen(recording: RecordingId, start: Uint8Array): void {
    this.#insert(recording, 'open', start)
  }

  /**
   * Where the next chunk of an open recording goes.
   * @throws `NOT_FOUND`
   */
  nextPosition(recording: RecordingId): number {
    const row = this.#openAt.get(recording)
    if (row?.state !== 'open') throw new FairtraceError('NOT_FOUND', 'no such open recording')
    return Number(row.next)
  }

  /** A chunk as it will be stored. */
  sealChunk(recording: RecordingId, position: number, actions: readonly Action[]): Uint8Array {
    return this.#values.encryptJson(chunkOf(recording, position), actions)
  }

  insertChunk(recording: RecordingId, position: number, actions: number, value: Uint8Array): void {
    this.#insertChunk.run(recording, position, actions, value)
  }

  release(recording: RecordingId): void {
    this.#database.prepare(`update recordings set state = 'released' where id = ?`).run(recording)
  }

  remove(recording: RecordingId): void {
    this.#database.prepare('delete from recordings where id = ?').run(recording)
  }

  /** An open recording becomes held; one without actions disappears. */
  close(recording: RecordingId, endedAtMs: number): void {
    const { id, state, actionCount, ...info } = this.require(recording)
    if (state !== 'open') return
    if (actionCount === 0) {
      this.remove(id)
      return
    }
    const value = this.#values.encryptJson(infoOf(id), { ...info, endedAtMs } satisfies RecordingInfo)
    this.#database.prepare(`update recordings set state = 'held', info = ? where id = ?`).run(value, id)
  }

  /** @throws `NOT_FOUND`; `USAGE` while it grows, or without a task */
  setOutcome(recording: RecordingId, outcome: TaskOutcome | null): void {
    const { id, state, actionCount, ...info } = this.requireEnded(recording)
    if (info.task === null) throw new FairtraceError('USAGE', 'the recording shows no task')
    const value = this.#values.encryptJson(infoOf(id), { ...info, outcome } satisfies RecordingInfo)
    this.#database.prepare('update recordings set info = ? where id = ?').run(value, id)
  }

  /** Without any actions it disappears. */
  replaceActions(recording: RecordingId, actions: readonly Action[]): void {
    if (actions.length === 0) {
      this.remove(recording)
      return
    }
    this.#database.prepare('delete from chunks where recording = ?').run(recording)
    this.insertChunk(recording, 0, actions.length, this.sealChunk(recording, 0, actions))
  }

  closeAll(endedAtMs: number): void {
    for (const { id } of this.#database.prepare(`select id from recordings where state = 'open'`).all()) {
      this.close(String(id) as RecordingId, endedAtMs)
    }
  }

  /** Cuts `[from, to)` out; what comes after becomes a recording of its own. */
  cut(recording: RecordingId, from: number, to: number): void {
    const { id, state, actionCount, ...info } = this.requireEnded(recording)
    const { before, after } = splitActions(this.actions(id), from, to)
    this.remove(id)
    // Only what still reaches the end can say how the task ended.
    if (before.length > 0) this.#insertWhole(id, state, { ...info, outcome: null }, before)
    if (after.length > 0) this.#insertWhole(randomId() as RecordingId, state, info, after)
  }

  #insertWhole(id: RecordingId, state: string, info: RecordingInfo, actions: readonly Action[]): void {
    this.#insert(id, state, this.#values.encryptJson(infoOf(id), info))
    this.insertChunk(id, 0, actions.length, this.#values.encryptJson(chunkOf(id, 0), actions))
  }

  #insert(id: RecordingId, state: string, info: Uint8Array): void {
    this.#database.prepare('insert into recordings (id, state, info) values (?, ?, ?)').run(id, state, info)
  }

  #parse(row: unknown): WaitingRecording {
    const { id, state, info, actions } = rowSchema.parse(row)
    const recording = id as RecordingId
    const parsed = infoSchema.parse(this.#values.decryptJson(infoOf(recording), blob(info)))
    return { id: recording, state, actionCount: actions, ...parsed }
  }
}

// Identities of rows, as associated data.
const infoOf = (recording: RecordingId): string => `recording ${recording}`
const chunkOf = (recording: RecordingId, position: number): string => `chunk ${recording} ${position}`
