/** The outbox on a desktop: encrypted values in one SQLite file. See `outbox.ts` for what each operation promises. */
import type { DatabaseSync } from 'node:sqlite'
import {
  type Action,
  type AppId,
  actionSchema,
  type BatchId,
  type Clock,
  FairtraceError,
  id128Pattern,
  type RecordingId,
} from '@fairtrace/core'
import { z } from 'zod'
import { randomId } from './device-key.ts'
import type {
  BatchToStore,
  HighestSeen,
  LocalNote,
  Outbox,
  RecordingStart,
  WaitingBatch,
  WaitingRecording,
} from './outbox.ts'
import { inTransaction, openOutboxDatabase, wipeDeleted } from './outbox-database.ts'
import { type SealedValues, sealedValues } from './sealed-values.ts'

export const OUTBOX_BYTES_MAX = 64 * 1024 * 1024
/** Notes kept at most; older ones go. */
const NOTES_MAX = 1_000
const CHECK = 'fairtrace outbox 1'

export interface SqliteOutboxOptions {
  readonly file: string
  /** 32 bytes. */
  readonly storageKey: Uint8Array
  readonly clock: Clock
  /** Bytes of what waits, above which capture stops. */
  readonly bytesMax?: number
}

const infoSchema = z.strictObject({
  lease: z.string(),
  task: z.string().nullable(),
  shield: z.string(),
  startedAtMs: z.number(),
  reviewMs: z.number().min(0),
  endedAtMs: z.number().nullable(),
})
type Info = z.infer<typeof infoSchema>
const rowSchema = z.object({
  id: z.string().regex(id128Pattern),
  state: z.enum(['open', 'held', 'released']),
  info: z.instanceof(Uint8Array),
  actions: z.number(),
})
const chunkSchema = z.object({ position: z.number(), value: z.instanceof(Uint8Array) })
const batchSchema = z.object({ sequence: z.number(), id: z.string(), bytes: z.instanceof(Uint8Array) })
const noteSchema = z.strictObject({ atMs: z.number(), reason: z.string() })
const highestSchema = z.strictObject({ epoch: z.number(), consentVersion: z.number() })

const SELECT_RECORDINGS = `
  select id, state, info, (select coalesce(sum(actions), 0) from chunks where recording = recordings.id) as actions
  from recordings`

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

export class SqliteOutbox implements Outbox {
  readonly #database: DatabaseSync
  readonly #values: SealedValues
  readonly #bytesMax: number
  #bytesUsed = 0
  /** Sealing waits for cryptography between reading and writing; whatever changes a recording waits for it. */
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(database: DatabaseSync, options: SqliteOutboxOptions) {
    this.#database = database
    this.#values = sealedValues(options.storageKey)
    this.#bytesMax = options.bytesMax ?? OUTBOX_BYTES_MAX
    this.#checkKey()
    this.#endOpenRecordings(options.clock.nowMs())
    this.#bytesUsed = this.#measure()
  }

  /** Bytes of everything that waits. */
  get bytesUsed(): number {
    return this.#bytesUsed
  }

  async begin(start: RecordingStart): Promise<RecordingId> {
    const id = randomId() as RecordingId
    const info = this.#values.encryptJson(infoOf(id), { ...start, endedAtMs: null } satisfies Info)
    this.#reserve(info.length)
    inTransaction(this.#database, () => this.#insertRecording(id, 'open', info))
    this.#bytesUsed += info.length
    return id
  }

  async append(recording: RecordingId, actions: readonly Action[]): Promise<void> {
    if (actions.length === 0) return
    const row = this.#database
      .prepare(
        `select state, (select coalesce(max(position), -1) + 1 from chunks where recording = id) as next
         from recordings where id = ?`,
      )
      .get(recording)
    if (row?.state !== 'open') throw new FairtraceError('NOT_FOUND', 'no such open recording')
    const position = Number(row.next)
    const value = this.#values.encryptJson(chunkOf(recording, position), actions)
    this.#reserve(value.length)
    inTransaction(this.#database, () => this.#insertChunk(recording, position, actions.length, value))
    this.#bytesUsed += value.length
  }

  async end(recording: RecordingId, endedAtMs: number): Promise<void> {
    inTransaction(this.#database, () => {
      if (this.#require(recording).state === 'open') this.#close(recording, endedAtMs)
    })
    this.#bytesUsed = this.#measure()
  }

  async list(): Promise<readonly WaitingRecording[]> {
    return this.#database
      .prepare(`${SELECT_RECORDINGS} order by position`)
      .all()
      .map((row) => this.#parse(row))
  }

  async actions(recording: RecordingId): Promise<readonly Action[]> {
    return this.#readActions(recording)
  }

  deleteRecording(recording: RecordingId): Promise<void> {
    return this.#inTurn(() => {
      inTransaction(this.#database, () => {
        this.#require(recording)
        this.#removeRecording(recording)
      })
      this.#afterDeletion()
    })
  }

  deletePart(recording: RecordingId, from: number, to: number): Promise<void> {
    return this.#inTurn(() => {
      inTransaction(this.#database, () => {
        const { state } = this.#require(recording)
        if (state === 'open') throw new FairtraceError('USAGE', 'the recording still grows; end it first')
        const info = this.#readInfo(recording)
        const { before, after } = split(this.#readActions(recording), from, to)
        this.#removeRecording(recording)
        if (before.length > 0) this.#insertWhole(recording, state, info, before)
        if (after.length > 0) this.#insertWhole(randomId() as RecordingId, state, info, after)
      })
      this.#afterDeletion()
    })
  }

  release(recording: RecordingId): Promise<void> {
    return this.#inTurn(() => {
      inTransaction(this.#database, () => {
        if (this.#require(recording).state === 'open') {
          throw new FairtraceError('USAGE', 'the recording still grows; end it first')
        }
        this.#database.prepare(`update recordings set state = 'released' where id = ?`).run(recording)
      })
    })
  }

  async due(nowMs: number): Promise<readonly WaitingRecording[]> {
    return (await this.list()).filter(({ state, endedAtMs, reviewMs }) => {
      if (state === 'released') return true
      // Stated as what is due, so that a time that is no number holds the recording back.
      return state === 'held' && endedAtMs !== null && endedAtMs + reviewMs <= nowMs
    })
  }

  seal(recording: RecordingId, build: (firstSequence: number) => Promise<readonly BatchToStore[]>): Promise<number> {
    return this.#inTurn(async () => {
      if (this.#require(recording).state === 'open') throw new FairtraceError('USAGE', 'the recording still grows')
      const first = this.#nextSequence()
      const batches = await build(first)
      inTransaction(this.#database, () => {
        this.#removeRecording(recording)
        for (const [i, { id, bytes, body }] of batches.entries()) {
          const sequence = first + i
          this.#database
            .prepare('insert into batches (sequence, id, bytes, body) values (?, ?, ?, ?)')
            .run(
              sequence,
              id,
              this.#values.encrypt(batchOf(sequence), bytes),
              this.#values.encrypt(bodyOf(sequence), body),
            )
        }
        this.#putMeta('sequence', first + batches.length)
      })
      this.#bytesUsed = this.#measure()
      return batches.length
    })
  }

  async sealed(limit: number, afterSequence = -1): Promise<readonly WaitingBatch[]> {
    return this.#database
      .prepare('select sequence, id, bytes from batches where sequence > ? order by sequence limit ?')
      .all(afterSequence, limit)
      .map((row) => {
        const { sequence, id, bytes } = batchSchema.parse(row)
        return { sequence, id: id as BatchId, bytes: this.#values.decrypt(batchOf(sequence), bytes) }
      })
  }

  reseal(
    sequence: number,
    seal: (body: Uint8Array) => Promise<{ id: BatchId; bytes: Uint8Array }>,
  ): Promise<WaitingBatch> {
    return this.#inTurn(async () => {
      const stored = this.#database.prepare('select body from batches where sequence = ?').get(sequence)?.body
      if (!(stored instanceof Uint8Array)) throw new FairtraceError('NOT_FOUND', `no batch ${sequence} waits`)
      const { id, bytes } = await seal(this.#values.decrypt(bodyOf(sequence), stored))
      const value = this.#values.encrypt(batchOf(sequence), bytes)
      inTransaction(this.#database, () => {
        this.#database.prepare('update batches set id = ?, bytes = ? where sequence = ?').run(id, value, sequence)
      })
      return { sequence, id, bytes }
    })
  }

  async acknowledge(batch: BatchId): Promise<void> {
    inTransaction(this.#database, () => this.#database.prepare('delete from batches where id = ?').run(batch))
    this.#bytesUsed = this.#measure()
  }

  async highestSeen(): Promise<HighestSeen> {
    return highestSchema.parse(this.#getMeta('highest') ?? { epoch: 0, consentVersion: 0 })
  }

  async raiseHighestSeen(seen: HighestSeen): Promise<void> {
    const held = await this.highestSeen()
    if (seen.epoch <= held.epoch && seen.consentVersion <= held.consentVersion) return
    inTransaction(this.#database, () =>
      this.#putMeta('highest', {
        epoch: Math.max(seen.epoch, held.epoch),
        consentVersion: Math.max(seen.consentVersion, held.consentVersion),
      }),
    )
  }

  async note(note: LocalNote): Promise<void> {
    inTransaction(this.#database, () => {
      this.#database.prepare('insert into notes (value) values (?)').run(this.#values.encryptJson('note', note))
      this.#database.prepare('delete from notes where position <= (select max(position) from notes) - ?').run(NOTES_MAX)
    })
  }

  async notes(): Promise<readonly LocalNote[]> {
    return this.#database
      .prepare('select value from notes order by position')
      .all()
      .map(({ value }) => noteSchema.parse(this.#values.decryptJson('note', blob(value))))
  }

  deleteEverything(): Promise<void> {
    return this.#inTurn(() => {
      inTransaction(this.#database, () => {
        this.#database.exec('delete from chunks; delete from recordings; delete from batches; delete from notes')
      })
      this.#afterDeletion()
    })
  }

  /** A value of the device itself, such as its key and its pins; null if there is none. */
  readSetting(name: string): unknown {
    return this.#getMeta(`setting ${name}`)
  }

  writeSetting(name: string, value: unknown): void {
    inTransaction(this.#database, () => this.#putMeta(`setting ${name}`, value))
  }

  close(): void {
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

  #checkKey(): void {
    const isNew = this.#database.prepare('select count(*) as n from meta').get()?.n === 0
    if (isNew) {
      inTransaction(this.#database, () => {
        this.#putMeta('check', CHECK)
        this.#putMeta('sequence', 0)
      })
    }
    if (this.#getMeta('check') !== CHECK) throw new FairtraceError('OUTBOX_CORRUPT', 'the outbox has no check value')
  }

  #endOpenRecordings(nowMs: number): void {
    inTransaction(this.#database, () => {
      for (const { id } of this.#database.prepare(`select id from recordings where state = 'open'`).all()) {
        this.#close(String(id) as RecordingId, nowMs)
      }
    })
  }

  #close(recording: RecordingId, endedAtMs: number): void {
    const chunks = this.#database.prepare('select count(*) as n from chunks where recording = ?').get(recording)
    if (chunks?.n === 0) {
      this.#removeRecording(recording)
      return
    }
    const info = this.#values.encryptJson(infoOf(recording), { ...this.#readInfo(recording), endedAtMs })
    this.#database.prepare(`update recordings set state = 'held', info = ? where id = ?`).run(info, recording)
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

  #require(recording: RecordingId): WaitingRecording {
    const row = this.#database.prepare(`${SELECT_RECORDINGS} where id = ?`).get(recording)
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'no such recording waits')
    return this.#parse(row)
  }

  #parse(row: unknown): WaitingRecording {
    const { id, state, info, actions } = rowSchema.parse(row)
    const recording = id as RecordingId
    return { id: recording, state, actionCount: actions, ...this.#parseInfo(recording, info) }
  }

  #readInfo(recording: RecordingId): Info {
    return this.#parseInfo(
      recording,
      blob(this.#database.prepare('select info from recordings where id = ?').get(recording)?.info),
    )
  }

  #parseInfo(recording: RecordingId, info: Uint8Array): Info {
    return infoSchema.parse(this.#values.decryptJson(infoOf(recording), info))
  }

  #readActions(recording: RecordingId): Action[] {
    this.#require(recording)
    return this.#database
      .prepare('select position, value from chunks where recording = ? order by position')
      .all(recording)
      .flatMap((row) => {
        const { position, value } = chunkSchema.parse(row)
        return z.array(actionSchema).parse(this.#values.decryptJson(chunkOf(recording, position), value))
      })
  }

  #insertWhole(id: RecordingId, state: string, info: Info, actions: readonly Action[]): void {
    this.#insertRecording(id, state, this.#values.encryptJson(infoOf(id), info))
    this.#insertChunk(id, 0, actions.length, this.#values.encryptJson(chunkOf(id, 0), actions))
  }

  #insertRecording(id: RecordingId, state: string, info: Uint8Array): void {
    this.#database.prepare('insert into recordings (id, state, info) values (?, ?, ?)').run(id, state, info)
  }

  #insertChunk(recording: RecordingId, position: number, actions: number, value: Uint8Array): void {
    this.#database
      .prepare('insert into chunks (recording, position, actions, value) values (?, ?, ?, ?)')
      .run(recording, position, actions, value)
  }

  #removeRecording(recording: RecordingId): void {
    this.#database.prepare('delete from recordings where id = ?').run(recording)
  }

  #afterDeletion(): void {
    wipeDeleted(this.#database)
    this.#bytesUsed = this.#measure()
  }

  #nextSequence(): number {
    const next = this.#getMeta('sequence')
    if (!Number.isSafeInteger(next)) throw new FairtraceError('OUTBOX_CORRUPT', 'the next sequence number is missing')
    return Number(next)
  }

  #getMeta(name: string): unknown {
    const value = this.#database.prepare('select value from meta where name = ?').get(name)?.value
    return value === undefined ? null : this.#values.decryptJson(`meta ${name}`, blob(value))
  }

  #putMeta(name: string, value: unknown): void {
    this.#database
      .prepare('insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value')
      .run(name, this.#values.encryptJson(`meta ${name}`, value))
  }
}

/** `after` begins with a `switch` to the app it happens in, which the deleted part may have said. */
function split(actions: readonly Action[], from: number, to: number): { before: Action[]; after: Action[] } {
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from < to && to <= actions.length)) {
    throw new FairtraceError('USAGE', `the part ${from} to ${to} is not inside ${actions.length} actions`)
  }
  const after = actions.slice(to)
  let app: AppId | null = null
  for (const action of actions.slice(0, to)) if (action.kind === 'switch') app = action.app
  if (app !== null && after.length > 0 && after[0]?.kind !== 'switch') after.unshift({ kind: 'switch', app })
  return { before: actions.slice(0, from), after }
}

function blob(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FairtraceError('OUTBOX_CORRUPT', 'a value is missing')
  return value
}

// Identities of rows, as associated data.
const infoOf = (recording: RecordingId): string => `recording ${recording}`
const chunkOf = (recording: RecordingId, position: number): string => `chunk ${recording} ${position}`
const batchOf = (sequence: number): string => `batch ${sequence}`
const bodyOf = (sequence: number): string => `body ${sequence}`
