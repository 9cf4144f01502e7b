import { FairtraceError, RECEIPT_TYP, type Receipt, receiptSchema } from '@fairtrace/core'
import { verifyJws } from './signature.ts'

/**
 * That a consent receipt is what the issuer signed.
 * @param issuerKey raw Ed25519 public key, base64url: the charter's `keys.issuer`
 * @throws `SIGNATURE_INVALID`
 */
export function verifyReceipt(jws: string, issuerKey: string): Receipt {
  const parsed = receiptSchema.safeParse(verifyJws(RECEIPT_TYP, jws, issuerKey, 'SIGNATURE_INVALID'))
  if (!parsed.success) throw new FairtraceError('SIGNATURE_INVALID', 'the receipt has fields that it should not have')
  return parsed.data
}
