/** Writes and signs the receipt for one decision; the record inside says it in the terms of ISO/IEC TS 27560. */
import { type Category, type Charter, consentRecord, noticeDigest, RECEIPT_TYP, type Receipt } from '@fairtrace/core'
import { type Signer, signJws } from '../runtime/jws.ts'

export interface Decided {
  readonly pseudonym: string
  readonly consentVersion: number
  readonly charterHash: string
  readonly state: 'given' | 'renewed' | 'withdrawn'
  /** What the consent covers, or covered until now. */
  readonly categories: readonly Category[]
  readonly apps: readonly string[]
  readonly atMs: number
}

/** @param charter the one that was said yes to */
export function signReceipt(decided: Decided, charter: Charter, signer: Signer): string {
  const isOver = decided.state === 'withdrawn'
  const receipt: Receipt = {
    v: 1,
    programme: charter.programme,
    pseudonym: decided.pseudonym,
    consentVersion: decided.consentVersion,
    noticeVersion: charter.notice.version,
    noticeDigest: noticeDigest(charter),
    charter: decided.charterHash,
    state: isOver ? 'withdrawn' : 'given',
    categories: isOver ? [] : [...decided.categories],
    apps: isOver ? [] : [...decided.apps],
    atMs: decided.atMs,
    record: consentRecord(decided, charter),
  }
  return signJws(RECEIPT_TYP, receipt, signer)
}
