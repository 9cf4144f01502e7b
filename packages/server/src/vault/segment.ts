/**
 * Segment: one immutable object that holds the chunks of many batches. See `docs/formats.md`.
 *
 * ```
 * segment = "FTS2" ‖ id[16] ‖ chunk*               key segments/<first 2 of id>/<id>, id = 32 hex characters
 * chunk   = nonce[12] ‖ ciphertext ‖ tag[16]       AES-256-GCM under a content key, AAD chunkAad(…)
 * plaintext = raw DEFLATE (RFC 1951) of the JSON array of actions
 * ```
 * The AAD is the whole of the chunk's index row but for its place: a chunk opens as the batch of that person, recording, task
 * and charter or not at all. It doesn't name the segment, so that chunks can move to another one without being opened: a batch
 * is encrypted for one row alone, so whatever opens under the row is the right one, wherever it lies.
 */
import { createCipheriv, createDecipheriv, hash, type KeyObject, randomFillSync } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'

const MAGIC = Buffer.from('FTS2')
export const SEGMENT_HEADER_BYTES = MAGIC.length + 16
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What a row of `vault.chunks` says of its batch, as the portal sends it to the person whose it is. */
export const chunkFactsSchema = z.object({
  batchId: z.string(),
  contentKeyId: z.string(),
  pseudonym: z.string(),
  device: z.string(),
  sequence: z.number(),
  recording: z.string(),
  part: z.number(),
  last: z.boolean(),
  task: z.string().nullable(),
  outcome: z.string().nullable(),
  charterHash: z.string(),
  consentVersion: z.number(),
  actions: z.number(),
})
export type ChunkFacts = Readonly<z.infer<typeof chunkFactsSchema>>

export interface PlacedChunk {
  readonly offset: number
  readonly length: number
}

const idPattern = /^[0-9a-f]{32}$/

export function segmentKey(id: string): string {
  return `segments/${id.slice(0, 2)}/${id}`
}

/** @returns null for a key under which no segment can lie */
export function segmentIdOf(key: string): string | null {
  const id = key.split('/')[2] ?? ''
  return idPattern.test(id) && key === segmentKey(id) ? id : null
}

/** One line a fact; no fact contains a line break, because each is an id, a number or a name from the charter. */
export function chunkAad(facts: ChunkFacts): string {
  const { batchId, contentKeyId, pseudonym, device, sequence, recording, part, last, task, outcome } = facts
  const whose = `${batchId}\n${contentKeyId}\n${pseudonym}\n${device}\n${sequence}\n${recording}\n${part}\n${last}`
  const what = `${task ?? ''}\n${outcome ?? ''}\n${facts.charterHash}\n${facts.consentVersion}\n${facts.actions}`
  return `fairtrace/chunk/v2\n${whose}\n${what}`
}

/** @returns nonce ‖ ciphertext ‖ tag */
export function sealChunk(aad: string, contentKey: KeyObject, plaintext: Uint8Array): Buffer {
  const nonce = randomFillSync(Buffer.allocUnsafe(NONCE_BYTES))
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(aad))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** @throws `SEGMENT_CORRUPT` */
export function openChunk(aad: string, contentKey: KeyObject | Uint8Array, chunk: Uint8Array): Buffer {
  try {
    const end = chunk.length - TAG_BYTES
    const nonce = chunk.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(aad))
    decipher.setAuthTag(chunk.subarray(end))
    const plaintext = decipher.update(chunk.subarray(NONCE_BYTES, end))
    // With GCM everything comes from `update`; `final` only checks the tag, and throws if it is wrong.
    decipher.final()
    return plaintext
  } catch {
    // Fails closed: a chunk that doesn't open as what it claims to be yields nothing.
    throw new FairtraceError('SEGMENT_CORRUPT', `a chunk of ${chunk.length} bytes does not open`)
  }
}

export interface PackedSegment {
  readonly bytes: Buffer
  readonly places: readonly PlacedChunk[]
  /** Of the whole segment, base64url. */
  readonly sha256: string
}

/** Lays out a segment. */
export function packSegment(id: string, chunks: readonly Uint8Array[]): PackedSegment {
  const bytes = Buffer.concat([MAGIC, Buffer.from(id, 'hex'), ...chunks])
  let offset = SEGMENT_HEADER_BYTES
  const places = chunks.map(({ length }) => {
    const place = { offset, length }
    offset += length
    return place
  })
  return { bytes, places, sha256: hash('sha256', bytes, 'base64url') }
}

/** Whether the bytes begin as the segment of this id does. */
export function isSegmentStart(id: string, bytes: Uint8Array): boolean {
  return Buffer.concat([MAGIC, Buffer.from(id, 'hex')]).equals(bytes.subarray(0, SEGMENT_HEADER_BYTES))
}
