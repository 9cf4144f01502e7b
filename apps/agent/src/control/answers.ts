/** What the agent answers, by what was asked. */
import type { Action, Category, TaskOutcome } from '@fairtrace/core'
import type { ConsentStatus, DeviceState } from '@fairtrace/device'
import type { AgentRequest } from './request.ts'

export interface StatusAnswer {
  /** Whether the agent runs; without it nothing is recorded, whatever the state says. */
  readonly running: boolean
  readonly state: DeviceState
  /** One plain sentence. */
  readonly says: string
  /** Address of the portal, or null before joining. */
  readonly portal: string | null
  readonly task: string | null
  readonly waiting: { readonly recordings: number; readonly actions: number; readonly sealedBatches: number }
  /** What the person has to hear although nobody asked. */
  readonly alerts: readonly string[]
}

export interface JoinAnswer {
  readonly notice: { readonly version: number; readonly text: string }
  readonly reflectionEndsAtMs: number
}

export interface ChoicesAnswer {
  readonly title: string
  readonly notice: { readonly version: number; readonly text: string }
  readonly reflectionEndsAtMs: number
  readonly categories: readonly Category[]
  readonly apps: readonly { readonly id: string; readonly title: string }[]
  readonly tasks: readonly { readonly id: string; readonly instruction: string }[]
  readonly task: string | null
  readonly consent: ConsentStatus
  /** What the last yes covers; empty where there is none now. */
  readonly given: { readonly categories: readonly string[]; readonly apps: readonly string[] }
  /** Of the desktop: browsers are the extension's. */
  readonly nowMs: number
}

export interface ReviewedRecording {
  readonly id: string
  readonly state: 'open' | 'held' | 'released'
  readonly startedAtMs: number
  readonly endedAtMs: number | null
  /** When it may leave by itself; null while it grows. */
  readonly heldUntilMs: number | null
  readonly task: string | null
  readonly outcome: TaskOutcome | null
  /** What would leave, one plain sentence an action. */
  readonly sentences: readonly string[]
  /** What would leave, exactly. */
  readonly actions: readonly Action[]
}

export interface ReviewAnswer {
  readonly recordings: readonly ReviewedRecording[]
  /** Batches that are sealed, on their way, and can't be read here any more. */
  readonly sealedBatches: number
  /** Why nothing was captured for a while: stays on this device. */
  readonly breaks: readonly { readonly atMs: number; readonly reason: string }[]
  readonly nowMs: number
}

interface UploadAnswer {
  readonly sealed: number
  readonly uploaded: number
  readonly bytes: number
  readonly stopped: string | null
}

export interface SelfAnswer {
  readonly pid: number
  readonly startedAtMs: number
  readonly residentBytes: number
  readonly cpuMs: number
  readonly indicator: string
  readonly shortcut: string | null
}

interface Done {
  readonly done: true
}

export interface AgentAnswers {
  readonly status: StatusAnswer
  readonly join: JoinAnswer
  readonly choices: ChoicesAnswer
  readonly consent: { readonly receipt: string }
  readonly task: { readonly task: string | null }
  readonly 'finish-task': { readonly recording: string | null }
  readonly pause: StatusAnswer
  readonly resume: StatusAnswer
  readonly withdraw: { readonly receipt: string }
  readonly review: ReviewAnswer
  readonly 'delete-part': Done
  readonly delete: Done
  readonly release: { readonly released: number }
  readonly upload: UploadAnswer
  readonly open: { readonly url: string }
  readonly self: SelfAnswer
  readonly stop: Done
}

type Named<Name extends AgentRequest['ask']> = Extract<AgentRequest, { readonly ask: Name }>
/** Asks the agent, whoever holds the device's folder: the daemon, or this process for the length of the call. */
export type Ask = <Name extends AgentRequest['ask']>(request: Named<Name>) => Promise<AgentAnswers[Name]>
