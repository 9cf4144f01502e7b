/** Writes and signs the receipt for one decision, and says it in the terms of the Data Privacy Vocabulary. */
import { createHash } from 'node:crypto'
import { type Charter, RECEIPT_TYP, type Receipt } from '@fairtrace/core'
import { type Signer, signJws } from '../runtime/jws.ts'

/** What a receipt says, without what the charter adds. */
export interface Decided {
  readonly pseudonym: string
  readonly consentVersion: number
  readonly noticeVersion: number
  readonly noticeDigest: string
  readonly charterHash: string
  readonly state: 'given' | 'withdrawn'
  readonly isRenewal: boolean
  readonly categories: Receipt['categories']
  readonly apps: readonly string[]
  readonly atMs: number
}

/** @param charter the one in force at the decision, for the words of the record */
export function signReceipt(decided: Decided, charter: Charter, signer: Signer): string {
  const receipt: Receipt = {
    v: 1,
    programme: charter.programme,
    pseudonym: decided.pseudonym,
    consentVersion: decided.consentVersion,
    noticeVersion: decided.noticeVersion,
    noticeDigest: decided.noticeDigest,
    charter: decided.charterHash,
    state: decided.state,
    categories: decided.categories,
    apps: [...decided.apps],
    atMs: decided.atMs,
    record: consentRecord(decided, charter),
  }
  return signJws(RECEIPT_TYP, receipt, signer)
}

/** SHA-256 of the notice's text in UTF-8, base64url. */
export function noticeDigest(charter: Charter): string {
  return createHash('sha256').update(charter.notice.text).digest('base64url')
}

/** A consent record in DPV 2.3 terms. Small and honest: it names only what the charter and the decision say. */
function consentRecord(decided: Decided, charter: Charter): Record<string, unknown> {
  const given = decided.isRenewal ? 'dpv:RenewedConsentGiven' : 'dpv:ConsentGiven'
  return {
    '@context': {
      dpv: 'https://w3id.org/dpv#',
      'eu-gdpr': 'https://w3id.org/dpv/legal/eu/gdpr#',
      pd: 'https://w3id.org/dpv/pd#',
      dct: 'http://purl.org/dc/terms/',
    },
    '@type': 'dpv:ConsentRecord',
    'dct:identifier': `${charter.programme}/${decided.pseudonym}/${decided.consentVersion}`,
    'dpv:hasDataSubject': [decided.pseudonym],
    'dpv:hasDataController': [charter.controller.name],
    'dpv:hasJurisdiction': [charter.controller.country],
    'dpv:hasLegalBasis': [charter.legalBasis],
    'dpv:hasProcess': [
      {
        'dpv:hasPurpose': [charter.purpose.term],
        'dpv:hasPersonalData': ['pd:Interaction'],
        'dpv:hasNecessity': ['dpv:Optional'],
      },
    ],
    'dpv:hasNotice': [`${charter.programme}/notice/${decided.noticeVersion}`],
    'dpv:hasImpactAssessment': [charter.impactAssessment.reference],
    'dpv:hasConsentStatus': [decided.state === 'given' ? given : 'dpv:ConsentWithdrawn'],
  }
}
