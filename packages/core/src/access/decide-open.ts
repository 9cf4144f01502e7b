/**
 * Whether a grant may become active, and whether keys may open under it: the only place where either is judged.
 *
 * Pure. Vault and keeper both call it, each with the charter, the clock and the epoch that it holds itself. The adversary is
 * whoever writes to the database: rows decide nothing, so everything is checked against signatures.
 */
import { charterHash } from '../charter/charter-hash.ts'
import type { Charter } from '../charter/charter-schema.ts'
import { type Activation, activationMessage, activationSchema } from './activation.ts'
import { approvalSchema, isAsserted, type VerifyPasskey } from './approval.ts'
import type { ApproverRole, VerifySignature } from './approver.ts'
import { type Grant, grantHash, grantSchema } from './grant.ts'

/** Why nothing opens. Closed: each reason has its own sentence in the interface. */
export type AccessDenyReason =
  | 'grant-malformed'
  | 'other-programme'
  | 'other-charter'
  | 'epoch-over'
  | 'other-purpose'
  | 'not-in-audience'
  | 'too-long'
  | 'approved-too-late'
  | 'too-many-approvals'
  | 'approval-missing'
  | 'not-active'
  | 'not-in-period'

export type AccessDecision =
  | {
      readonly allow: true
      readonly grant: Grant
      /** Who approved, one for each role, as their passkeys showed. */
      readonly approvers: Readonly<Record<ApproverRole, string>>
    }
  | { readonly allow: false; readonly reason: AccessDenyReason }

/** What the deciding process knows itself: the time in Unix milliseconds, and the programme's epoch. */
export interface AccessNow {
  readonly nowMs: number
  readonly epoch: number
}

export interface AccessSignatures {
  readonly ed25519: VerifySignature
  readonly passkey: VerifyPasskey
}

/** Signatures that one decision checks at most: the list is the caller's. */
const APPROVALS_MAX = 32

/**
 * Decides whether a grant may become active now: well-formed, of this programme, charter and epoch, for the one purpose, asked by
 * the audience, not too long, and approved in time by two different people, one of each role, neither of them the requester.
 *
 * Absence denies; what doesn't count is as if absent, so an approval more never closes a grant and one less never opens it.
 * @param grant as it came, still unparsed; `approvals` too
 */
export function decideActivation(
  charter: Charter,
  grant: unknown,
  approvals: unknown,
  now: AccessNow,
  signatures: Pick<AccessSignatures, 'passkey'>,
): AccessDecision {
  const asked = decideAsked(charter, grant, now)
  if (!asked.allow) return asked
  // Stated as what we accept, so that a NaN clock falls outside it.
  if (!(now.nowMs <= asked.grant.approveByMs)) return deny('approved-too-late')
  return decideApproved(charter, asked.grant, approvals, signatures)
}

/**
 * Decides whether keys in a grant's scope may open now: as `decideActivation`, and active by the keeper's word, and not over.
 * @param activation as it came, still unparsed
 */
export function decideAccess(
  charter: Charter,
  grant: unknown,
  approvals: unknown,
  activation: unknown,
  now: AccessNow,
  signatures: AccessSignatures,
): AccessDecision {
  const asked = decideAsked(charter, grant, now)
  if (!asked.allow) return asked
  const approved = decideApproved(charter, asked.grant, approvals, signatures)
  if (!approved.allow) return approved
  const active = activationSchema.safeParse(activation)
  if (!active.success || !isActivated(charter, asked.grant, active.data, signatures)) return deny('not-active')
  const { activeFromMs, endsAtMs } = active.data
  const inPeriod = activeFromMs <= now.nowMs && now.nowMs < endsAtMs
  return inPeriod ? approved : deny('not-in-period')
}

type Asked = { readonly allow: true; readonly grant: Grant } | Extract<AccessDecision, { allow: false }>

function decideAsked(charter: Charter, grant: unknown, now: AccessNow): Asked {
  const parsed = grantSchema.safeParse(grant)
  if (!parsed.success) return deny('grant-malformed')
  const { programme, charter: hash, epoch, purpose, requester, lengthMs } = parsed.data
  if (programme !== charter.programme) return deny('other-programme')
  if (hash !== charterHash(charter)) return deny('other-charter')
  if (epoch !== now.epoch) return deny('epoch-over')
  if (purpose !== charter.purpose.term || charter.forbiddenPurposes.includes(purpose)) return deny('other-purpose')
  const group = charter.audience.find((one) => one.group === requester.group)
  if (group === undefined) return deny('not-in-audience')
  if (!(lengthMs <= group.grantMax)) return deny('too-long')
  return { allow: true, grant: parsed.data }
}

function decideApproved(
  charter: Charter,
  grant: Grant,
  approvals: unknown,
  { passkey }: Pick<AccessSignatures, 'passkey'>,
): AccessDecision {
  if (!Array.isArray(approvals)) return deny('approval-missing')
  if (approvals.length > APPROVALS_MAX) return deny('too-many-approvals')
  const challenge = grantHash(grant)
  const names = new Map<ApproverRole, string>()
  for (const candidate of approvals) {
    const approval = approvalSchema.safeParse(candidate)
    if (!approval.success) continue
    const approver = charter.approvers.find(({ name }) => name === approval.data.approver)
    // Nobody approves their own request, however they spell their name.
    if (approver?.passkey === undefined || foldedName(approver.name) === foldedName(grant.requester.name)) continue
    if (isAsserted(approval.data.assertion, approver.passkey, challenge, charter.passkeys.rpId, passkey)) {
      names.set(approver.role, approver.name)
    }
  }
  // The charter gives every approver one role, one name and passkeys of their own: two roles are two people.
  const dataProtection = names.get('data-protection')
  const workerRepresentative = names.get('worker-representative')
  if (dataProtection === undefined || workerRepresentative === undefined) return deny('approval-missing')
  const approvers = { 'data-protection': dataProtection, 'worker-representative': workerRepresentative }
  return { allow: true, grant, approvers }
}

function isActivated(
  charter: Charter,
  grant: Grant,
  activation: Activation,
  { ed25519 }: Pick<AccessSignatures, 'ed25519'>,
): boolean {
  if (activation.programme !== grant.programme || activation.grant !== grantHash(grant)) return false
  // An honest keeper never says more; one that does is not believed.
  if (!(activation.endsAtMs - activation.activeFromMs <= grant.lengthMs)) return false
  if (!(activation.activeFromMs <= grant.approveByMs)) return false
  try {
    return ed25519(activationMessage(activation), activation.signature, charter.keys.keeper) === true
  } catch {
    // Fails closed: a signature that can't be checked doesn't count.
    return false
  }
}

/** Two spellings of one name are one person. */
export function foldedName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

function deny(reason: AccessDenyReason): Extract<AccessDecision, { allow: false }> {
  return { allow: false, reason }
}
