/**
 * The sampled segments in the order in which they came, kept while shares are counted, in bounded memory.
 *
 * What doesn't fit waits in a file, encrypted under a key that exists in this process only. Read as often as needed.
 * ```
 * record = i16 app ‖ i16 task ‖ i16 n ‖ i16 end ‖ n × FIELDS × i16       in the machine's byte order
 * ```
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FIELDS } from './coded-action.ts'
import type { Segment } from './episodes.ts'

const HEAD = 4
/** Numbers in a block; no record runs from one into the next. */
const BLOCK_NUMBERS = 2 ** 22
const BLOCKS_IN_MEMORY = 16

export class SegmentLog {
  readonly #path: string
  readonly #blocks: (Int16Array | { readonly at: number; readonly bytes: number; readonly iv: Buffer })[] = []
  readonly #key = randomBytes(32)
  readonly #blockNumbers: number
  #block: Int16Array
  #used = 0
  #fd: number | null = null
  #written = 0

  /** @param folder the caller removes it */
  constructor(folder: string, blockNumbers = BLOCK_NUMBERS) {
    this.#path = join(folder, 'segment-log')
    this.#blockNumbers = blockNumbers
    this.#block = new Int16Array(blockNumbers)
  }

  add({ app, task, end, actions }: Segment): void {
    if (this.#used + HEAD + actions.length > this.#block.length) this.#endBlock(HEAD + actions.length)
    const at = this.#used
    this.#block[at] = app
    this.#block[at + 1] = task
    this.#block[at + 2] = actions.length / FIELDS
    this.#block[at + 3] = end
    this.#block.set(actions, at + HEAD)
    this.#used += HEAD + actions.length
  }

  /** Every segment in order. Each is a copy of its own. */
  *read(): Generator<Segment> {
    for (const block of this.#blocks) yield* records(block instanceof Int16Array ? block : this.#load(block))
    yield* records(this.#block.subarray(0, this.#used))
  }

  /** Also after a failure. */
  close(): void {
    if (this.#fd === null) return
    closeSync(this.#fd)
    rmSync(this.#path, { force: true })
    this.#fd = null
  }

  #endBlock(needed: number): void {
    const full = this.#block.slice(0, this.#used)
    this.#blocks.push(this.#blocks.length < BLOCKS_IN_MEMORY ? full : this.#store(full))
    this.#block = new Int16Array(Math.max(this.#blockNumbers, needed))
    this.#used = 0
  }

  #store(block: Int16Array): { at: number; bytes: number; iv: Buffer } {
    this.#fd ??= openSync(this.#path, 'wx+', 0o600)
    const iv = randomBytes(16)
    const sealed = createCipheriv('aes-256-ctr', this.#key, iv).update(
      new Uint8Array(block.buffer, block.byteOffset, block.byteLength),
    )
    for (let done = 0; done < sealed.length; ) done += writeSync(this.#fd, sealed, done)
    const at = this.#written
    this.#written += sealed.length
    return { at, bytes: sealed.length, iv }
  }

  #load({ at, bytes, iv }: { readonly at: number; readonly bytes: number; readonly iv: Buffer }): Int16Array {
    const sealed = Buffer.alloc(bytes)
    for (let done = 0; done < bytes; ) {
      const read = readSync(this.#fd ?? -1, sealed, done, bytes - done, at + done)
      if (read === 0) throw new Error('the working file of the build was cut short')
      done += read
    }
    const block = new Int16Array(bytes / 2)
    new Uint8Array(block.buffer).set(createDecipheriv('aes-256-ctr', this.#key, iv).update(sealed))
    return block
  }
}

function* records(block: Int16Array): Generator<Segment> {
  for (let at = 0; at < block.length; ) {
    const end = at + HEAD + (block[at + 2] ?? 0) * FIELDS
    yield {
      app: block[at] ?? 0,
      task: block[at + 1] ?? 0,
      end: block[at + 3] ?? 0,
      actions: block.slice(at + HEAD, end),
    }
    at = end
  }
}
