/**
 * Copies a release out of Fairtrace, where the charter allows it. What was copied can't be recalled.
 *
 * Both charters must allow it: the one under which people consented, which lies in the release, and the one in force. The release
 * is verified before a byte leaves, and the copy appears as a whole or not at all.
 */
import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Charter, FairtraceError, type ReleaseManifest } from '@fairtrace/core'
import { verifyRelease } from '@fairtrace/verify'
import { releaseFolder } from '../verify/sources.ts'

export const EXPORT_FORMATS = ['agentnet', 'parquet'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Folders of each format; the card, the data sheet, manifest and proofs always go along. */
const FOLDERS: Readonly<Record<ExportFormat, readonly string[]>> = {
  agentnet: ['agentnet/', 'schematic/'],
  parquet: ['data/'],
}
const BESIDE = ['manifest.json', 'manifest.jws', 'charter.yaml', 'ledger.tlog-proof']

export interface ExportRequest {
  /** Folder of the release. */
  readonly release: string
  readonly charterInForce: Charter
  readonly format: ExportFormat
  readonly out: string
  /** Called once it is decided, before a byte is copied; a failure ends the export. */
  onAllowed(id: string): Promise<void>
  onProgress(bytes: number, total: number): void
}

export interface Exported {
  readonly id: string
  readonly manifest: ReleaseManifest
  readonly files: number
  readonly bytes: number
}

/** @throws `RELEASE_EXPORT_REFUSED`, `RELEASE_NOT_FOUND`, `USAGE`, and what `verifyRelease` throws */
export async function exportRelease(request: ExportRequest): Promise<Exported> {
  const { release, format, out } = request
  const verified = await verifyRelease(releaseFolder(release), { charter: null, onProgress: request.onProgress })
  for (const charter of [verified.charter, request.charterInForce]) {
    if (charter.release.exportAllowed) continue
    throw new FairtraceError('RELEASE_EXPORT_REFUSED', 'the charter does not allow releases to be exported')
  }
  const listed = verified.manifest.shards.filter(({ path }) => {
    const isCard = !path.includes('/')
    return isCard || FOLDERS[format].some((folder) => path.startsWith(folder))
  })
  if (!listed.some(({ path }) => path.startsWith(FOLDERS[format][0] ?? ''))) {
    throw new FairtraceError(
      'RELEASE_NOT_FOUND',
      `the release holds no ${format}: none of its segments has a task that may be named`,
    )
  }
  await request.onAllowed(verified.id)
  const present = new Set(await releaseFolder(release).list())
  const paths = [...listed.map(({ path }) => path), ...BESIDE.filter((path) => present.has(path))]
  const staging = `${out}.incomplete`
  try {
    await mkdir(staging, { mode: 0o700, recursive: false })
    for (const path of paths) {
      await mkdir(dirname(join(staging, path)), { recursive: true, mode: 0o700 })
      await copyFile(join(release, path), join(staging, path))
    }
    await rename(staging, out)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    if (isCode(error, 'ENOTEMPTY') || isCode(error, 'EEXIST') || isCode(error, 'ENOTDIR')) {
      throw new FairtraceError('USAGE', 'the folder given with --out is not empty', { cause: error })
    }
    throw error
  }
  return {
    id: verified.id,
    manifest: verified.manifest,
    files: paths.length,
    bytes: listed.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
