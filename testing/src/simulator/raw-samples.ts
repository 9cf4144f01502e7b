/** What leaves no device: the way of the pointer and the times of the keys. For tests that ask what they would give away. */
import type { Habits } from './habits.ts'
import { rawSession, type SessionOptions } from './participant.ts'

export interface PointerSample {
  readonly atMs: number
  /** Pixels from the top left of the window. */
  readonly x: number
  readonly y: number
  readonly what: 'move' | 'down' | 'up'
}

export interface KeyTime {
  readonly atMs: number
  readonly key: string
  readonly down: boolean
}

/** Names one session of one person, as `createParticipant` and its `session` do. */
export interface SessionOf {
  readonly seed: number
  readonly participant: { readonly index: number; readonly habits: Habits }
  readonly taskId: string | null
  readonly startAtMs: number
}

/** Where the pointer was at each report and each button, in the session that `session` yields. */
export function* rawPointerSamples(of: SessionOf, options: SessionOptions): Generator<PointerSample> {
  for (const event of eventsOf(of, options)) {
    if (event.kind === 'move') yield { atMs: event.atMs, x: event.x, y: event.y, what: 'move' }
    else if (event.kind === 'button') {
      yield { atMs: event.atMs, x: event.place.x, y: event.place.y, what: event.down ? 'down' : 'up' }
    }
  }
}

/** When each key went down and up, in the session that `session` yields; secure fields included. */
export function* rawKeyTimes(of: SessionOf, options: SessionOptions): Generator<KeyTime> {
  for (const event of eventsOf(of, { ...options, motion: false })) {
    if (event.kind === 'key') yield { atMs: event.atMs, key: event.key, down: event.down }
  }
}

function eventsOf({ seed, participant, taskId, startAtMs }: SessionOf, options: SessionOptions) {
  return rawSession({ seed, index: participant.index, habits: participant.habits }, taskId, startAtMs, options)
}
