/** The outbox in a browser: encrypted values in IndexedDB. See `outbox.ts` for what each operation promises. */
import {
  type Action,
  actionSchema,
  type BatchId,
  type Clock,
  FairtraceError,
  type RecordingId,
  type TaskOutcome,
} from '@fairtrace/core'
import { z } from 'zod'
import { BrowserValues } from './browser-values.ts'
import { randomId } from './device-key.ts'
import {
  type Change,
  change,
  type OpenDatabase,
  openDeviceDatabase,
  type StoredRecording,
} from './indexeddb-database.ts'
import type { BatchToStore, HighestSeen, LocalNote, RecordingStart, WaitingBatch, WaitingRecording } from './outbox.ts'
import { isDue, OUTBOX_BYTES_MAX } from './outbox-rules.ts'
import {
  highestSchema,
  infoOfStart,
  infoSchema,
  NOTES_MAX,
  noteSchema,
  type RecordingInfo,
  STORAGE_CHECK,
} from './recording-info.ts'
import { splitActions } from './split-actions.ts'
import type { DeviceStorage } from './storage.ts'

export interface IndexedDbStorageOptions {
  readonly clock: Clock
  /** Bytes of what waits, above which capture stops. Sealing may go above it: it is on its way out. */
  readonly bytesMax?: number
}

/**
 * Opens the storage of this name, alone. A recording that was open when the browser died is held with what it has.
 * @throws `OUTBOX_IN_USE`, `OUTBOX_CORRUPT`
 */
export async function openIndexedDbStorage(name: string, options: IndexedDbStorageOptions): Promise<DeviceStorage> {
  const opened = await openDeviceDatabase(name)
  try {
    const storage = new IndexedDbStorage(opened, options.bytesMax ?? OUTBOX_BYTES_MAX)
    await storage.begun(options.clock.nowMs())
    return storage
  } catch (cause) {
    await opened.close()
    throw cause
  }
}

class IndexedDbStorage implements DeviceStorage {
  readonly #opened: OpenDatabase
  readonly #values: BrowserValues
  readonly #bytesMax: number
  #bytesUsed = 0
  #nextPosition = 0
  /**
   * Encrypting waits between reading and writing, and a transaction can't be held open meanwhile: so whatever changes something
   * does so alone, from its first read to its commit.
   */
  #lastTurn: Promise<unknown> = Promise.resolve()
  #isOpen = true

  constructor(opened: OpenDatabase, bytesMax: number) {
    this.#opened = opened
    this.#values = new BrowserValues(opened.key)
    this.#bytesMax = bytesMax
  }

  /** Checks the key, and ends what was open. */
  async begun(nowMs: number): Promise<void> {
    const { database } = this.#opened
    if ((await database.count('meta')) === 0) {
      await this.#putMeta({ check: STORAGE_CHECK, sequence: 0 })
    }
    if ((await this.#getMeta('check')) !== STORAGE_CHECK) {
      throw new FairtraceError('OUTBOX_CORRUPT', 'the outbox has no check value')
    }
    this.#bytesUsed = (await database.get('bytes', 'bytes')) ?? 0
    const last = await database.transaction('recordings').store.index('position').openCursor(null, 'prev')
    this.#nextPosition = (last?.value.position ?? -1) + 1
    for (const { id, state } of await this.#rows()) if (state === 'open') await this.end(id as RecordingId, nowMs)
  }

  begin(start: RecordingStart, actions: readonly Action[] = [], id = randomId() as RecordingId): Promise<RecordingId> {
    return this.#inTurn(async () => {
      const whole = await this.#sealWhole(id, 'open', infoOfStart(start), actions)
      this.#reserve(whole.row.bytes)
      // Added, so that an id that is there already is refused.
      await this.#change(whole.row.bytes, (at) => [at.objectStore('recordings').add(whole.row), ...putWhole(at, whole)])
      return id
    })
  }

  append(recording: RecordingId, actions: readonly Action[]): Promise<void> {
    return this.#inTurn(async () => {
      if (actions.length === 0) return
      const row = await this.#opened.database.get('recordings', recording)
      if (row?.state !== 'open') throw new FairtraceError('NOT_FOUND', 'no such open recording')
      const value = await this.#values.encryptJson(chunkOf(recording, row.chunks), actions)
      this.#reserve(value.length)
      const grown = {
        ...row,
        actions: row.actions + actions.length,
        chunks: row.chunks + 1,
        bytes: row.bytes + value.length,
      }
      await this.#change(value.length, (at) => [
        at.objectStore('chunks').add(value, [recording, row.chunks]),
        at.objectStore('recordings').put(grown),
      ])
    })
  }

  end(recording: RecordingId, endedAtMs: number, why: string | null = null): Promise<void> {
    return this.#inTurn(async () => {
      const row = await this.#require(recording)
      const note = why === null ? null : await this.#values.encryptJson('note', { atMs: endedAtMs, reason: why })
      const isGone = row.state === 'open' && row.actions === 0
      const ended =
        row.state === 'open' ? await this.#withInfo(row, { ...(await this.#info(row)), endedAtMs }, 'held') : row
      await this.#change(isGone ? -row.bytes : ended.bytes - row.bytes, (at) => [
        ...(isGone ? remove(at, recording) : [at.objectStore('recordings').put(ended)]),
        ...(note === null ? [] : [addNote(at, note)]),
      ])
    })
  }

  async list(): Promise<readonly WaitingRecording[]> {
    return Promise.all((await this.#rows()).map((row) => this.#waiting(row)))
  }

  async actions(recording: RecordingId): Promise<readonly Action[]> {
    await this.#require(recording)
    const chunks = await this.#opened.database.getAll('chunks', chunksOf(recording))
    const parsed = await Promise.all(
      chunks.map(async (value, position) =>
        z.array(actionSchema).parse(await this.#values.decryptJson(chunkOf(recording, position), value)),
      ),
    )
    return parsed.flat()
  }

  deleteRecording(recording: RecordingId): Promise<void> {
    return this.#inTurn(async () => {
      const { bytes } = await this.#require(recording)
      await this.#change(-bytes, (at) => remove(at, recording))
    })
  }

  deletePart(recording: RecordingId, from: number, to: number): Promise<void> {
    return this.#inTurn(async () => {
      const row = await this.#requireEnded(recording)
      const { before, after } = splitActions(await this.actions(recording), from, to)
      const info = await this.#info(row)
      // Only what still reaches the end can say how the task ended.
      const first = await this.#sealWhole(recording, row.state, { ...info, outcome: null }, before)
      const second = await this.#sealWhole(randomId() as RecordingId, row.state, info, after)
      const kept = [first, second].filter(({ row: { actions } }) => actions > 0)
      const added = kept.reduce((sum, { row: { bytes } }) => sum + bytes, 0)
      await this.#change(added - row.bytes, (at) => [
        ...remove(at, recording),
        ...kept.flatMap((whole) => putWhole(at, whole)),
      ])
    })
  }

  narrow(recording: RecordingId, keep: (actions: readonly Action[]) => readonly Action[]): Promise<number> {
    return this.#inTurn(async () => {
      const row = await this.#requireEnded(recording)
      const actions = await this.actions(recording)
      const kept = keep(actions)
      if (kept.length === actions.length) return 0
      const whole = await this.#sealWhole(recording, row.state, await this.#info(row), kept, row.position)
      await this.#change((kept.length === 0 ? 0 : whole.row.bytes) - row.bytes, (at) => [
        ...remove(at, recording),
        ...(kept.length === 0 ? [] : putWhole(at, whole)),
      ])
      return actions.length - kept.length
    })
  }

  setOutcome(recording: RecordingId, outcome: TaskOutcome | null): Promise<void> {
    return this.#inTurn(async () => {
      const row = await this.#requireEnded(recording)
      const info = await this.#info(row)
      if (info.task === null) throw new FairtraceError('USAGE', 'the recording shows no task')
      const changed = await this.#withInfo(row, { ...info, outcome }, row.state)
      await this.#change(changed.bytes - row.bytes, (at) => [at.objectStore('recordings').put(changed)])
    })
  }

  release(recordings: readonly RecordingId[]): Promise<void> {
    return this.#inTurn(async () => {
      const rows = await Promise.all(recordings.map((recording) => this.#requireEnded(recording)))
      await this.#change(0, (at) => rows.map((row) => at.objectStore('recordings').put({ ...row, state: 'released' })))
    })
  }

  async due(nowMs: number): Promise<readonly WaitingRecording[]> {
    return (await this.list()).filter((recording) => isDue(recording, nowMs))
  }

  seal(recording: RecordingId, build: (firstSequence: number) => Promise<readonly BatchToStore[]>): Promise<number> {
    return this.#inTurn(async () => {
      const { bytes } = await this.#requireEnded(recording)
      const first = Number(await this.#getMeta('sequence'))
      if (!Number.isSafeInteger(first)) {
        throw new FairtraceError('OUTBOX_CORRUPT', 'the next sequence number is missing')
      }
      const batches = await build(first)
      const rows = await Promise.all(
        batches.map(async (batch, i) => ({
          sequence: first + i,
          id: batch.id,
          bytes: await this.#values.encrypt(bytesOf(first + i), batch.bytes),
          body: await this.#values.encrypt(bodyOf(first + i), batch.body),
        })),
      )
      const next = await this.#values.encryptJson(metaOf('sequence'), first + batches.length)
      const added = rows.reduce((sum, row) => sum + row.bytes.length + row.body.length, 0)
      await this.#change(added - bytes, (at) => [
        ...remove(at, recording),
        ...rows.map((row) => at.objectStore('batches').add(row)),
        at.objectStore('meta').put(next, 'sequence'),
      ])
      return batches.length
    })
  }

  async sealed(limit: number, afterSequence = -1): Promise<readonly WaitingBatch[]> {
    const rows = await this.#opened.database.getAll('batches', IDBKeyRange.lowerBound(afterSequence, true), limit)
    return Promise.all(
      rows.map(async ({ sequence, id, bytes }) => ({
        sequence,
        id: id as BatchId,
        bytes: await this.#values.decrypt(bytesOf(sequence), bytes),
      })),
    )
  }

  async sealedIds(afterSequence = -1): Promise<readonly BatchId[]> {
    const rows = await this.#opened.database.getAll('batches', IDBKeyRange.lowerBound(afterSequence, true))
    return rows.map(({ id }) => id as BatchId)
  }

  reseal(
    sequence: number,
    seal: (body: Uint8Array) => Promise<{ id: BatchId; bytes: Uint8Array }>,
  ): Promise<WaitingBatch> {
    return this.#inTurn(async () => {
      const row = await this.#opened.database.get('batches', sequence)
      if (row === undefined) throw new FairtraceError('NOT_FOUND', `no batch ${sequence} waits`)
      const batch = { sequence, ...(await seal(await this.#values.decrypt(bodyOf(sequence), row.body))) }
      const bytes = await this.#values.encrypt(bytesOf(sequence), batch.bytes)
      await this.#change(bytes.length - row.bytes.length, (at) => [
        at.objectStore('batches').put({ ...row, id: batch.id, bytes }),
      ])
      return batch
    })
  }

  acknowledge(batch: BatchId): Promise<void> {
    return this.#inTurn(async () => {
      const row = await this.#opened.database.getFromIndex('batches', 'id', batch)
      if (row === undefined) return
      await this.#change(-row.bytes.length - row.body.length, (at) => [at.objectStore('batches').delete(row.sequence)])
    })
  }

  async highestSeen(): Promise<HighestSeen> {
    return highestSchema.parse((await this.#getMeta('highest')) ?? { epoch: 0, consentVersion: 0 })
  }

  raiseHighestSeen(seen: HighestSeen): Promise<void> {
    return this.#inTurn(async () => {
      const held = await this.highestSeen()
      if (seen.epoch <= held.epoch && seen.consentVersion <= held.consentVersion) return
      await this.#putMeta({
        highest: {
          epoch: Math.max(seen.epoch, held.epoch),
          consentVersion: Math.max(seen.consentVersion, held.consentVersion),
        },
      })
    })
  }

  note(note: LocalNote): Promise<void> {
    return this.#inTurn(async () => {
      const value = await this.#values.encryptJson('note', note)
      await this.#change(0, (at) => [addNote(at, value)])
    })
  }

  async notes(): Promise<readonly LocalNote[]> {
    const values = await this.#opened.database.getAll('notes')
    return Promise.all(values.map(async (value) => noteSchema.parse(await this.#values.decryptJson('note', value))))
  }

  deleteEverything(): Promise<void> {
    return this.#inTurn(() =>
      this.#change(-this.#bytesUsed, (at) =>
        (['recordings', 'chunks', 'batches', 'notes'] as const).map((store) => at.objectStore(store).clear()),
      ),
    )
  }

  readSetting(name: string): Promise<unknown> {
    return this.#getMeta(`setting ${name}`)
  }

  writeSetting(name: string, value: unknown): Promise<void> {
    return this.#inTurn(() => this.#putMeta({ [`setting ${name}`]: value }))
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#lastTurn
    await this.#opened.close()
  }

  async #rows(): Promise<readonly StoredRecording[]> {
    return this.#opened.database.getAllFromIndex('recordings', 'position')
  }

  async #require(recording: RecordingId): Promise<StoredRecording> {
    const row = await this.#opened.database.get('recordings', recording)
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'no such recording waits')
    return row
  }

  async #requireEnded(recording: RecordingId): Promise<StoredRecording> {
    const row = await this.#require(recording)
    if (row.state === 'open') throw new FairtraceError('USAGE', 'the recording still grows; end it first')
    return row
  }

  async #waiting(row: StoredRecording): Promise<WaitingRecording> {
    return { id: row.id as RecordingId, state: row.state, actionCount: row.actions, ...(await this.#info(row)) }
  }

  async #info(row: StoredRecording): Promise<RecordingInfo> {
    return infoSchema.parse(await this.#values.decryptJson(infoOf(row.id), row.info))
  }

  async #withInfo(
    row: StoredRecording,
    info: RecordingInfo,
    state: StoredRecording['state'],
  ): Promise<StoredRecording> {
    const value = await this.#values.encryptJson(infoOf(row.id), info)
    return { ...row, state, info: value, bytes: row.bytes - row.info.length + value.length }
  }

  async #sealWhole(
    id: RecordingId,
    state: StoredRecording['state'],
    info: RecordingInfo,
    actions: readonly Action[],
    position = this.#nextPosition++,
  ): Promise<Whole> {
    const value = await this.#values.encryptJson(infoOf(id), info)
    const chunk = actions.length === 0 ? null : await this.#values.encryptJson(chunkOf(id, 0), actions)
    const row = {
      id,
      position,
      state,
      info: value,
      actions: actions.length,
      chunks: chunk === null ? 0 : 1,
      bytes: value.length + (chunk?.length ?? 0),
    }
    return { row, chunk }
  }

  /** Null where there is no such value. */
  async #getMeta(name: string): Promise<unknown> {
    const value = await this.#opened.database.get('meta', name)
    return value === undefined ? null : this.#values.decryptJson(metaOf(name), value)
  }

  /** A null takes the value away. */
  async #putMeta(entries: Readonly<Record<string, unknown>>): Promise<void> {
    const sealed = await Promise.all(
      Object.entries(entries).map(async ([name, value]) => ({
        name,
        value: value === null ? null : await this.#values.encryptJson(metaOf(name), value),
      })),
    )
    await this.#change(0, (at) =>
      sealed.map(({ name, value }) =>
        value === null ? at.objectStore('meta').delete(name) : at.objectStore('meta').put(value, name),
      ),
    )
  }

  /** Asks everything of one durable transaction at once; the number of bytes that wait changes with it. */
  async #change(addedBytes: number, ask: (at: Change) => readonly Promise<unknown>[]): Promise<void> {
    const bytesUsed = this.#bytesUsed + addedBytes
    await change(this.#opened.database, async (at) => {
      await Promise.all([...ask(at), ...(addedBytes === 0 ? [] : [at.objectStore('bytes').put(bytesUsed, 'bytes')])])
    })
    this.#bytesUsed = bytesUsed
  }

  #reserve(bytes: number): void {
    if (this.#bytesUsed + bytes > this.#bytesMax) {
      throw new FairtraceError('OUTBOX_FULL', `${this.#bytesUsed} bytes wait; at most ${this.#bytesMax}`)
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    // The one before has told its own caller if it failed; the next one runs all the same.
    const turn = this.#lastTurn.then(work)
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }
}

interface Whole {
  readonly row: StoredRecording
  readonly chunk: Uint8Array | null
}

function putWhole(at: Change, { row, chunk }: Whole): Promise<unknown>[] {
  return [
    at.objectStore('recordings').put(row),
    ...(chunk === null ? [] : [at.objectStore('chunks').put(chunk, [row.id, 0])]),
  ]
}

function remove(at: Change, recording: string): Promise<unknown>[] {
  return [at.objectStore('recordings').delete(recording), at.objectStore('chunks').delete(chunksOf(recording))]
}

async function addNote(at: Change, value: Uint8Array): Promise<void> {
  const notes = at.objectStore('notes')
  const position = await notes.add(value)
  await notes.delete(IDBKeyRange.upperBound(position - NOTES_MAX))
}

function chunksOf(recording: string): IDBKeyRange {
  return IDBKeyRange.bound([recording, 0], [recording, Number.POSITIVE_INFINITY])
}

// Identities of rows, as associated data.
const infoOf = (recording: string): string => `recording ${recording}`
const chunkOf = (recording: string, position: number): string => `chunk ${recording} ${position}`
const bytesOf = (sequence: number): string => `batch ${sequence}`
const bodyOf = (sequence: number): string => `body ${sequence}`
const metaOf = (name: string): string => `meta ${name}`
