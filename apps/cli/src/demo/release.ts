/** The last steps of the demonstration: a release under a grant with two approvals, then release and ledger verified from outside. */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { FairtraceError, parseCharter, releaseManifestSchema } from '@fairtrace/core'
import type { DataDir, Embedded } from '@fairtrace/server'
import { requestRelease } from '../release/request-release.ts'
import { ledgerAddress } from '../verify/sources.ts'
import { ledger, release as verifyReleaseFolder } from '../verify/verifications.ts'

const NAME = 'first-release'

export interface DemoRelease {
  readonly episodes: number
  readonly actions: number
  readonly bytes: number
  readonly ledgerSize: number
  readonly ledgerVerified: boolean
  readonly releaseVerified: boolean
}

export async function buildDemoRelease(
  embedded: Embedded,
  dir: DataDir,
  onStep: ((sentence: string, done: number, total: number) => void) | undefined,
): Promise<DemoRelease> {
  const wish = { name: NAME, seed: '1' }
  const { directory } = await requestRelease(dir, wish, {
    onGrant: () => onStep?.('Two people approve a grant', 0, 1),
    onProgress: (share) => onStep?.('Building the release', share, 1),
  })
  onStep?.('Verifying what was made', 0, 1)
  const manifest = releaseManifestSchema.parse(JSON.parse(await readFile(`${directory}/manifest.json`, 'utf8')))
  const charterFile = `${directory}/charter.yaml`
  const trust = {
    key: null,
    charter: parseCharter(await readFile(charterFile, 'utf8'), basename(charterFile)),
    policy: null,
  }
  const log = await verified(() => ledger(ledgerAddress(`${embedded.portalUrl}/ledger`), null, trust, () => undefined))
  const folder = await verified(() => verifyReleaseFolder(directory, trust, () => undefined))
  return {
    episodes: Number(manifest.counts.segments ?? 0),
    actions: Number(manifest.counts.actions ?? 0),
    bytes: manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0),
    ledgerSize: Number(log?.facts.size ?? 0),
    ledgerVerified: log !== null,
    releaseVerified: folder !== null,
  }
}

/** What does not verify is a figure of the demonstration, not the end of it: the report says so and the exit code too. */
async function verified<T>(check: () => Promise<T>): Promise<T | null> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof FairtraceError && error.exitCode === 4) return null
    throw error
  }
}
