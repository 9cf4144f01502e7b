/**
 * Whether keys may open: the only place where a grant and its approvals are judged.
 *
 * Pure. The adversary is whoever writes to the database: rows decide nothing, so everything is checked here against the
 * charter that the caller itself holds, with signatures over the grant's canonical JSON.
 */
import { canonicalJson } from './canonical-json.ts'
import { charterHash } from './charter/charter-hash.ts'
import type { Charter } from './charter/charter-schema.ts'
import { APPROVER_ROLES, type ApproverRole, approvalSchema, GRANT_CONTEXT, type Grant, grantSchema } from './grant.ts'

/** Why nothing opens. Closed: each reason has its own sentence in the interface. */
export type OpenDenyReason =
  | 'grant-malformed'
  | 'other-programme'
  | 'other-charter'
  | 'epoch-over'
  | 'not-in-period'
  | 'no-audience'
  | 'too-long'
  | 'too-many-approvals'
  | 'approval-missing'

export type OpenDecision = { readonly allow: true } | { readonly allow: false; readonly reason: OpenDenyReason }

/**
 * Checks one Ed25519 signature. An answer other than `true`, or a throw, is a signature that doesn't count.
 * @param signature base64url, 86 characters
 * @param publicKey raw, base64url, 43 characters
 */
export type VerifySignature = (message: Uint8Array, signature: string, publicKey: string) => boolean

/** Signatures that one decision checks at most: the list is the caller's. */
const APPROVALS_MAX = 32

/**
 * Decides whether the keys in a grant's scope may open now. Absence denies; what doesn't count is as if absent, so an
 * approval more never closes a grant and an approval less never opens one.
 *
 * @param grant as it came, still unparsed
 * @param approvals as they came, still unparsed
 * @param now the time in Unix milliseconds and the programme's epoch, from a source that the caller trusts
 */
export function decideOpen(
  charter: Charter,
  grant: unknown,
  approvals: unknown,
  now: { readonly nowMs: number; readonly epoch: number },
  verifySignature: VerifySignature,
): OpenDecision {
  const parsed = grantSchema.safeParse(grant)
  if (!parsed.success) return deny('grant-malformed')
  const { programme, charter: hash, epoch, startsAtMs, endsAtMs } = parsed.data
  if (programme !== charter.programme) return deny('other-programme')
  if (hash !== charterHash(charter)) return deny('other-charter')
  if (epoch !== now.epoch) return deny('epoch-over')
  // Stated as what we accept, so that a NaN clock falls outside it. The end is exclusive.
  const inPeriod = startsAtMs <= now.nowMs && now.nowMs < endsAtMs
  if (!inPeriod) return deny('not-in-period')
  if (charter.audience.length === 0) return deny('no-audience')
  // A grant names no group, so it may last only as long as the strictest one allows.
  const lengthAllowed = charter.audience.every((group) => endsAtMs - startsAtMs <= group.grantMax)
  if (!lengthAllowed) return deny('too-long')
  if (!Array.isArray(approvals)) return deny('approval-missing')
  if (approvals.length > APPROVALS_MAX) return deny('too-many-approvals')
  const roles = approvedRoles(charter, parsed.data, approvals, verifySignature)
  // The charter gives every approver one role, one name and one key: two roles are two people.
  return APPROVER_ROLES.every((role) => roles.has(role)) ? { allow: true } : deny('approval-missing')
}

/** The bytes that an approver signs. */
export function grantMessage(grant: Grant): Uint8Array {
  return new TextEncoder().encode(GRANT_CONTEXT + canonicalJson(grant))
}

function approvedRoles(
  charter: Charter,
  grant: Grant,
  approvals: readonly unknown[],
  verifySignature: VerifySignature,
): Set<ApproverRole> {
  const message = grantMessage(grant)
  const roles = new Set<ApproverRole>()
  for (const candidate of approvals) {
    const approval = approvalSchema.safeParse(candidate)
    if (!approval.success) continue
    const approver = charter.approvers.find(({ name }) => name === approval.data.approver)
    // Nobody approves their own request, however they spell their name.
    if (approver === undefined || folded(approver.name) === folded(grant.requester)) continue
    if (verifies(approval.data.signature, approver.key)) roles.add(approver.role)
  }
  return roles

  function verifies(signature: string, key: string): boolean {
    try {
      return verifySignature(message, signature, key) === true
    } catch {
      // Fails closed: a signature that can't be checked doesn't count.
      return false
    }
  }
}

function folded(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

function deny(reason: OpenDenyReason): OpenDecision {
  return { allow: false, reason }
}
