/** Rules that every implementation of the outbox keeps. */
import type { WaitingRecording } from './outbox.ts'

/** Bytes of what waits, above which capture stops, where nobody says otherwise. */
export const OUTBOX_BYTES_MAX = 64 * 1024 * 1024

export function isDue({ state, endedAtMs, reviewMs }: WaitingRecording, nowMs: number): boolean {
  if (state === 'released') return true
  // Stated as what is due, so that a time that is no number holds the recording back.
  return state === 'held' && endedAtMs !== null && endedAtMs + reviewMs <= nowMs
}
