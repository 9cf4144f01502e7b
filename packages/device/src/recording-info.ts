/** What is kept of a recording beside its actions, encrypted, on every kind of storage. */
import { TASK_OUTCOMES } from '@fairtrace/core'
import { z } from 'zod'
import type { HighestSeen, LocalNote, RecordingStart } from './outbox.ts'

export const RECORDING_STATES = ['open', 'held', 'released'] as const

export const infoSchema = z.strictObject({
  lease: z.string(),
  task: z.string().nullable(),
  shield: z.string(),
  startedAtMs: z.number(),
  reviewMs: z.number().min(0),
  endedAtMs: z.number().nullable(),
  outcome: z.enum(TASK_OUTCOMES).nullable().default(null),
})
export type RecordingInfo = z.infer<typeof infoSchema>

export function infoOfStart(start: RecordingStart): RecordingInfo {
  return { ...start, endedAtMs: null, outcome: null }
}

export const noteSchema: z.ZodType<LocalNote> = z.strictObject({ atMs: z.number(), reason: z.string() })
export const highestSchema: z.ZodType<HighestSeen> = z.strictObject({ epoch: z.number(), consentVersion: z.number() })

/** Notes kept at most; older ones go. */
export const NOTES_MAX = 1_000
/** Encrypted into every storage: what opens it, opens the rest. */
export const STORAGE_CHECK = 'fairtrace outbox 1'
