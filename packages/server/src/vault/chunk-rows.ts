/** Rows of `vault.chunks`, as who reads or checks segments needs them. */
import type { ChunkFacts, PlacedChunk } from './segment.ts'

export const CHUNK_COLUMNS = [
  'batch_id',
  'segment_id',
  'at_offset',
  'length',
  'content_key_id',
  'pseudonym',
  'device',
  'sequence',
  'recording',
  'part',
  'last',
  'task',
  'outcome',
  'charter_hash',
  'consent_version',
  'actions',
] as const

export interface ChunkRow {
  readonly batch_id: string
  readonly segment_id: string
  readonly at_offset: number
  readonly length: number
  readonly content_key_id: string
  readonly pseudonym: string
  readonly device: string
  readonly sequence: number
  readonly recording: string
  readonly part: number
  readonly last: boolean
  readonly task: string | null
  readonly outcome: string | null
  readonly charter_hash: string
  readonly consent_version: number
  readonly actions: number
}

export function factsOfRow(row: ChunkRow): ChunkFacts {
  return {
    batchId: row.batch_id,
    contentKeyId: row.content_key_id,
    pseudonym: row.pseudonym,
    device: row.device,
    sequence: row.sequence,
    recording: row.recording,
    part: row.part,
    last: row.last,
    task: row.task,
    outcome: row.outcome,
    charterHash: row.charter_hash,
    consentVersion: row.consent_version,
    actions: row.actions,
  }
}

export function placeOfRow({ at_offset: offset, length }: ChunkRow): PlacedChunk {
  return { offset, length }
}
