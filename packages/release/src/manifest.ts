/**
 * The manifest of a release (`releaseManifestSchema` in core): every file with its digest, and how the release was made.
 *
 * `manifest.json` is canonical JSON (RFC 8785), so that the same release has the same id wherever it is built.
 */
import { createHash } from 'node:crypto'
import { canonicalJson, type ReleaseId, type ReleaseManifest, releaseManifestSchema } from '@fairtrace/core'

/** Raised with every change of what the same recordings and the same seed become. */
export const BUILDER_VERSION = 'fairtrace-builder/3'

export function manifestBytes(manifest: ReleaseManifest): Buffer {
  return Buffer.from(canonicalJson(releaseManifestSchema.parse(manifest)))
}

export function releaseId(bytes: Uint8Array): ReleaseId {
  return createHash('sha256').update(bytes).digest('base64url') as ReleaseId
}

export type ReleaseCounts = ReleaseManifest['counts']

/** People in steps of `k`: two releases with exact numbers would tell that one person left in between. */
export function peopleShown(k: number, people: number): number {
  return people - (people % k)
}

/** Totals below `k` are left out, not rounded: they could be one person's. */
export function countsFrom(k: number, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count >= k))
}
