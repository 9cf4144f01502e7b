/**
 * A Parquet file, a row group at a time. What its footer says is checked before anything is made of it, and what a page says
 * of its size is checked before it is unpacked: a few bytes can claim gigabytes.
 */
import { readSync } from 'node:fs'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  type AsyncBuffer,
  type Compressors,
  parquetMetadataAsync,
  parquetReadObjects,
  snappyUncompress,
} from 'hyparquet'
import { actionToken } from '../honey/action-token.ts'
import type { ContentScan } from './content-scan.ts'
import type { TableShape } from './fingerprints.ts'

const PAGE_BYTES_MAX = 64 * 1024 * 1024
const GROUP_BYTES_MAX = 256 * 1024 * 1024
const ROWS_AT_ONCE = 20_000

export async function parquetShape(file: number, size: number): Promise<TableShape> {
  const { schema } = await parquetMetadataAsync(bufferOf(file, size))
  const columns = schema.slice(1, 2_000).map(({ name }) => ({ name, type: null }))
  return { name: '', columns }
}

/** @returns bytes of text that came out, and whether all of it was read */
export async function readParquet(
  file: number,
  size: number,
  scan: ContentScan,
  limits: { readonly unpackedBytesMax: number },
): Promise<{ bytes: number; isWhole: boolean }> {
  const buffer = bufferOf(file, size)
  const metadata = await parquetMetadataAsync(buffer)
  let bytes = 0
  let isWhole = true
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows)
    const unpacked = group.columns.reduce(
      (sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0),
      0,
    )
    if (unpacked > GROUP_BYTES_MAX || rows < 0 || rows > 50_000_000) {
      isWhole = false
      rowStart += Math.max(0, rows)
      continue
    }
    for (let from = rowStart; from < rowStart + rows; from += ROWS_AT_ONCE) {
      if (bytes > limits.unpackedBytesMax) return { bytes, isWhole: false }
      const read = await parquetReadObjects({
        file: buffer,
        metadata,
        compressors: BOUNDED,
        rowStart: from,
        rowEnd: Math.min(rowStart + rows, from + ROWS_AT_ONCE),
      })
      for (const row of read) {
        const token = actionToken(row)
        if (token !== null) scan.pushToken(token)
      }
      const text = Buffer.from(JSON.stringify(read, plainValue), 'utf8')
      bytes += text.length
      // The actions of columns were weighed above; the text is searched for ids, and for actions kept as JSON.
      scan.push(text)
    }
    rowStart += rows
  }
  return { bytes, isWhole }
}

const bounded = (length: number): number => {
  if (!(length >= 0 && length <= PAGE_BYTES_MAX)) throw new RangeError('a page is too large')
  return length
}
const BOUNDED: Compressors = {
  SNAPPY: (input, length) => {
    const output = new Uint8Array(bounded(length))
    snappyUncompress(input, output)
    return output
  },
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, bounded(length)) }),
  ZSTD: (input, length) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, bounded(length)) }),
}

function bufferOf(file: number, size: number): AsyncBuffer {
  return {
    byteLength: size,
    slice(start, end = size) {
      const length = Math.min(end, size) - start
      if (!(start >= 0 && length >= 0 && length <= GROUP_BYTES_MAX))
        throw new RangeError('a part lies outside the file')
      const bytes = Buffer.alloc(length)
      readSync(file, bytes, 0, length, start)
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + length)
    },
  }
}

function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value.subarray(0, 65_536)).toString('latin1')
  return value
}
