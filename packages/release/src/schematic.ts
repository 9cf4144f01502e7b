/**
 * The picture of a step: where the target lay, on the schematic of 1280 × 800 that all coordinates refer to.
 *
 * Nobody's screen was ever recorded. The picture holds what an action holds: a frame for the window, and the target's box (or
 * the cell of the 8 × 8 grid) filled in. It is drawn once for each distinct target and named by its content.
 *
 * ```
 * PNG (ISO/IEC 15948): IHDR 1280 × 800, 1 bit grayscale, no interlace ‖ IDAT ‖ IEND
 * ```
 * pngjs is the oracle in the tests; it draws 8 bits for each pixel and takes ten times as long for the same picture.
 */
import { crc32, deflateSync } from 'node:zlib'
import { GRID, SCHEMATIC } from '@fairtrace/core'

/** Whole units of the schematic. */
export interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const ROW_BYTES = 1 + SCHEMATIC.width / 8
const FRAME = 4
const TITLE_BAR = 24

/** @param cell row × 8 + column */
export function cellArea(cell: number): Area {
  const width = SCHEMATIC.width / GRID.columns
  const height = SCHEMATIC.height / GRID.rows
  return { x: (cell % GRID.columns) * width, y: Math.floor(cell / GRID.columns) * height, width, height }
}

/** @param target drawn black on white, clipped to the schematic; null draws the empty window */
export function drawSchematic(target: Area | null): Buffer {
  const { width, height } = SCHEMATIC
  const pixels = Buffer.alloc(ROW_BYTES * height)
  // White with a frame: rows are equal but for the target, so one row is drawn and repeated.
  const line = Buffer.alloc(ROW_BYTES)
  const inside = Buffer.alloc(ROW_BYTES)
  setBits(inside, FRAME, width - FRAME)
  const withTarget = Buffer.from(inside)
  if (target !== null) clearBits(withTarget, target.x, Math.min(width, target.x + Math.max(1, target.width)))
  for (let y = 0; y < height; y++) {
    const isFrame = y < FRAME || y >= height - FRAME || (y >= TITLE_BAR && y < TITLE_BAR + 2)
    const isTarget = target !== null && y >= target.y && y < target.y + Math.max(1, target.height)
    const row = isTarget ? withTarget : isFrame ? line : inside
    row.copy(pixels, y * ROW_BYTES)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 1
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels, { level: 3 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt32BE(data.length, 0)
  bytes.write(type, 4, 'latin1')
  data.copy(bytes, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length)
  return bytes
}

/** Byte 0 of a row names its filter, none. */
function setBits(row: Buffer, from: number, to: number): void {
  for (let x = from; x < to; x++) row[1 + (x >> 3)] = (row[1 + (x >> 3)] ?? 0) | (0x80 >> (x & 7))
}

function clearBits(row: Buffer, from: number, to: number): void {
  for (let x = from; x < to; x++) row[1 + (x >> 3)] = (row[1 + (x >> 3)] ?? 0) & ~(0x80 >> (x & 7))
}
