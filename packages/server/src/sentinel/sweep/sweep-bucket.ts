/** Objects of an S3 bucket. Each is put into a file of this process's own first, and gone as soon as it is searched. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { type ItemGroup, type ItemResult, skippedItem } from './item.ts'
import type { Place } from './places.ts'
import type { ScanLimits } from './scan-file.ts'
import type { ScanPool } from './scan-pool.ts'
import type { Throttle } from './throttle.ts'

export const SPOOL_PREFIX = 'fairtrace-sweep-'
const OBJECT_MS_MAX = 120_000

/** @throws if the bucket can't be listed */
export async function* bucketGroups(
  place: Place & { readonly kind: 'bucket' },
  pool: ScanPool,
  throttle: Throttle,
  limits: ScanLimits,
): AsyncGenerator<ItemGroup> {
  const { access } = place
  const client = new S3Client({
    region: access?.region ?? 'us-east-1',
    ...(access?.endpoint === undefined ? {} : { endpoint: access.endpoint, forcePathStyle: true }),
    ...(access === null
      ? {}
      : { credentials: { accessKeyId: access.accessKeyId, secretAccessKey: access.secretAccessKey } }),
    maxAttempts: 2,
  })
  const spool = mkdtempSync(join(tmpdir(), SPOOL_PREFIX))
  try {
    let token: string | undefined
    do {
      await throttle.query()
      const page = await client.send(
        new ListObjectsV2Command({
          Bucket: place.bucket,
          ...(place.prefix === '' ? {} : { Prefix: place.prefix }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
          MaxKeys: 200,
        }),
        { abortSignal: AbortSignal.timeout(30_000) },
      )
      const objects = (page.Contents ?? []).flatMap(({ Key, ETag, Size, LastModified }) =>
        Key === undefined ? [] : [{ item: Key, mark: `${ETag}.${Size}.${LastModified?.getTime()}`, size: Size ?? 0 }],
      )
      const sizes = new Map(objects.map(({ item, size }) => [item, size]))
      if (objects.length > 0) yield { items: objects, read: (items) => readObjects(items, sizes) }
      token = page.NextContinuationToken
    } while (token !== undefined)
  } finally {
    client.destroy()
    rmSync(spool, { recursive: true, force: true })
  }

  async function readObjects(items: readonly string[], sizes: ReadonlyMap<string, number>) {
    const results = new Map<string, ItemResult>()
    for (const [i, item] of items.entries()) {
      if ((sizes.get(item) ?? 0) > limits.bytesMax) {
        results.set(item, skippedItem('too-large'))
        continue
      }
      const file = join(spool, String(i))
      try {
        await throttle.query()
        await fetchTo(file, item)
        const result = await pool.file(file, limits)
        results.set(item, result)
        await throttle.bytes(result.bytes)
      } catch {
        results.set(item, skippedItem('unreadable'))
      } finally {
        rmSync(file, { force: true })
      }
    }
    return results
  }

  async function fetchTo(file: string, key: string): Promise<void> {
    const signal = AbortSignal.timeout(OBJECT_MS_MAX)
    const { Body } = await client.send(new GetObjectCommand({ Bucket: place.bucket, Key: key }), {
      abortSignal: signal,
    })
    if (!(Body instanceof Readable)) throw new TypeError('the object has no body')
    let bytes = 0
    const bound = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length
        // What the list said of its size need not be so.
        if (bytes > limits.bytesMax) done(new RangeError('the object is larger than listed'))
        else done(null, chunk)
      },
    })
    await pipeline(Body, bound, createWriteStream(file, { mode: 0o600 }), { signal })
  }
}
