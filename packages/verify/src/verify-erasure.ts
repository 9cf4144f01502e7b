import { ERASURE_RECEIPT_TYP, type ErasureReceipt, erasureReceiptSchema, FairtraceError } from '@fairtrace/core'
import { verifyJws } from './signature.ts'

/**
 * That the issuer signed what an erasure has reached; one that says "complete" with a step pending is none.
 * @param issuerKey raw Ed25519 public key, base64url: the charter's `keys.issuer`
 * @throws `SIGNATURE_INVALID`
 */
export function verifyErasureReceipt(jws: string, issuerKey: string): ErasureReceipt {
  const parsed = erasureReceiptSchema.safeParse(verifyJws(ERASURE_RECEIPT_TYP, jws, issuerKey, 'SIGNATURE_INVALID'))
  if (parsed.success) return parsed.data
  throw new FairtraceError('SIGNATURE_INVALID', 'the receipt has fields that it should not have')
}
