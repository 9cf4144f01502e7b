/** Opens a release's shards for a sandbox: checked against the manifest, and the manifest against the release's id, before use. */
import { createDecipheriv, createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import {
  FairtraceError,
  SHARD_CHUNK_BYTES,
  SHARD_MAGIC,
  SHARD_TAG_BYTES,
  shardChunks,
  shardFile,
  shardKey,
  shardNonce,
} from '@fairtrace/core'
import { z } from 'zod'
import { END_FRAME, encodeFrame } from './frames.ts'

/** What of a manifest opening needs; the whole was checked when it was published, and its digest is the release's id. */
const manifestSchema = z.object({
  parameters: z.record(z.string(), z.unknown()).default({}),
  shards: z.array(z.object({ path: z.string(), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
})
export type RoomManifest = z.infer<typeof manifestSchema>

/** @throws `RELEASE_SHARD_MISMATCH` if the folder holds another release */
export async function readManifest(directory: string, release: string): Promise<RoomManifest> {
  const bytes = await readFile(join(directory, 'manifest.json'))
  if (createHash('sha256').update(bytes).digest('base64url') !== release) throw mismatch('manifest.json is another one')
  const parsed = manifestSchema.safeParse(JSON.parse(bytes.toString('utf8')))
  if (!parsed.success) throw mismatch('manifest.json is no manifest with shards')
  return parsed.data
}

/**
 * Decrypts every shard into the sandbox, under /release. A chunk leaves this process only once its tag holds.
 * @throws `RELEASE_SHARD_MISMATCH`
 */
export async function fillRelease(
  directory: string,
  { shards }: RoomManifest,
  releaseKey: Uint8Array,
  stream: Writable,
): Promise<void> {
  for (const { path, bytes, sha256 } of shards) {
    const digest = createHash('sha256')
    let given = 0
    for await (const chunk of openedChunks(join(directory, shardFile(sha256)), path, bytes, releaseKey, digest)) {
      given += chunk.length
      await write(stream, encodeFrame(`/release/${path}`, chunk))
      chunk.fill(0)
    }
    if (given !== bytes || digest.digest('hex') !== sha256) throw mismatch(`${path} is not what the manifest names`)
  }
  await write(stream, END_FRAME)
  stream.end()
}

async function* openedChunks(
  file: string,
  path: string,
  bytes: number,
  releaseKey: Uint8Array,
  digest: { update(chunk: Uint8Array): unknown },
): AsyncGenerator<Buffer> {
  const key = shardKey(releaseKey, path)
  const count = shardChunks(bytes)
  let held: Buffer = Buffer.alloc(0)
  let number = -1
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    digest.update(piece)
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece])
    if (number < 0) {
      if (held.length < SHARD_MAGIC.length) continue
      if (!held.subarray(0, SHARD_MAGIC.length).equals(SHARD_MAGIC)) throw mismatch(`${path} is no shard`)
      held = held.subarray(SHARD_MAGIC.length)
      number = 0
    }
    while (number < count - 1 && held.length >= SHARD_CHUNK_BYTES + SHARD_TAG_BYTES) {
      yield opened(held.subarray(0, SHARD_CHUNK_BYTES + SHARD_TAG_BYTES), number, false)
      held = held.subarray(SHARD_CHUNK_BYTES + SHARD_TAG_BYTES)
      number++
    }
  }
  if (number !== count - 1) throw mismatch(`${path} ends too early`)
  yield opened(held, number, true)
  key.fill(0)

  function opened(sealed: Buffer, chunk: number, isLast: boolean): Buffer {
    try {
      const end = sealed.length - SHARD_TAG_BYTES
      const decipher = createDecipheriv('aes-256-gcm', key, shardNonce(chunk, isLast), {
        authTagLength: SHARD_TAG_BYTES,
      })
      decipher.setAAD(SHARD_MAGIC)
      decipher.setAuthTag(sealed.subarray(end))
      return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
    } catch {
      // Fails closed: nothing of a chunk that was changed reaches anybody.
      throw mismatch(`${path} does not open with this release's key`)
    }
  }
}

async function write(stream: Writable, bytes: Buffer): Promise<void> {
  if (stream.destroyed) throw Object.assign(new Error('the sandbox has ended'), { code: 'EPIPE' })
  await new Promise<void>((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

function mismatch(what: string): FairtraceError {
  return new FairtraceError('RELEASE_SHARD_MISMATCH', what)
}
