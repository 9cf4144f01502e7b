/**
 * The manifest: every file of a release with its digest, and how the release was made.
 *
 * ```
 * manifest.json = canonical JSON (RFC 8785) of `Manifest`
 * release id    = base64url(SHA-256(manifest.json))
 * manifest.jws  = compact JWS, typ RELEASE_TYP, payload {"manifest":"<release id>"}, by the charter's `keys.builder`
 * ```
 * Not listed in itself: manifest.json, manifest.jws, charter.yaml (its hash is in the manifest) and ledger.tlog-proof.
 */
import { createHash } from 'node:crypto'
import { canonicalJson, type ReleaseId } from '@fairtrace/core'
import type { Shard } from './release-files.ts'

export const RELEASE_TYP = 'ft-release+jwt'

/** Totals about fewer than `k` of anything are left out, not rounded. */
export interface ReleaseCounts {
  readonly people?: number
  readonly segments?: number
  readonly actions?: number
  readonly trajectories?: number
  readonly images?: number
  readonly byKind: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
}

export interface Manifest {
  readonly v: 1
  readonly programme: string
  readonly name: string
  /** SHA-256 of the charter's canonical JSON, base64url. */
  readonly charter: string
  readonly charterVersion: number
  readonly shield: string
  /** Raw Ed25519 public key, base64url. */
  readonly builder: string
  readonly parameters: {
    /** A name for the draw. Chance itself comes from a secret of the builder, so that nobody can repeat it backwards. */
    readonly seed: string
    readonly k: number
    readonly segmentActionsMax: number
    readonly segmentsPerPersonMax: number
    readonly rowsPerShard: number
  }
  readonly counts: ReleaseCounts
  readonly shards: readonly Shard[]
  /** Ids of earlier releases that this one replaces. */
  readonly previous: readonly string[]
}

export function manifestBytes(manifest: Manifest): Buffer {
  return Buffer.from(canonicalJson(manifest))
}

export function releaseId(bytes: Uint8Array): ReleaseId {
  return createHash('sha256').update(bytes).digest('base64url') as ReleaseId
}

/** Keeps the totals from `k` up. */
export function countsFrom(k: number, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count >= k))
}
