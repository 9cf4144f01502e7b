/** Bytes → blocks of lines, with their numbers. A line beyond the bound is skipped without being held. */

/** Bytes of one line at most; an input event has some hundreds. */
const LINE_BYTES_MAX = 65_536

export interface LineSink {
  /** `lines[i]` is line `first + i` of the file, counted from 1; without its line end. */
  block(lines: readonly string[], first: number): void
  tooLong(line: number): void
}

/** Bytes of lines handed on at once: what lives for a moment alone costs no memory, whatever the length of the file. */
const BLOCK_BYTES = 8_192
const LINE_FEED = 0x0a

export class LineSplitter {
  readonly #sink: LineSink
  /** Parts of a line that goes on in the next chunk; together at most `LINE_BYTES_MAX`. */
  #rest: Uint8Array[] = []
  #restBytes = 0
  #isSkipping = false
  #lines = 0

  constructor(sink: LineSink) {
    this.#sink = sink
  }

  /** Lines seen so far, also those that were skipped. */
  get lines(): number {
    return this.#lines
  }

  push(chunk: Uint8Array): void {
    const last = chunk.lastIndexOf(LINE_FEED)
    if (last === -1) {
      this.#keep(chunk)
      return
    }
    let start = 0
    if (this.#isSkipping) {
      start = chunk.indexOf(LINE_FEED) + 1
      this.#isSkipping = false
      this.#tooLong()
    }
    if (start <= last) this.#split(chunk.subarray(start, last))
    this.#keep(chunk.subarray(last + 1))
  }

  /** Takes a last line that has no end. */
  end(): void {
    if (this.#isSkipping) this.#tooLong()
    else if (this.#restBytes > 0) this.#split(new Uint8Array(0))
    this.#isSkipping = false
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0 || this.#isSkipping) return
    if (this.#restBytes + part.length > LINE_BYTES_MAX) {
      this.#rest = []
      this.#restBytes = 0
      this.#isSkipping = true
      return
    }
    // A copy: the source may use the chunk again.
    this.#rest.push(part.slice())
    this.#restBytes += part.length
  }

  #split(bytes: Uint8Array): void {
    const all = this.#restBytes > 0 ? Buffer.concat([...this.#rest, bytes]) : asBuffer(bytes)
    this.#rest = []
    this.#restBytes = 0
    let start = 0
    // Whole lines only, so that no character is cut in two.
    for (let cut = cutAfter(all, start); cut !== -1; cut = cutAfter(all, start)) {
      this.#deliver(all.toString('utf8', start, cut).split('\n'))
      start = cut + 1
    }
    this.#deliver(all.toString('utf8', start).split('\n'))
  }

  #deliver(lines: readonly string[]): void {
    let start = 0
    for (let i = 0; i < lines.length; i++) {
      if (!isTooLong(lines[i] ?? '')) continue
      if (i > start) this.#block(lines.slice(start, i))
      this.#tooLong()
      start = i + 1
    }
    if (start === 0) this.#block(lines)
    else if (start < lines.length) this.#block(lines.slice(start))
  }

  #block(lines: readonly string[]): void {
    const first = this.#lines + 1
    this.#lines += lines.length
    this.#sink.block(lines, first)
  }

  #tooLong(): void {
    this.#lines++
    this.#sink.tooLong(this.#lines)
  }
}

/** Place of the line end after which a block is full; -1 where the rest is one block. */
function cutAfter(bytes: Uint8Array, start: number): number {
  return bytes.indexOf(LINE_FEED, start + BLOCK_BYTES)
}

function isTooLong(line: string): boolean {
  // A character has at most 3 bytes for each unit of its string.
  return line.length * 3 > LINE_BYTES_MAX && Buffer.byteLength(line) > LINE_BYTES_MAX
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
