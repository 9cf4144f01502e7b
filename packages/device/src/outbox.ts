/**
 * The outbox: what was captured and has not left, as the rest of the device sees it.
 *
 * A recording is `open` while it grows, then `held` until its review period ends; the participant may release it early.
 * Sealing turns it into batches in one step, and only an acknowledgement takes a batch away. The desktop's implementation
 * is `sqlite-outbox.ts`, the browser's `indexeddb-storage.ts`.
 */
import type { Action, BatchId, RecordingId, TaskOutcome } from '@fairtrace/core'

export interface RecordingStart {
  /** Compact JWS of the lease under which it begins: its batches will name it. */
  readonly lease: string
  readonly task: string | null
  readonly shield: string
  readonly startedAtMs: number
  /** How long it is held after its end: the charter's `review` when it was captured. */
  readonly reviewMs: number
}

export interface WaitingRecording extends RecordingStart {
  readonly id: RecordingId
  /** `released`: the participant let it go before the review period ended. */
  readonly state: 'open' | 'held' | 'released'
  /** Null while it is open. */
  readonly endedAtMs: number | null
  /** Whether its task was done at its end; null until the participant says so. */
  readonly outcome: TaskOutcome | null
  readonly actionCount: number
}

export interface WaitingBatch {
  readonly sequence: number
  readonly id: BatchId
  readonly bytes: Uint8Array
}

/** A batch as it is stored: its body stays until it is acknowledged, for the case that the day's key is gone by then. */
export interface BatchToStore {
  readonly id: BatchId
  readonly bytes: Uint8Array
  /** Deflated JSON, as `encodeBody` makes it. */
  readonly body: Uint8Array
}

/** What this device has seen; it takes no step back. */
export interface HighestSeen {
  readonly epoch: number
  readonly consentVersion: number
}

/** Why nothing was captured for a while. Stays on the device: what leaves shows only a break. */
export interface LocalNote {
  readonly atMs: number
  readonly reason: string
}

export interface Outbox {
  /**
   * Begins a recording with its first actions; durable when it returns.
   * @param id random unless given; a new one
   * @throws `OUTBOX_FULL`, and nothing of the call is kept
   */
  begin(start: RecordingStart, actions?: readonly Action[], id?: RecordingId): Promise<RecordingId>
  /**
   * Appends to an open recording; durable when it returns.
   * @throws `OUTBOX_FULL`, and nothing of the call is kept
   */
  append(recording: RecordingId, actions: readonly Action[]): Promise<void>
  /**
   * Ends a recording; from here its review period counts. One without actions disappears.
   * @param why what to note about the break, on this device; null where the source simply ended
   */
  end(recording: RecordingId, endedAtMs: number, why?: string | null): Promise<void>

  /** Everything that waits, oldest first. */
  list(): Promise<readonly WaitingRecording[]>
  actions(recording: RecordingId): Promise<readonly Action[]>
  deleteRecording(recording: RecordingId): Promise<void>
  /**
   * Deletes the actions `[from, to)` of a held recording. What is left after the hole becomes a recording of its own: a
   * recording is one continuous stretch.
   */
  deletePart(recording: RecordingId, from: number, to: number): Promise<void>
  /**
   * Replaces the actions of an ended recording by those that `keep` lets stay, in one step; one without any disappears.
   * @returns actions that went, from the disk too
   * @throws `NOT_FOUND`; `USAGE` while it still grows
   */
  narrow(recording: RecordingId, keep: (actions: readonly Action[]) => readonly Action[]): Promise<number>
  /**
   * Says how the task of an ended recording ended.
   * @throws `NOT_FOUND`; `USAGE` while it still grows, or if it shows no task
   */
  setOutcome(recording: RecordingId, outcome: TaskOutcome | null): Promise<void>
  /** Ends the review of held recordings now, by the participant's own choice: all of them or, on an error, none. */
  release(recordings: readonly RecordingId[]): Promise<void>
  /** Recordings whose review is over at `nowMs`, oldest first. */
  due(nowMs: number): Promise<readonly WaitingRecording[]>

  /**
   * Replaces a due recording by its sealed batches in one transaction: numbers given, bytes stored, recording gone. Killed
   * before it, nothing happened; after it, every retry sends the same bytes.
   * @param build gets the next free sequence number; its batches take that one and the following ones
   */
  seal(recording: RecordingId, build: (firstSequence: number) => Promise<readonly BatchToStore[]>): Promise<number>
  /** Sealed batches that were not acknowledged, in sequence, at most `limit`. */
  sealed(limit: number, afterSequence?: number): Promise<readonly WaitingBatch[]>
  /** As `sealed`, all of them, without their bytes. */
  sealedIds(afterSequence?: number): Promise<readonly BatchId[]>
  /** Seals the stored body again under the same sequence number, after the server said that the key is gone. */
  reseal(
    sequence: number,
    seal: (body: Uint8Array) => Promise<{ id: BatchId; bytes: Uint8Array }>,
  ): Promise<WaitingBatch>
  acknowledge(batch: BatchId): Promise<void>

  highestSeen(): Promise<HighestSeen>
  /** Raises each mark to at least the value given. */
  raiseHighestSeen(seen: HighestSeen): Promise<void>
  note(note: LocalNote): Promise<void>
  notes(): Promise<readonly LocalNote[]>
  /** Deletes every recording, batch and note. The marks and the next sequence number stay, so that nothing is used twice. */
  deleteEverything(): Promise<void>
}
