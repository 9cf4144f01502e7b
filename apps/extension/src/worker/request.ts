/** What the extension's own pages ask the worker for, which alone holds the device. */
import type { Category, ErrorCode, RecordingId, TaskOutcome } from '@fairtrace/core'
import type { DeviceAlert, DeviceState } from '@fairtrace/device/portable'

export type Request =
  | { readonly ask: 'look' }
  | { readonly ask: 'join'; readonly serverUrl: string; readonly code: string }
  | { readonly ask: 'terms' }
  | {
      readonly ask: 'consent'
      readonly noticeVersion: number
      readonly categories: readonly Category[]
      readonly apps: readonly string[]
    }
  | { readonly ask: 'pause' }
  | { readonly ask: 'resume' }
  | { readonly ask: 'withdraw' }
  | { readonly ask: 'review' }
  | { readonly ask: 'delete'; readonly recording: RecordingId }
  | { readonly ask: 'delete-part'; readonly recording: RecordingId; readonly from: number; readonly to: number }
  | { readonly ask: 'release'; readonly recording: RecordingId }
  | { readonly ask: 'send' }
  | { readonly ask: 'choose-task'; readonly task: string | null }
  | { readonly ask: 'finish-task'; readonly outcome: TaskOutcome }

/** What the popup shows. */
export interface Look {
  readonly state: DeviceState
  readonly sentence: string
  readonly alerts: readonly DeviceAlert[]
  /** Chosen sites that the browser gives access to. */
  readonly apps: readonly string[]
  readonly waiting: { readonly recordings: number; readonly actions: number }
  readonly task: string | null
}

/** What a person chooses from. */
export interface Terms {
  readonly title: string
  readonly purpose: string
  readonly notice: { readonly version: number; readonly text: string }
  readonly reflectionEndsAtMs: number | null
  readonly categories: readonly Category[]
  /** Sites alone: other apps are the agent's. */
  readonly apps: readonly { readonly id: string; readonly title: string }[]
  readonly otherApps: number
  readonly tasks: readonly { readonly id: string; readonly instruction: string }[]
  /** Addresses that the browser must let the extension call. */
  readonly servers: readonly string[]
  readonly chosen: { readonly categories: readonly string[]; readonly apps: readonly string[] } | null
  readonly reviewMs: number
}

export interface ReviewRecording {
  readonly id: RecordingId
  readonly state: 'open' | 'held' | 'released'
  readonly startedAtMs: number
  readonly heldUntilMs: number | null
  readonly task: string | null
  readonly sentences: readonly string[]
  /** An SVG document. */
  readonly drawing: string
}

export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string; readonly advice: string }

export interface Replies {
  look: Look
  join: null
  terms: Terms
  consent: null
  pause: null
  resume: null
  withdraw: null
  review: readonly ReviewRecording[]
  delete: null
  'delete-part': null
  release: null
  send: { readonly uploaded: number; readonly stopped: ErrorCode | null }
  'choose-task': null
  'finish-task': null
}
