/** Signs what an erasure has reached, as the person may keep it. */
import { ERASURE_RECEIPT_TYP, type ErasureReceipt, erasureReceiptSchema } from '@fairtrace/core'
import { type Signer, signJws } from '../runtime/jws.ts'
import type { ErasureSteps } from './erasure-steps.ts'

export function signErasureReceipt(
  { isComplete, steps }: ErasureSteps,
  about: Pick<ErasureReceipt, 'programme' | 'pseudonym' | 'atMs'>,
  issuer: Signer,
): string {
  const said = steps.map(({ what, id, state, ledgerIndex: entry }) => ({ what, id, state, entry }))
  // Parsed once more: a receipt that says "complete" with a step pending is never signed.
  return signJws(ERASURE_RECEIPT_TYP, erasureReceiptSchema.parse({ v: 1, ...about, isComplete, steps: said }), issuer)
}
