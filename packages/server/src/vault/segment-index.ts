/**
 * What the vault knows of its own index, so that nobody changes it in silence.
 *
 * PostgreSQL holds the rows, and whoever is superuser there writes what they like. So each row of `vault.segments` carries a MAC
 * under a key that only the keystore has, and covers the rows of its chunks by a digest under the same key: changed, moved,
 * added or missing chunks don't fit it. Rows that are valid but old, or gone altogether, show in the *anchor*: number and sum
 * of all segments, which the keystore keeps and the ledger gets once a day.
 *
 * The digest is a sum of HMACs modulo 2^256, so that a chunk is added or taken away without reading the others. Nobody without
 * the key knows a term of it; together with the count, no set of rows can be swapped for another.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { type ChunkFacts, chunkAad, type PlacedChunk } from './segment.ts'

export const DIGEST_BYTES = 32
const MODULUS = 1n << 256n

export interface SegmentRow {
  readonly id: string
  /** Given by the vault in order; never again. */
  readonly number: number
  readonly bytes: number
  readonly sha256: string
  readonly chunks: number
  readonly live_bytes: number
  readonly digest: Buffer
  readonly mac: Buffer
}

export type UnsignedSegmentRow = Omit<SegmentRow, 'mac'>

/** Of one chunk, to be added up: its facts and its place. */
export function chunkTerm(key: KeyObject, segmentId: string, place: PlacedChunk, facts: ChunkFacts): bigint {
  return hmac(key, `fairtrace/chunk-row/v1\n${segmentId}\n${place.offset}\n${place.length}\n${chunkAad(facts)}`)
}

/** Of what never changes in a segment, to be added up over all. */
export function segmentTerm(key: KeyObject, { id, number, bytes, sha256 }: UnsignedSegmentRow): bigint {
  return hmac(key, `fairtrace/segment/v1\n${id}\n${number}\n${bytes}\n${sha256}`)
}

export function signSegmentRow(key: KeyObject, row: UnsignedSegmentRow): SegmentRow {
  return { ...row, mac: digestBytes(rowMac(key, row)) }
}

export function isSegmentRowGenuine(key: KeyObject, row: SegmentRow): boolean {
  const expected = digestBytes(rowMac(key, row))
  return row.mac.length === expected.length && timingSafeEqual(expected, row.mac)
}

export function sum(terms: readonly bigint[]): bigint {
  return terms.reduce((total, term) => (total + term) % MODULUS, 0n)
}

export function minus(total: bigint, term: bigint): bigint {
  return (total - term + MODULUS) % MODULUS
}

export function digestBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * DIGEST_BYTES, '0'), 'hex')
}

export function digestValue(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
}

function rowMac(key: KeyObject, row: UnsignedSegmentRow): bigint {
  const { id, number, bytes, sha256, chunks, live_bytes: liveBytes, digest } = row
  const text = `${id}\n${number}\n${bytes}\n${sha256}\n${chunks}\n${liveBytes}\n${digest.toString('hex')}`
  return hmac(key, `fairtrace/segment-row/v1\n${text}`)
}

function hmac(key: KeyObject, text: string): bigint {
  return BigInt(`0x${createHmac('sha256', key).update(text).digest('hex')}`)
}
