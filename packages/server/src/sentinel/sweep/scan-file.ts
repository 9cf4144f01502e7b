/**
 * One file, searched through: as it lies there, unpacked where it is gzip or zstd, and as a table where it is one.
 *
 * What a file says of itself is not believed. Only regular files are opened, and no link is followed; what unpacks to too much, or
 * does not decode, is named as skipped, and has been searched as bytes all the same.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { type ContentHits, type ContentKnowledge, ContentScan, isClean } from './content-scan.ts'
import { csvActions } from './csv-actions.ts'
import type { TableShape } from './fingerprints.ts'
import { parquetShape, readParquet } from './read-parquet.ts'
import { sqliteShapes } from './read-sqlite.ts'
import { headShape } from './text-shapes.ts'

export interface ScanLimits {
  /** Of one file as it lies there; what is beyond is not read. */
  readonly bytesMax: number
  /** Of what one packed file may unpack to. */
  readonly unpackedBytesMax: number
}

/** Why something was not, or not wholly, searched. Closed: each is counted. */
export type SkipReason =
  | 'not-a-file'
  | 'unreadable'
  | 'too-large'
  | 'unpacks-to-too-much'
  | 'undecodable'
  | 'too-slow'
  | 'too-deep'
  | 'link'
  | 'gone'
  | 'no-right'
  | 'not-a-table'
  | 'row-too-large'

export interface ScanResult {
  readonly hits: ContentHits | null
  readonly shapes: readonly TableShape[]
  readonly skipped: SkipReason | null
  readonly bytes: number
  readonly size?: number
  /** SHA-256 in hex, where the size is one that our ciphertext has. */
  readonly digest?: string | null
}

const CHUNK_BYTES = 1024 * 1024

export async function scanFile(path: string, known: ContentKnowledge, limits: ScanLimits): Promise<ScanResult> {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    return nothing(error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'gone' : 'unreadable')
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) return nothing('not-a-file')
    return await scanOpen(file, stat.size, known, limits)
  } catch {
    return nothing('unreadable')
  } finally {
    closeSync(file)
  }
}

async function scanOpen(file: number, size: number, known: ContentKnowledge, limits: ScanLimits): Promise<ScanResult> {
  const scan = new ContentScan(known, size)
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let head: Buffer = Buffer.alloc(0)
  let done = 0
  while (done < Math.min(size, limits.bytesMax)) {
    const read = readSync(file, chunk, 0, Math.min(CHUNK_BYTES, limits.bytesMax - done), done)
    if (read === 0) break
    const bytes = chunk.subarray(0, read)
    if (done === 0) head = Buffer.from(bytes.subarray(0, 65_536))
    scan.push(bytes)
    done += read
  }
  const cut: SkipReason | null = size > limits.bytesMax ? 'too-large' : null
  const raw = { hits: scan.end(), skipped: cut, bytes: done }
  const decoded = cut === null ? await decode(file, size, head, known, limits) : { shapes: [], skipped: null, bytes: 0 }
  return {
    hits: merge(raw.hits, decoded.hits),
    shapes: decoded.shapes,
    skipped: raw.skipped ?? decoded.skipped,
    bytes: raw.bytes + decoded.bytes,
    size,
    digest: scan.digest,
  }
}

interface Decoded {
  readonly hits?: ContentHits | undefined
  readonly shapes: readonly TableShape[]
  readonly skipped: SkipReason | null
  readonly bytes: number
}

async function decode(
  file: number,
  size: number,
  head: Buffer,
  known: ContentKnowledge,
  limits: ScanLimits,
): Promise<Decoded> {
  if (head[0] === 0x1f && head[1] === 0x8b) return unpack(createGunzip(), file, size, known, limits)
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528)
    return unpack(createZstdDecompress(), file, size, known, limits)
  if (head.subarray(0, 15).toString('latin1') === 'SQLite format 3') {
    const shapes = sqliteShapes(file)
    return shapes === null ? { shapes: [], skipped: 'undecodable', bytes: 0 } : { shapes, skipped: null, bytes: 0 }
  }
  if (head.subarray(0, 4).toString('latin1') === 'PAR1') {
    try {
      const shape = await parquetShape(file, size)
      const scan = new ContentScan(known, null)
      const { bytes, isWhole } = await readParquet(file, size, scan, limits)
      return { hits: scan.end(), shapes: [shape], skipped: isWhole ? null : 'unpacks-to-too-much', bytes }
    } catch {
      // A parser's message could quote content; that it failed is all that is told.
      return { shapes: [], skipped: 'undecodable', bytes: 0 }
    }
  }
  const shape = headShape(head)
  return { hits: actionsOfCsv(file, size, head, known), shapes: shape === null ? [] : [shape], skipped: null, bytes: 0 }
}

/** Actions whose fields are columns: weighed where the first line names them. */
function actionsOfCsv(file: number, size: number, head: Buffer, known: ContentKnowledge): ContentHits | undefined {
  const rows = csvActions(head)
  if (rows === null) return undefined
  const scan = new ContentScan(known, null)
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let at = 0; at < size; ) {
    const read = readSync(file, chunk, 0, chunk.length, at)
    if (read === 0) break
    for (const token of rows(chunk.toString('latin1', 0, read))) scan.pushToken(token)
    at += read
  }
  return scan.end()
}

/** Streams, so that memory stays small whatever comes out. */
async function unpack(
  through: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>,
  file: number,
  size: number,
  known: ContentKnowledge,
  { unpackedBytesMax }: ScanLimits,
): Promise<Decoded> {
  const scan = new ContentScan(known, null)
  let head: Buffer | null = null
  let bytes = 0
  let skipped: SkipReason | null = null
  const feed = async () => {
    const chunk = Buffer.allocUnsafe(65_536)
    for (let at = 0; at < size && skipped === null; ) {
      const read = readSync(file, chunk, 0, chunk.length, at)
      if (read === 0) break
      at += read
      if (!through.write(Buffer.from(chunk.subarray(0, read)))) {
        await new Promise<void>((resolve) => {
          through.once('drain', resolve)
          through.once('close', resolve)
        })
      }
    }
    through.end()
  }
  const feeding = feed().catch(() => undefined)
  try {
    for await (const part of through as AsyncIterable<Buffer>) {
      head ??= Buffer.from(part.subarray(0, 65_536))
      bytes += part.length
      scan.push(part)
      if (bytes > unpackedBytesMax) {
        skipped = 'unpacks-to-too-much'
        break
      }
    }
  } catch {
    // Cut off or broken: what came out before was searched.
    skipped = 'undecodable'
  }
  through.destroy()
  await feeding
  const shape = head === null ? null : headShape(head)
  return { hits: scan.end(), shapes: shape === null ? [] : [shape], skipped, bytes }
}

function merge(a: ContentHits, b: ContentHits | undefined): ContentHits {
  if (b === undefined || isClean(b)) return a
  return {
    markers: [...new Set([...a.markers, ...b.markers])],
    pieces: [...new Set([...a.pieces, ...b.pieces])],
    actionBits: Math.max(a.actionBits, b.actionBits),
    isWholeCopy: a.isWholeCopy || b.isWholeCopy,
    hasBatch: a.hasBatch || b.hasBatch,
  }
}

function nothing(skipped: SkipReason): ScanResult {
  return { hits: null, shapes: [], skipped, bytes: 0 }
}
