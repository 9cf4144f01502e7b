/** Bytes of a recording, from a file or standard input, inflated where they are gzip (RFC 1952; known by its first bytes). */
import { createReadStream } from 'node:fs'
import process from 'node:process'
import { constants, createGunzip, type Gunzip } from 'node:zlib'
import { FairtraceError } from '@fairtrace/core'

/** How the bytes ended. Whatever could be inflated was delivered before. */
export type BytesEnd = 'whole' | 'truncated' | 'damaged'

const GZIP_MAGIC = [0x1f, 0x8b] as const

/**
 * Raw bytes of `path`, or of standard input for `-`.
 * @throws `INPUT_UNREADABLE`
 */
export async function* openBytes(path: string): AsyncGenerator<Buffer, void> {
  try {
    yield* path === '-' ? process.stdin : createReadStream(path)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new FairtraceError('INPUT_UNREADABLE', `the input can't be read (${code})`, { cause })
  }
}

/** Passes bytes through, inflated if they are gzip; the generator's result says how they ended. */
export async function* inflateIfGzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, BytesEnd> {
  const chunks = source[Symbol.asyncIterator]()
  try {
    let head = new Uint8Array(0)
    while (head.length < GZIP_MAGIC.length) {
      const next = await chunks.next()
      if (next.done === true) break
      head = Buffer.concat([head, next.value])
    }
    if (!GZIP_MAGIC.every((byte, i) => head[i] === byte)) {
      if (head.length > 0) yield head
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
      return 'whole'
    }
    return yield* inflate(head, chunks)
  } finally {
    await chunks.return?.()
  }
}

async function* inflate(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, BytesEnd> {
  const gunzip = createGunzip({ chunkSize: 65_536 })
  const feeding = feed(gunzip, head, chunks).catch((cause: unknown) => {
    gunzip.destroy(cause instanceof Error ? cause : new Error('the source failed'))
  })
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array
    await feeding
    return 'whole'
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null
    if (code === 'Z_BUF_ERROR') return 'truncated'
    if (typeof code === 'string' && code.startsWith('Z_')) return 'damaged'
    throw cause
  } finally {
    gunzip.destroy()
  }
}

/**
 * Writes the source into `gunzip`, and ends it only after everything inflated was read.
 *
 * A stream that ends early fails at its end, and a failing stream throws away what was not read yet: up to 64 KiB.
 */
async function feed(gunzip: Gunzip, head: Uint8Array, chunks: AsyncIterator<Uint8Array>): Promise<void> {
  let chunk = head
  for (;;) {
    if (gunzip.destroyed) return
    if (!gunzip.write(chunk)) await drained(gunzip)
    const next = await chunks.next()
    if (next.done === true) break
    chunk = next.value
  }
  await new Promise<void>((resolve) => {
    gunzip.once('close', resolve)
    gunzip.flush(constants.Z_SYNC_FLUSH, () => resolve())
  })
  while (!gunzip.destroyed && gunzip.readableLength > 0) await new Promise((resolve) => setImmediate(resolve))
  gunzip.end()
}

/** Until it takes more, or is over. */
function drained(gunzip: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      gunzip.off('drain', done)
      gunzip.off('close', done)
      resolve()
    }
    gunzip.on('drain', done)
    gunzip.on('close', done)
  })
}
