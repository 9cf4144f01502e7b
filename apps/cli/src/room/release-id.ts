/** A release by its name in a data directory here, or by its id. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { digestPattern, FairtraceError } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { releaseNamePattern } from '@fairtrace/server/builder/job'

/** @throws `RELEASE_NOT_FOUND` */
export async function releaseIdOf(dir: DataDir | null, release: string): Promise<string> {
  if (dir !== null && releaseNamePattern.test(release)) {
    const manifest = dir.path('objects', 'releases', release, 'manifest.json')
    if (existsSync(manifest))
      return createHash('sha256')
        .update(await readFile(manifest))
        .digest('base64url')
  }
  if (digestPattern.test(release)) return release
  throw new FairtraceError('RELEASE_NOT_FOUND', 'there is no release of this name here, and it is no id')
}
