/**
 * That a grant was approved as the charter asks, from the document alone: grant, approvals, and the keeper's activation.
 *
 * ```json
 * {"grant":{…},"approvals":[{"approver":"…","assertion":{…}}],"activation":{…}}
 * ```
 * As the portal answers under `/api/grants/<id>`; what else stands there is nobody's signature, and ignored.
 * The same pure decision that vault and keeper make, with this package's own cryptography under it.
 */
import {
  type AccessSignatures,
  activationSchema,
  approvalSchema,
  type Charter,
  decideAccess,
  decideActivation,
  FairtraceError,
  fromBase64url,
  type Grant,
  grantHash,
  grantSchema,
} from '@fairtrace/core'
import { p256 } from '@noble/curves/nist.js'
import { z } from 'zod'
import { isSigned } from './signature.ts'

export const grantDocumentSchema = z.object({
  grant: grantSchema,
  approvals: z.array(z.object(approvalSchema.shape)).max(32),
  /** Null while the keeper hasn't seen the approvals. */
  activation: activationSchema.nullable(),
})
export type GrantDocument = z.infer<typeof grantDocumentSchema>

export interface VerifiedGrant {
  readonly grant: Grant
  readonly hash: string
  /** When it may open anything, end exclusive; null if it was never activated. */
  readonly active: { readonly fromMs: number; readonly endsAtMs: number } | null
}

/** @throws `SIGNATURE_INVALID` if the charter's approvers didn't approve exactly this, or the keeper didn't activate it */
export function verifyGrant(document: unknown, charter: Charter): VerifiedGrant {
  const parsed = grantDocumentSchema.safeParse(document)
  if (!parsed.success) throw invalid('malformed')
  const { grant, approvals, activation } = parsed.data
  // Judged for the moment in which it began: whether it is over by now is for the reader's own clock.
  const now = { nowMs: activation?.activeFromMs ?? grant.requestedAtMs, epoch: grant.epoch }
  const decision =
    activation === null
      ? decideActivation(charter, grant, approvals, now, SIGNATURES)
      : decideAccess(charter, grant, approvals, activation, now, SIGNATURES)
  if (!decision.allow) throw invalid(decision.reason)
  const active = activation === null ? null : { fromMs: activation.activeFromMs, endsAtMs: activation.endsAtMs }
  return { grant, hash: grantHash(grant), active }
}

const SIGNATURES: AccessSignatures = {
  ed25519: (message, signature, publicKey) =>
    isSigned(message, fromBase64url(signature) ?? new Uint8Array(0), fromBase64url(publicKey) ?? new Uint8Array(0)),
  passkey: (message, signature, { alg, key }) => {
    const publicKey = fromBase64url(key) ?? new Uint8Array(0)
    if (alg === 'EdDSA') return isSigned(message, signature, publicKey)
    // Authenticators write DER, and s as it comes.
    return p256.verify(signature, message, publicKey, { format: 'der', lowS: false, prehash: true })
  },
}

function invalid(reason: string): FairtraceError {
  return new FairtraceError('SIGNATURE_INVALID', `the grant does not hold: ${reason}`)
}
