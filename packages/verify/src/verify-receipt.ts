import {
  type Charter,
  CONSENT_STATUS,
  type ConsentRecord,
  canonicalJson,
  charterHash,
  consentRecord,
  digestName,
  FairtraceError,
  type LegalState,
  noticeDigest,
  RECEIPT_TYP,
  type Receipt,
  receiptSchema,
} from '@fairtrace/core'
import { verifyJws } from './signature.ts'

/**
 * That a consent receipt is what the issuer signed, and that the record inside says the same as the rest of it.
 * @param issuerKey raw Ed25519 public key, base64url: the charter's `keys.issuer`
 * @param charter one that you trust, or null; if it is the one that was said yes to, the record must be what it says
 * @throws `SIGNATURE_INVALID`, whatever doesn't agree
 */
export function verifyReceipt(jws: string, issuerKey: string, charter: Charter | null = null): Receipt {
  const parsed = receiptSchema.safeParse(verifyJws(RECEIPT_TYP, jws, issuerKey, 'SIGNATURE_INVALID'))
  if (!parsed.success) throw invalid('has fields that it should not have')
  const receipt = parsed.data
  const { record } = receipt
  const [status] = record['dpv:hasConsentStatus']
  const isOver = status['@type'][0] === CONSENT_STATUS.withdrawn
  const agrees =
    record['dct:identifier'][0] === `${receipt.programme}/${receipt.pseudonym}/${receipt.consentVersion}` &&
    record['dpv:hasDataSubject'][0]['dct:identifier'][0] === receipt.pseudonym &&
    record['dpv:hasNotice'][0]['@id'] === digestName(receipt.noticeDigest) &&
    record['dpv:hasNotice'][0]['dct:identifier'][0] === `${receipt.programme}/notice/${receipt.noticeVersion}` &&
    record['dct:references'][0] === digestName(receipt.charter) &&
    status['dpv:isIndicatedAtTime'][0] === new Date(receipt.atMs).toISOString() &&
    isOver === (receipt.state === 'withdrawn') &&
    (isOver ? receipt.categories.length + receipt.apps.length === 0 : coversChoices(receipt))
  if (!agrees) throw invalid('and the record in it say different things')
  if (charter !== null && charterHash(charter) === receipt.charter) requireWords(receipt, charter)
  return receipt
}

function coversChoices({ record, categories, apps }: Receipt): boolean {
  const covered = covers(record)
  return isSameList(covered.categories, categories) && isSameList(covered.apps, apps)
}

/** What the consent covers, or covered until it ended. */
function covers(record: ConsentRecord) {
  const [process] = record['dpv:hasProcess']
  return {
    categories: process['dpv:hasPersonalData'].map((data) => data['dct:identifier'][0]),
    apps: process['dpv:hasDataSource'].map((source) => source['dct:identifier'][0]),
  }
}

/** The record is a function of the decision and the charter: made anew, it must be the same. */
function requireWords(receipt: Receipt, charter: Charter): void {
  const [{ '@type': type }] = receipt.record['dpv:hasConsentStatus']
  const state = (Object.keys(CONSENT_STATUS) as LegalState[]).find((known) => CONSENT_STATUS[known] === type[0])
  if (state === undefined || noticeDigest(charter) !== receipt.noticeDigest) throw invalid('names another notice')
  const { pseudonym, consentVersion, atMs } = receipt
  const facts = { pseudonym, consentVersion, charterHash: receipt.charter, state, ...covers(receipt.record), atMs }
  if (canonicalJson(consentRecord(facts, charter)) !== canonicalJson(receipt.record)) {
    throw invalid('says something else than the charter')
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function invalid(what: string): FairtraceError {
  return new FairtraceError('SIGNATURE_INVALID', `the receipt ${what}`)
}
