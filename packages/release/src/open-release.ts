/** Opens a whole release into a folder, for whoever holds its key: the room that exports it, and tests. */
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ReleaseManifest, shardFile } from '@fairtrace/core'
import { openShard } from './shard-cipher.ts'

/**
 * @param directory of a release that was verified
 * @param into is made; holds every shard under its path, and the documents
 * @throws `RELEASE_SHARD_MISMATCH`
 */
export async function openReleaseInto(
  directory: string,
  manifest: ReleaseManifest,
  releaseKey: Uint8Array,
  into: string,
): Promise<void> {
  for (const shard of manifest.shards) {
    const target = join(into, shard.path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    const sealed = createReadStream(join(directory, shardFile(shard.sha256)))
    await pipeline(Readable.from(openShard(sealed, releaseKey, shard)), createWriteStream(target, { mode: 0o600 }))
  }
  for (const { path } of manifest.documents) {
    await mkdir(dirname(join(into, path)), { recursive: true, mode: 0o700 })
    await copyFile(join(directory, path), join(into, path))
  }
}
