/**
 * Segment: one immutable object that holds the chunks of many batches. See `docs/formats.md`.
 *
 * ```
 * segment = "FTS1" ‖ chunk*                        key segments/<first 2 of id>/<id>, id = 32 hex characters
 * chunk   = nonce[12] ‖ ciphertext ‖ tag[16]       AES-256-GCM under a content key, AAD chunkAad(…)
 * plaintext = raw DEFLATE (RFC 1951) of the JSON array of actions
 * ```
 * Where each chunk lies stands in `vault.chunks`; the AAD binds it to its segment, its batch and its participant, so that
 * a swapped chunk doesn't open.
 */
import { createCipheriv, createDecipheriv, hash, type KeyObject, randomFillSync } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'

const MAGIC = Buffer.from('FTS1')
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface ChunkName {
  readonly segmentId: string
  readonly batchId: string
  readonly pseudonym: string
}

export interface PlacedChunk {
  readonly offset: number
  readonly length: number
}

export function segmentKey(id: string): string {
  return `segments/${id.slice(0, 2)}/${id}`
}

/** @returns nonce ‖ ciphertext ‖ tag */
export function sealChunk(name: ChunkName, contentKey: KeyObject, plaintext: Uint8Array): Buffer {
  const nonce = randomFillSync(Buffer.allocUnsafe(NONCE_BYTES))
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(chunkAad(name))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** @throws `SEGMENT_CORRUPT` */
export function openChunk(name: ChunkName, contentKey: Uint8Array, chunk: Uint8Array): Buffer {
  try {
    const end = chunk.length - TAG_BYTES
    const nonce = chunk.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(chunkAad(name))
    decipher.setAuthTag(chunk.subarray(end))
    return Buffer.concat([decipher.update(chunk.subarray(NONCE_BYTES, end)), decipher.final()])
  } catch {
    // Fails closed: a chunk that doesn't open as what it claims to be yields nothing.
    throw new FairtraceError('SEGMENT_CORRUPT', `a chunk of ${chunk.length} bytes does not open`)
  }
}

/** Lays out a segment. */
export function packSegment(chunks: readonly Uint8Array[]): {
  readonly bytes: Buffer
  readonly places: readonly PlacedChunk[]
  /** Of the whole segment, base64url. */
  readonly sha256: string
} {
  const bytes = Buffer.concat([MAGIC, ...chunks])
  let offset = MAGIC.length
  const places = chunks.map(({ length }) => {
    const place = { offset, length }
    offset += length
    return place
  })
  return { bytes, places, sha256: hash('sha256', bytes, 'base64url') }
}

function chunkAad({ segmentId, batchId, pseudonym }: ChunkName): Buffer {
  return Buffer.from(`fairtrace/chunk/v1\n${segmentId}\n${batchId}\n${pseudonym}`)
}
