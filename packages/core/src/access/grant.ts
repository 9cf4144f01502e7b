/**
 * Grant: a time-boxed, purpose-bound permission to open what the vault holds.
 *
 * It says what is asked, not when it is used: its time runs from the moment the keeper saw both approvals (`activation.ts`), never
 * from the request. What people approve is the hash of its canonical JSON (RFC 8785); database rows decide nothing.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { base64url } from '../base64url.ts'
import { canonicalJson } from '../canonical-json.ts'
import { digestPattern, id128Pattern, programmeIdPattern } from '../ids.ts'

const GRANT_CONTEXT = 'fairtrace/grant/v2\n'

/** What a grant reaches. Exact: neither reaches the other. */
export const grantScopeSchema = z.discriminatedUnion('kind', [
  /** All recordings of the programme, to build a release of this name from. */
  z.strictObject({ kind: z.literal('recordings'), releaseName: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/) }),
  /** One release, by the digest of its manifest. */
  z.strictObject({ kind: z.literal('release'), release: z.string().regex(digestPattern) }),
])
export type GrantScope = z.infer<typeof grantScopeSchema>

export const grantSchema = z.strictObject({
  id: z.string().regex(id128Pattern),
  programme: z.string().regex(programmeIdPattern),
  epoch: z.int().min(0),
  /** Hash of the charter in force at the request. */
  charter: z.string().regex(digestPattern),
  requester: z.strictObject({
    /** As the sign-in names the person; may not approve, however it is spelled. */
    name: z.string().min(1).max(128),
    /** Group of the charter's audience as whose member they ask. */
    group: z.string().min(1).max(80),
  }),
  /** DPV term; only the charter's own purpose opens anything. */
  purpose: z.string().min(1).max(200),
  /** Why, in a sentence for those who approve and those whom it concerns. */
  reason: z.string().min(1).max(500),
  scope: grantScopeSchema,
  /** Raw X25519 public key of the process that receives the keys, base64url: the answer is useless to anybody else. */
  recipientKey: z.string().regex(digestPattern),
  requestedAtMs: z.int().min(0),
  /** Approvals after this moment activate nothing. */
  approveByMs: z.int().min(0),
  /** How long it lasts from its activation on. */
  lengthMs: z.int().min(1),
})
export type Grant = z.infer<typeof grantSchema>

/** What approvers sign and what the ledger names: base64url(SHA-256(GRANT_CONTEXT ‖ canonical JSON)). */
export function grantHash(grant: Grant): string {
  return base64url(sha256(new TextEncoder().encode(GRANT_CONTEXT + canonicalJson(grant))))
}
