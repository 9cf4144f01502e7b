/**
 * Holds the sampled segments between the two passes, already half shuffled, in bounded memory.
 *
 * Each segment falls into one of 64 buckets by chance; a bucket is shuffled when it is read. Together that is a uniform shuffle
 * of everything without ever holding everything. What doesn't fit into memory waits in files, encrypted under a key that exists
 * in this process only: the working files of a build that was killed are noise.
 *
 * ```
 * record = i16 app ‖ i16 task ‖ i16 n ‖ i16 end ‖ i32 number ‖ n × FIELDS × i16       in the machine's byte order
 * ```
 */
import { type Cipheriv, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FIELDS } from './coded-action.ts'
import type { Segment } from './episodes.ts'
import { type Random, shuffle } from './random.ts'

const BUCKETS = 64
const HEAD = 6
const SPILL_BYTES_IN_MEMORY = 128 * 1024 * 1024

interface Bucket {
  /** Numbers in `held`, which grows by doubling. */
  held: Int16Array
  used: number
  file: { readonly path: string; readonly key: Buffer; readonly fd: number; readonly cipher: Cipheriv } | null
}

export class Spill {
  readonly #folder: string
  readonly #random: Random
  readonly #bytesInMemoryMax: number
  readonly #buckets: Bucket[] = Array.from({ length: BUCKETS }, () => ({
    held: new Int16Array(1_024),
    used: 0,
    file: null,
  }))
  #bytesInMemory = 0
  #added = 0

  /** @param folder for the files that don't fit into memory; the caller removes it */
  constructor(folder: string, random: Random, bytesInMemoryMax = SPILL_BYTES_IN_MEMORY) {
    this.#folder = folder
    this.#random = random
    this.#bytesInMemoryMax = bytesInMemoryMax
  }

  add(segment: Segment): void {
    const bucket = this.#buckets[this.#random.below(BUCKETS)]
    if (bucket === undefined) return
    const size = HEAD + segment.actions.length
    if (bucket.used + size > bucket.held.length) bucket.held = grown(bucket.held, bucket.used + size)
    bucket.held[bucket.used] = segment.app
    bucket.held[bucket.used + 1] = segment.task
    bucket.held[bucket.used + 2] = segment.actions.length / FIELDS
    bucket.held[bucket.used + 3] = segment.end
    bucket.held[bucket.used + 4] = this.#added & 0xffff
    bucket.held[bucket.used + 5] = this.#added >>> 16
    this.#added++
    bucket.held.set(segment.actions, bucket.used + HEAD)
    bucket.used += size
    this.#bytesInMemory += 2 * size
    if (this.#bytesInMemory > this.#bytesInMemoryMax) this.#writeOut()
  }

  /** Every segment once, numbered as it was added, in an order that tells nothing. Each is a view that is valid until the next. */
  *drain(): Generator<Segment & { readonly number: number }> {
    for (const bucket of this.#buckets) {
      const all = this.#load(bucket)
      const starts: number[] = []
      for (let at = 0; at < all.length; at += HEAD + (all[at + 2] ?? 0) * FIELDS) starts.push(at)
      const order = Uint32Array.from(starts)
      shuffle(order, this.#random)
      for (const at of order) {
        const end = at + HEAD + (all[at + 2] ?? 0) * FIELDS
        yield {
          app: all[at] ?? 0,
          task: all[at + 1] ?? 0,
          end: all[at + 3] ?? 0,
          number: ((all[at + 4] ?? 0) & 0xffff) | ((all[at + 5] ?? 0) << 16),
          actions: all.subarray(at + HEAD, end),
        }
      }
      bucket.held = new Int16Array(0)
    }
  }

  /** Also after a failure. */
  close(): void {
    for (const bucket of this.#buckets) {
      if (bucket.file === null) continue
      closeSync(bucket.file.fd)
      rmSync(bucket.file.path, { force: true })
      bucket.file = null
    }
  }

  #writeOut(): void {
    this.#buckets.forEach((bucket, i) => {
      bucket.file ??= openBucket(join(this.#folder, `bucket-${i}`))
      writeAll(bucket.file.fd, bucket.file.cipher.update(bytesOf(bucket.held, bucket.used)))
      bucket.used = 0
    })
    this.#bytesInMemory = 0
  }

  #load(bucket: Bucket): Int16Array {
    if (bucket.file === null) return bucket.held.subarray(0, bucket.used)
    const decipher = createDecipheriv('aes-256-ctr', bucket.file.key, Buffer.alloc(16))
    const written = decipher.update(readFileSync(bucket.file.path))
    const all = new Int16Array(written.length / 2 + bucket.used)
    bytesOf(all, all.length).set(written)
    all.set(bucket.held.subarray(0, bucket.used), written.length / 2)
    return all
  }
}

function openBucket(path: string): NonNullable<Bucket['file']> {
  const key = randomBytes(32)
  // The key is used for this one file, so a fixed counter start repeats nothing.
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return { path, key, cipher, fd: openSync(path, 'wx', 0o600) }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

function bytesOf(values: Int16Array, count: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, 2 * count)
}

function grown(values: Int16Array, needed: number): Int16Array {
  const larger = new Int16Array(Math.max(needed, 2 * values.length))
  larger.set(values)
  return larger
}
