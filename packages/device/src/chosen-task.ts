/**
 * The task that a participant has chosen to show, until they say how it ended. Kept on the device; what is captured meanwhile
 * carries it, and what is captured without one has no instruction.
 */
import { type Charter, FairtraceError, type RecordingId, type TaskOutcome } from '@fairtrace/core'
import { z } from 'zod'
import type { Outbox, WaitingRecording } from './outbox.ts'
import type { Settings } from './storage.ts'

const chosenTaskSchema = z.strictObject({ task: z.string(), sinceMs: z.number() })
export type ChosenTask = z.infer<typeof chosenTaskSchema>

const SETTING = 'task'

export async function readChosenTask(settings: Settings): Promise<ChosenTask | null> {
  const stored = await settings.readSetting(SETTING)
  return stored === null ? null : chosenTaskSchema.parse(stored)
}

export async function writeChosenTask(settings: Settings, chosen: ChosenTask | null): Promise<void> {
  await settings.writeSetting(SETTING, chosen)
}

/** @throws `USAGE` */
export function requireTask(charter: Charter, task: string | null): void {
  if (task !== null && !charter.capture.tasks.some(({ id }) => id === task)) {
    throw new FairtraceError('USAGE', 'the charter lists no such task')
  }
}

/**
 * Says how a task ended, on the recording in which it ended: the last one of it that waits here. Earlier ones, cut off by a
 * break, stay without an outcome.
 * @returns that recording, or null if none of the task waits any more
 */
export async function markOutcome(
  outbox: Pick<Outbox, 'list' | 'setOutcome'>,
  isOfTask: (recording: WaitingRecording) => boolean,
  outcome: TaskOutcome,
): Promise<RecordingId | null> {
  const last = (await outbox.list()).filter((recording) => recording.state !== 'open' && isOfTask(recording)).at(-1)
  if (last === undefined) return null
  await outbox.setOutcome(last.id, outcome)
  return last.id
}
