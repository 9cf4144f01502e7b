/** Seals and opens the shards of a release (`core/release-shard.ts`), chunk by chunk: memory holds one chunk, whatever the size. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import {
  FairtraceError,
  SHARD_CHUNK_BYTES,
  SHARD_MAGIC,
  SHARD_TAG_BYTES,
  shardBytes,
  shardKey,
  shardNonce,
} from '@fairtrace/core'

/** Takes plaintext bit by bit and gives back what of the shard is ready. */
export class ShardSealer {
  readonly #key: Uint8Array
  readonly #waiting = Buffer.allocUnsafe(SHARD_CHUNK_BYTES)
  #filled = 0
  #chunk = 0
  #plaintextBytes = 0

  /** @param path the shard's name inside the release */
  constructor(releaseKey: Uint8Array, path: string) {
    this.#key = shardKey(releaseKey, path)
  }

  /** Of plaintext, so far. */
  get plaintextBytes(): number {
    return this.#plaintextBytes
  }

  update(bytes: Uint8Array): Buffer[] {
    const ready: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      // A full chunk waits until something follows it: the last one is sealed as such.
      if (this.#filled === SHARD_CHUNK_BYTES) ready.push(...this.#seal(false))
      const taken = Math.min(bytes.length - at, SHARD_CHUNK_BYTES - this.#filled)
      this.#waiting.set(bytes.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
    }
    this.#plaintextBytes += bytes.length
    return ready
  }

  end(): Buffer[] {
    return this.#seal(true)
  }

  #seal(isLast: boolean): Buffer[] {
    const head = this.#chunk === 0 ? [Buffer.from(SHARD_MAGIC)] : []
    const cipher = createCipheriv('aes-256-gcm', this.#key, shardNonce(this.#chunk++, isLast))
    cipher.setAAD(SHARD_MAGIC)
    const ciphertext = cipher.update(this.#waiting.subarray(0, this.#filled))
    this.#filled = 0
    return [...head, ciphertext, cipher.final(), cipher.getAuthTag()]
  }
}

export async function* encryptShard(
  plaintext: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  releaseKey: Uint8Array,
  path: string,
): AsyncGenerator<Buffer> {
  const sealer = new ShardSealer(releaseKey, path)
  for await (const bytes of plaintext) yield* sealer.update(bytes)
  yield* sealer.end()
}

/**
 * Gives plaintext chunk by chunk, each only after it was found to be genuine. A shard that was cut short fails at its end: what
 * came before is genuine, and not the whole.
 * @param shard what the manifest lists: the path and the bytes of plaintext
 * @throws `RELEASE_SHARD_MISMATCH`
 */
export async function* openShard(
  ciphertext: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  releaseKey: Uint8Array,
  shard: { readonly path: string; readonly bytes: number },
): AsyncGenerator<Buffer> {
  const { path, bytes } = shard
  const key = shardKey(releaseKey, path)
  const total = shardBytes(bytes)
  let waiting = Buffer.alloc(0)
  let seen = 0
  let chunk = 0
  let left = bytes
  let isMagic = false
  for await (const piece of ciphertext) {
    seen += piece.length
    if (seen > total) throw mismatch(path)
    waiting = waiting.length === 0 ? Buffer.from(piece) : Buffer.concat([waiting, piece])
    if (!isMagic) {
      if (waiting.length < SHARD_MAGIC.length) continue
      if (!waiting.subarray(0, SHARD_MAGIC.length).equals(SHARD_MAGIC)) throw mismatch(path)
      waiting = waiting.subarray(SHARD_MAGIC.length)
      isMagic = true
    }
    for (;;) {
      const size = Math.min(SHARD_CHUNK_BYTES, left)
      const isLast = left <= SHARD_CHUNK_BYTES
      if (waiting.length < size + SHARD_TAG_BYTES || (isLast && seen < total)) break
      yield openChunk(key, chunk++, isLast, waiting.subarray(0, size + SHARD_TAG_BYTES), path)
      waiting = waiting.subarray(size + SHARD_TAG_BYTES)
      left -= size
      if (isLast) break
    }
  }
  if (seen !== total || waiting.length > 0) throw mismatch(path)
}

function openChunk(key: Uint8Array, chunk: number, isLast: boolean, sealed: Buffer, path: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, shardNonce(chunk, isLast))
  decipher.setAAD(SHARD_MAGIC)
  decipher.setAuthTag(sealed.subarray(-SHARD_TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, -SHARD_TAG_BYTES))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch (cause) {
    // Fails closed: nothing of a chunk that is not genuine is given out.
    throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${path}: chunk ${chunk} does not open under this key`, {
      cause,
    })
  }
}

function mismatch(path: string): FairtraceError {
  return new FairtraceError('RELEASE_SHARD_MISMATCH', `${path} is not as long as the manifest says, or no shard`)
}
