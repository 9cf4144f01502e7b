/**
 * Grant: a time-boxed, purpose-bound permission to open recordings, with two approvals.
 *
 * An approval is an Ed25519 signature over the grant's canonical JSON (RFC 8785) by a key that the charter names. Database
 * rows decide nothing: who opens a key verifies the signatures against the charter that it holds.
 */
import { z } from 'zod'
import { digestPattern, id128Pattern, programmeIdPattern } from './ids.ts'

export const GRANT_CONTEXT = 'fairtrace/grant/v1\n'

export const grantSchema = z.strictObject({
  id: z.string().regex(id128Pattern),
  programme: z.string().regex(programmeIdPattern),
  epoch: z.int().min(0),
  charter: z.string().regex(digestPattern),
  /** Name of the person who asks, as the charter lists people; may not approve. */
  requester: z.string().min(1).max(128),
  purpose: z.string().min(1).max(500),
  /** Raw X25519 public key of the process that receives the keys, base64url: the answer is useless to anybody else. */
  recipientKey: z.string().regex(digestPattern),
  startsAtMs: z.int(),
  endsAtMs: z.int(),
})
export type Grant = z.infer<typeof grantSchema>

export const approvalSchema = z.strictObject({
  /** Name of the approver in the charter. */
  approver: z.string().min(1).max(128),
  /** Ed25519 over GRANT_CONTEXT ‖ canonical JSON of the grant, base64url. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
})
export type Approval = z.infer<typeof approvalSchema>

/** The two approver slots. Named, because a set has no "two different ones". */
export const APPROVER_ROLES = ['data-protection', 'worker-representative'] as const
export type ApproverRole = (typeof APPROVER_ROLES)[number]
