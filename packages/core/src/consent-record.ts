/**
 * The consent record: ISO/IEC TS 27560 in the terms of the Data Privacy Vocabulary 2.3, as JSON-LD 1.1.
 *
 * ```json
 * {"@context":{…},"@type":["dpv:ConsentRecord"],"dct:identifier":["orders/…/1"],"dpv:hasConsentStatus":[{"@type":["dpv:ConsentGiven"],…}],…}
 * ```
 * The profile is `https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr`. Every value is an array, so that a second one never
 * needs a second key. The context is inside, so that nobody has to fetch one. Digests are `ni:` names (RFC 6920): the notice and
 * the charter are named by their own bytes. What the charter doesn't say is left out; `docs/consent.md` lists it.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { base64url } from './base64url.ts'
import type { Charter } from './charter/charter-schema.ts'
import { CATEGORIES, type Category } from './lease.ts'

export const CONSENT_RECORD_PROFILE = 'https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr'

/** States that the law knows. A pause is none of them: consent stays given while nothing is captured. */
export const CONSENT_STATUS = {
  given: 'dpv:ConsentGiven',
  renewed: 'dpv:RenewedConsentGiven',
  withdrawn: 'dpv:ConsentWithdrawn',
  expired: 'dpv:ConsentExpired',
  invalidated: 'dpv:ConsentInvalidated',
} as const
export type LegalState = keyof typeof CONSENT_STATUS

const IRI = { '@type': '@id' } as const
const TIME = { '@type': 'xsd:dateTime' } as const
const DATE = { '@type': 'xsd:date' } as const
const DURATION = { '@type': 'xsd:duration' } as const

export const CONSENT_CONTEXT = {
  dct: 'http://purl.org/dc/terms/',
  dpv: 'https://w3id.org/dpv#',
  'eu-gdpr': 'https://w3id.org/dpv/legal/eu/gdpr#',
  loc: 'https://w3id.org/dpv/loc#',
  pd: 'https://w3id.org/dpv/pd#',
  rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  xsd: 'http://www.w3.org/2001/XMLSchema#',
  'dct:conformsTo': IRI,
  'dct:created': TIME,
  'dct:date': DATE,
  'dct:references': IRI,
  'dpv:hasJurisdiction': IRI,
  'dpv:hasLegalBasis': IRI,
  'dpv:hasNecessity': IRI,
  'dpv:hasProcessing': IRI,
  'dpv:hasPurpose': IRI,
  'dpv:hasRight': IRI,
  'dpv:isIndicatedAtTime': TIME,
  'dpv:isIndicatedBy': IRI,
  'rdf:value': DURATION,
} as const

/** What a record is about, besides the charter. `categories` and `apps` are what the consent covers or covered. */
export interface ConsentFacts {
  readonly pseudonym: string
  readonly consentVersion: number
  readonly charterHash: string
  readonly state: LegalState
  readonly categories: readonly Category[]
  readonly apps: readonly string[]
  /** When that state began, Unix milliseconds. */
  readonly atMs: number
}

const one = <T extends z.ZodType>(schema: T) => z.tuple([schema])
const texts = z.array(z.string())
const named = z.strictObject({ '@type': texts, 'dct:title': texts })

/** Strict: a field that isn't here would say something that no check has looked at. */
export const consentRecordSchema = z.strictObject({
  '@context': z.custom<typeof CONSENT_CONTEXT>(
    (value) => JSON.stringify(value) === JSON.stringify(CONSENT_CONTEXT),
    'another context',
  ),
  '@type': one(z.literal('dpv:ConsentRecord')),
  'dct:identifier': one(z.string()),
  'dct:conformsTo': one(z.literal(CONSENT_RECORD_PROFILE)),
  'dct:created': one(z.string()),
  'dct:references': one(z.string()),
  'dpv:hasDataSubject': one(
    z.strictObject({ '@type': one(z.literal('dpv:DataSubject')), 'dct:identifier': one(z.string()) }),
  ),
  'dpv:hasDataController': one(
    z.strictObject({ '@type': one(z.literal('dpv:DataController')), 'dpv:hasName': texts, 'dpv:hasContact': texts }),
  ),
  'dpv:hasJurisdiction': texts,
  'dpv:hasLegalBasis': one(z.literal('eu-gdpr:A6-1-a')),
  'dpv:hasProcess': one(
    z.strictObject({
      '@type': one(z.literal('dpv:Process')),
      'dct:description': texts,
      'dpv:hasPurpose': texts,
      'dpv:hasPersonalData': z.array(
        z.strictObject({ '@type': one(z.literal('pd:Interaction')), 'dct:identifier': one(z.enum(CATEGORIES)) }),
      ),
      'dpv:hasDataSource': z.array(named.extend({ 'dct:identifier': one(z.string()) })),
      'dpv:hasProcessing': texts,
      'dpv:hasNecessity': one(z.literal('dpv:Optional')),
      'dpv:hasRecipient': z.array(named),
      'dpv:hasStorageCondition': z.array(
        named.extend({ 'dpv:hasDuration': one(z.strictObject({ '@type': texts, 'rdf:value': texts })) }),
      ),
    }),
  ),
  'dpv:hasProhibition': one(z.strictObject({ '@type': one(z.literal('dpv:Prohibition')), 'dpv:hasPurpose': texts })),
  'dpv:hasNotice': one(
    z.strictObject({
      '@id': z.string(),
      '@type': one(z.literal('dpv:ConsentNotice')),
      'dct:identifier': one(z.string()),
    }),
  ),
  'dpv:hasConsentControl': z.array(z.strictObject({ '@type': texts, 'dpv:isExercisedAt': texts })),
  'dpv:hasRight': texts,
  'dpv:hasImpactAssessment': one(
    z.strictObject({ '@type': one(z.literal('dpv:DPIA')), 'dct:identifier': texts, 'dct:date': texts }),
  ),
  'dpv:hasConsentStatus': one(
    z.strictObject({
      '@type': one(z.enum(CONSENT_STATUS)),
      'dpv:isIndicatedAtTime': one(z.string()),
      'dpv:isIndicatedBy': texts,
      'dpv:hasDuration': z.array(z.strictObject({ '@type': texts, 'rdf:value': texts })),
    }),
  ),
})
export type ConsentRecord = z.infer<typeof consentRecordSchema>

/** @param charter the one that the person said yes to: its hash is `facts.charterHash` */
export function consentRecord(facts: ConsentFacts, charter: Charter): ConsentRecord {
  const { pseudonym, consentVersion, charterHash, state, categories, apps } = facts
  const at = new Date(facts.atMs).toISOString()
  const { controller, notice, impactAssessment, retention } = charter
  return {
    '@context': CONSENT_CONTEXT,
    '@type': ['dpv:ConsentRecord'],
    'dct:identifier': [`${charter.programme}/${pseudonym}/${consentVersion}`],
    'dct:conformsTo': [CONSENT_RECORD_PROFILE],
    'dct:created': [at],
    'dct:references': [digestName(charterHash)],
    'dpv:hasDataSubject': [{ '@type': ['dpv:DataSubject'], 'dct:identifier': [pseudonym] }],
    'dpv:hasDataController': [
      { '@type': ['dpv:DataController'], 'dpv:hasName': [controller.name], 'dpv:hasContact': [controller.contact] },
    ],
    'dpv:hasJurisdiction': [`loc:${controller.country}`],
    'dpv:hasLegalBasis': [charter.legalBasis],
    'dpv:hasProcess': [
      {
        '@type': ['dpv:Process'],
        'dct:description': [charter.purpose.sentence],
        'dpv:hasPurpose': [charter.purpose.term],
        'dpv:hasPersonalData': categories.map((category) => ({
          '@type': ['pd:Interaction'],
          'dct:identifier': [category],
        })),
        'dpv:hasDataSource': apps.map((app) => ({
          '@type': ['dpv:DataSource'],
          'dct:identifier': [app],
          'dct:title': [charter.capture.apps.find(({ id }) => id === app)?.title ?? app],
        })),
        'dpv:hasProcessing': ['dpv:Collect', 'dpv:Pseudonymise', 'dpv:Store', 'dpv:Anonymise'],
        'dpv:hasNecessity': ['dpv:Optional'],
        'dpv:hasRecipient': charter.audience.map(({ group }) => ({ '@type': ['dpv:Recipient'], 'dct:title': [group] })),
        'dpv:hasStorageCondition': [
          storedFor('recordings', retention.recordings),
          storedFor('releases', retention.releases),
        ],
      },
    ],
    'dpv:hasProhibition': [{ '@type': ['dpv:Prohibition'], 'dpv:hasPurpose': [...charter.forbiddenPurposes] }],
    'dpv:hasNotice': [
      {
        '@id': digestName(noticeDigest(charter)),
        '@type': ['dpv:ConsentNotice'],
        'dct:identifier': [`${charter.programme}/notice/${notice.version}`],
      },
    ],
    'dpv:hasConsentControl': [
      { '@type': ['dpv:ProvideConsent', 'dpv:ReaffirmConsent'], 'dpv:isExercisedAt': exercisedAt('give') },
      { '@type': ['dpv:WithdrawConsent'], 'dpv:isExercisedAt': exercisedAt('withdraw') },
    ],
    'dpv:hasRight': ['A7-3', 'A15', 'A16', 'A17', 'A18', 'A20', 'A77'].map((article) => `eu-gdpr:${article}`),
    'dpv:hasImpactAssessment': [
      { '@type': ['dpv:DPIA'], 'dct:identifier': [impactAssessment.reference], 'dct:date': [impactAssessment.date] },
    ],
    'dpv:hasConsentStatus': [
      {
        '@type': [CONSENT_STATUS[state]],
        'dpv:isIndicatedAtTime': [at],
        // A yes and a withdrawal are the person's; that time or a new charter ended it is the controller's to say.
        'dpv:isIndicatedBy': [
          state === 'expired' || state === 'invalidated' ? 'dpv:DataController' : 'dpv:DataSubject',
        ],
        'dpv:hasDuration': state === 'given' || state === 'renewed' ? [lasting(notice.renewal)] : [],
      },
    ],
  }
}

/** SHA-256 of the notice's text in UTF-8, base64url. */
export function noticeDigest(charter: Charter): string {
  return base64url(sha256(new TextEncoder().encode(charter.notice.text)))
}

/** RFC 6920: the name of whatever has this SHA-256. */
export function digestName(digest: string): string {
  return `ni:///sha-256;${digest}`
}

function exercisedAt(command: string): string[] {
  return ['the page “My part” of the portal', `fairtrace consent ${command}`]
}

function storedFor(what: string, ms: number) {
  return { '@type': ['dpv:StorageDuration'], 'dct:title': [what], 'dpv:hasDuration': [lasting(ms)] as [Lasting] }
}

interface Lasting {
  '@type': string[]
  'rdf:value': string[]
}

/** In ISO 8601: whole days where they fit, else minutes, which is the finest a charter can say. */
function lasting(ms: number): Lasting {
  const days = ms / 86_400_000
  return {
    '@type': ['dpv:TemporalDuration'],
    'rdf:value': [Number.isInteger(days) ? `P${days}D` : `PT${Math.round(ms / 60_000)}M`],
  }
}
