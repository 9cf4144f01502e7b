/**
 * What a release says about itself, and what stands behind it.
 *
 * ```
 * manifest.json       this, UTF-8; its SHA-256 is the release's id
 * manifest.jws        compact JWS, typ RELEASE_TYP, by the charter's `keys.builder` over {"manifest":"<the id>"}
 * charter.yaml        the charter under which it was built
 * ledger.tlog-proof   optional: that the ledger has the entry RELEASE_ENTRY_TYPE about {"manifest":"<the id>"}
 * README.md, …        documents that the manifest lists: the card and what belongs to it, without a row of data, in the clear
 * shards/<sha256>     everything else, encrypted (`release-shard.ts`) and listed under the path that it has once it is opened
 * ```
 */
import { z } from 'zod'
import { digestPattern, programmeIdPattern } from './ids.ts'

export const RELEASE_TYP = 'ft-release+jwt'
export const RELEASE_ENTRY_TYPE = 'release.published'
/** The files of a release that its manifest doesn't list. */
export const RELEASE_UNLISTED = ['manifest.json', 'manifest.jws', 'charter.yaml', 'ledger.tlog-proof'] as const

/** Forward slashes, no way up or out, no hidden file, no second spelling. */
export const shardPathPattern = /^(?!.*(?:^|\/)\.)[A-Za-z0-9._=-]+(?:\/[A-Za-z0-9._=-]+){0,15}$/

const count = z.int().min(0)
const shardPath = z.string().max(512).regex(shardPathPattern)
const hexDigest = z.string().regex(/^[0-9a-f]{64}$/)
const scalar = z.union([z.string().max(1_000), z.number(), z.boolean(), z.null()])

export const releaseManifestSchema = z.strictObject({
  v: z.literal(2),
  programme: z.string().regex(programmeIdPattern),
  name: z.string().min(1).max(128),
  charter: z.string().regex(digestPattern),
  charterVersion: z.int().min(1),
  /** Version of the shield that made the actions. */
  shield: z.string().min(1).max(32),
  /** Version of the builder. */
  builder: z.string().min(1).max(128),
  parameters: z.record(z.string(), z.union([scalar, z.array(scalar)])),
  /** Totals, some of them by kind. */
  counts: z.record(z.string(), z.union([count, z.record(z.string(), count)])),
  /** In the clear. */
  documents: z.array(z.strictObject({ path: shardPath, bytes: count, sha256: hexDigest })),
  /** `bytes` of plaintext under `path`; stored encrypted as `shards/<sha256>`, `sha256` being that of what is stored. */
  shards: z.array(z.strictObject({ path: shardPath, bytes: count, sha256: hexDigest, rows: count })),
  /** Ids of the releases that this one follows. */
  previous: z.array(z.string().regex(digestPattern)),
})
export type ReleaseManifest = z.infer<typeof releaseManifestSchema>

/** The payload of `manifest.jws`, and the detail of the ledger's entry. */
export const releaseStatementSchema = z.strictObject({ manifest: z.string().regex(digestPattern) })
export type ReleaseStatement = z.infer<typeof releaseStatementSchema>
