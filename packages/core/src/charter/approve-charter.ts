/**
 * Who must sign a charter before it may widen anything: one data-protection officer and one worker representative whom the
 * charter *in force* names, and every representative whom the new one would no longer name.
 *
 * A signature is Ed25519 over `fairtrace/charter/v1\n` and the new charter's hash. Rows decide nothing: whoever acts on an
 * approval verifies it here.
 */
import { z } from 'zod'
import { APPROVER_ROLES, type ApproverRole, type VerifySignature } from '../access/approver.ts'
import type { CharterHash } from '../ids.ts'
import type { Charter } from './charter-schema.ts'

export const CHARTER_CONTEXT = 'fairtrace/charter/v1\n'

export const charterApprovalSchema = z.strictObject({
  /** Name of the approver in the charter in force. */
  approver: z.string().min(1).max(128),
  /** Ed25519 over CHARTER_CONTEXT ‖ hash, base64url. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
})
export type CharterApproval = z.infer<typeof charterApprovalSchema>

export interface MissingApproval {
  readonly role: ApproverRole
  /** Only this person's will do, because they would be replaced; null if anybody's of the role does. */
  readonly name: string | null
}

/** The bytes that an approver signs. */
export function charterMessage(hash: CharterHash | string): Uint8Array {
  return new TextEncoder().encode(CHARTER_CONTEXT + hash)
}

/**
 * What still has to be signed. What doesn't verify is as if absent.
 * @param namedBy the charter whose approvers count: the one in force; the first charter of a programme counts on its own
 * @param next the charter to be approved, and `hash` its hash
 */
export function missingApprovals(
  namedBy: Charter,
  next: Charter,
  hash: CharterHash | string,
  approvals: readonly CharterApproval[],
  verifySignature: VerifySignature,
): readonly MissingApproval[] {
  const message = charterMessage(hash)
  const signed = namedBy.approvers.filter((approver) =>
    approvals.some((approval) => approval.approver === approver.name && verifies(approval.signature, approver.key)),
  )
  const roles = APPROVER_ROLES.filter((role) => !signed.some((approver) => approver.role === role))
  const outgoing = namedBy.approvers.filter(
    ({ role, key }) =>
      role === 'worker-representative' &&
      !next.approvers.some((approver) => approver.key === key && approver.role === role),
  )
  return [
    ...roles.map((role) => ({ role, name: null })),
    ...outgoing.filter((approver) => !signed.includes(approver)).map(({ role, name }) => ({ role, name })),
  ]

  function verifies(signature: string, key: string): boolean {
    try {
      return verifySignature(message, signature, key) === true
    } catch {
      // Fails closed: a signature that can't be checked doesn't count.
      return false
    }
  }
}
