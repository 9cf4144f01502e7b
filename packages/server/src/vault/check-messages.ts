/** What the vault and its checking threads say to each other. Keys and opened batches never leave the process. */
import type { KeyObject } from 'node:crypto'
import type { Charter, ErrorCode, TaskOutcome } from '@fairtrace/core'
import type { ParticipantPublicKey, SealedContentKey } from './content-keys.ts'
import type { DayKey } from './day-keys.ts'
import type { Period } from './periods.ts'
import type { PlacedChunk } from './segment.ts'

/** What a thread checks against, as values that can be cloned. */
export interface CheckTerms {
  readonly programme: string
  readonly epoch: number
  readonly issuer: KeyObject
  readonly charters: readonly (readonly [hash: string, charter: Charter])[]
  readonly dayKeys: readonly DayKey[]
  /** Under which content keys are wrapped from here on, by the charter whose retention holds. */
  readonly periods: readonly (readonly [charterHash: string, period: Period])[]
  /** Signs what the index says, see `segment-index.ts`. */
  readonly indexKey: KeyObject
}

/** What the vault learns of a batch that passed; the actions stay in the thread until they are encrypted. */
export interface BatchFacts {
  readonly pseudonym: string
  readonly device: string
  readonly sequence: number
  readonly recording: string
  readonly part: number
  readonly last: boolean
  readonly task: string | null
  readonly outcome: TaskOutcome | null
  readonly charterHash: string
  readonly consentVersion: number
  readonly actions: number
}

export type CheckAnswer =
  | { readonly ok: true; readonly facts: BatchFacts }
  | { readonly ok: false; readonly code: ErrorCode }

/** One batch to keep: its place in the job, and the key to encrypt to. */
export interface Kept {
  readonly index: number
  readonly batchId: string
  readonly participant: ParticipantPublicKey
}

export interface SealedSegment {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly sha256: string
  /** Keyed digest over the rows of its chunks. */
  readonly digest: Uint8Array
  /** In the order of the batches kept. */
  readonly places: readonly PlacedChunk[]
  readonly contentKeyIds: readonly string[]
  /** Content keys that may not be stored yet, wrapped under the period's key. */
  readonly contentKeys: readonly (SealedContentKey & { readonly period: string })[]
}

export type ToChecker =
  | { readonly type: 'terms'; readonly terms: CheckTerms }
  /** Sealed batches one after another in `bytes`. */
  | { readonly type: 'check'; readonly job: number; readonly bytes: ArrayBuffer; readonly lengths: readonly number[] }
  | { readonly type: 'seal'; readonly job: number; readonly segmentId: string; readonly kept: readonly Kept[] }
  | { readonly type: 'drop'; readonly job: number }
  | { readonly type: 'confirm'; readonly stored: readonly Pick<SealedContentKey, 'id' | 'pseudonym'>[] }
  | { readonly type: 'forget'; readonly pseudonyms: readonly string[] }

export type FromChecker =
  | { readonly type: 'checked'; readonly job: number; readonly answers: readonly CheckAnswer[] }
  | { readonly type: 'sealed'; readonly job: number; readonly segment: SealedSegment }
  | { readonly type: 'failed'; readonly job: number; readonly code: ErrorCode }
