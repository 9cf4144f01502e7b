/**
 * Finds any of very many byte patterns in a stream, wherever they begin, without looking at every byte.
 *
 * Every pattern is at least `PATTERN_BYTES` long. Of the text only the block of 8 bytes at every `STRIDE`-th place is looked up;
 * since a pattern holds 15 blocks, one of them lies at such a place, whatever the pattern's place in the text. A bit map says
 * of nearly all blocks that they are none of ours; the rest is compared byte by byte, so nothing is found that isn't there.
 *
 * Patterns: ids of honey participants as text (base64url, base64, hex), and pieces of our ciphertext.
 */
export const PATTERN_BYTES = 22
const BLOCK_BYTES = 8
export const STRIDE = PATTERN_BYTES - BLOCK_BYTES + 1
/** Each pattern has a slot: its first 22 bytes decide, because ids are random and ciphertext is too. */
const EMPTY = -1

/** Shared with worker threads as it is. */
export interface MarkerTables {
  readonly patterns: SharedArrayBuffer
  readonly bits: SharedArrayBuffer
  readonly bitsShift: number
  readonly slots: SharedArrayBuffer
  readonly slotsShift: number
  /** Patterns below this number are markers, the others pieces of ciphertext. */
  readonly markers: number
  /** Which object each piece of ciphertext is of, as a number of the caller. */
  readonly count: number
}

export function buildMarkerTables(markers: readonly Uint8Array[], pieces: readonly Uint8Array[]): MarkerTables {
  const all = [...markers, ...pieces]
  const patterns = new SharedArrayBuffer(Math.max(1, all.length) * PATTERN_BYTES)
  const bytes = new Uint8Array(patterns)
  const entries = all.length * STRIDE
  const bitsLog = clampLog(entries * 32, 16, 30)
  const slotsLog = clampLog(entries * 2, 10, 28)
  const bits = new SharedArrayBuffer(2 ** bitsLog / 8)
  const slots = new SharedArrayBuffer(2 ** slotsLog * 4)
  const map = new Uint8Array(bits)
  const table = new Int32Array(slots).fill(EMPTY)
  const view = new DataView(patterns)
  const tables: MarkerTables = {
    patterns,
    bits,
    bitsShift: 32 - bitsLog,
    slots,
    slotsShift: 32 - slotsLog,
    markers: markers.length,
    count: all.length,
  }
  all.forEach((pattern, i) => {
    bytes.set(pattern.subarray(0, PATTERN_BYTES), i * PATTERN_BYTES)
    for (let offset = 0; offset < STRIDE; offset++) {
      const hash = hashOf(view, i * PATTERN_BYTES + offset)
      const bit = hash >>> tables.bitsShift
      map[bit >>> 3] = (map[bit >>> 3] ?? 0) | (1 << (bit & 7))
      let slot = hash >>> tables.slotsShift
      while (table[slot] !== EMPTY) slot = (slot + 1) & (table.length - 1)
      table[slot] = i * STRIDE + offset
    }
  })
  return tables
}

/** @returns numbers of the patterns found wholly within `text[0, length)`, each once */
export function findMarkers(tables: MarkerTables, text: Uint8Array, length: number): readonly number[] {
  if (tables.count === 0) return []
  const found = new Set<number>()
  const map = new Uint8Array(tables.bits)
  const { bitsShift } = tables
  const view = new DataView(text.buffer, text.byteOffset, text.byteLength)
  const last = length - BLOCK_BYTES
  for (let at = 0; at <= last; at += STRIDE) {
    // As hashOf, in place: this is the one line that runs for every 15 bytes of everything that is swept.
    let hash =
      Math.imul(view.getInt32(at, true), 0x9e3779b1) ^ Math.imul(view.getInt32(at + 4, true) ^ 0x5bd1e995, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
    const bit = hash >>> bitsShift
    if (((map[bit >>> 3] ?? 0) >> (bit & 7)) & 1) compare(tables, text, length, at, hash, found)
  }
  return [...found]
}

function compare(
  { patterns, slots, slotsShift }: MarkerTables,
  text: Uint8Array,
  length: number,
  at: number,
  hash: number,
  found: Set<number>,
): void {
  const table = new Int32Array(slots)
  const bytes = new Uint8Array(patterns)
  for (let slot = hash >>> slotsShift; ; slot = (slot + 1) & (table.length - 1)) {
    const entry = table[slot] ?? EMPTY
    if (entry === EMPTY) return
    const pattern = Math.floor(entry / STRIDE)
    const start = at - (entry % STRIDE)
    if (start < 0 || start + PATTERN_BYTES > length) continue
    let same = 0
    while (same < PATTERN_BYTES && text[start + same] === bytes[pattern * PATTERN_BYTES + same]) same++
    if (same === PATTERN_BYTES) found.add(pattern)
  }
}

function hashOf(view: DataView, at: number): number {
  const hash =
    Math.imul(view.getInt32(at, true), 0x9e3779b1) ^ Math.imul(view.getInt32(at + 4, true) ^ 0x5bd1e995, 0x85ebca6b)
  return Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
}

function clampLog(wanted: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.ceil(Math.log2(Math.max(2, wanted)))))
}

/** Every form in which an id of 16 bytes is searched for. */
export function formsOfId(id: string): readonly Uint8Array[] {
  const raw = Buffer.from(id, 'base64url')
  const forms = new Set([
    id,
    raw.toString('base64').replace(/=+$/, ''),
    raw.toString('hex'),
    raw.toString('hex').toUpperCase(),
  ])
  return [...forms].map((form) => Buffer.from(form, 'latin1'))
}
