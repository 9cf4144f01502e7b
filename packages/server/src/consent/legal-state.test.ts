import { readFileSync } from 'node:fs'
import {
  type Charter,
  CONSENT_STATUS,
  charterHash,
  consentRecord,
  consentRecordSchema,
  type LegalState,
} from '@fairtrace/core'
import { aCharter } from '@fairtrace/testing/harness'
import jsonld from 'jsonld'
import { describe, expect, it } from 'vitest'
import type { Programme } from '../runtime/programme.ts'
import { momentOf, renewalOf } from './legal-state.ts'
import { type ConsentEvent, foldConsent, type RecordedEvent } from './state.ts'

const DAY_MS = 86_400_000
const START = Date.UTC(2026, 4, 4, 12)
const PERSON = 'p'.repeat(22)
const charter = aCharter()
const hash = charterHash(charter)

function aProgramme(inForce: Charter = charter): Programme {
  return {
    id: charter.programme as Programme['id'],
    state: 'running',
    epoch: 1,
    charter: inForce,
    charterHash: charterHash(inForce),
    charters: new Map([[hash, charter]]),
    lockdown: null,
    endedUpTo: 0,
  }
}

const terms = { noticeVersion: 1, noticeDigest: 'D'.repeat(43), charter: hash, receipt: 'r' }
const chosen = { ...terms, categories: ['pointer' as const], apps: ['desktop:orders'] }
const given: ConsentEvent = { kind: 'given', ...chosen, isPaused: false }
const withdrawn: ConsentEvent = { kind: 'withdrawn', ...terms }
const paused = (givenAtMs: number): ConsentEvent => ({ kind: 'paused', ...chosen, givenAtMs })
const resumed = (givenAtMs: number): ConsentEvent => ({ kind: 'resumed', ...chosen, givenAtMs })

/** Events a day apart, from START. */
const historyOf = (...events: ConsentEvent[]): RecordedEvent[] =>
  events.map((event, i) => ({ version: i + 1, atMs: START + i * DAY_MS, event }))
const now = (days: number) => START + days * DAY_MS
const legalAt = (history: RecordedEvent[], days: number, programme = aProgramme()) =>
  momentOf(history, programme, PERSON, now(days), now(days)).legal

describe('momentOf', () => {
  it('knows no state, and makes no record, as long as nothing was decided', () => {
    expect(momentOf([], aProgramme(), PERSON, START, START)).toMatchObject({ legal: null, sinceMs: null, record: null })
  })

  it.each([
    ['given', [given], 1],
    ['renewed', [given, given], 2],
    ['withdrawn', [given, withdrawn], 2],
    ['given', [given, withdrawn, given], 3],
    ['given', [given, paused(START)], 2],
    ['renewed', [given, given, paused(now(1)), resumed(now(1))], 4],
    ['expired', [given], 180],
    ['expired', [given, paused(START), resumed(START)], 180],
  ] as const)('calls it %s', (legal, events, days) => {
    expect(legalAt(historyOf(...events), days)).toBe(legal)
  })

  it('calls it invalidated when the charter in force leaves nothing of it', () => {
    const apps = charter.capture.apps.filter(({ id }) => id !== 'desktop:orders')
    const gone = aCharter({ version: 2, programme: 'another-programme', capture: { ...charter.capture, apps } })
    const programme = { ...aProgramme(gone), charters: new Map() }
    expect(legalAt(historyOf(given), 1, programme)).toBe('invalidated')
  })

  it('shows every past state again, whatever came later', () => {
    const history = historyOf(given, given, withdrawn, given)
    const states = [0, 1, 2, 3].map((day) => momentOf(history, aProgramme(), PERSON, now(day), now(900)).legal)
    expect(states).toEqual(['given', 'renewed', 'withdrawn', 'given'])
    expect(momentOf(history, aProgramme(), PERSON, START - 1, now(900)).legal).toBeNull()
  })
})

describe('a pause', () => {
  it('changes neither when a consent was given nor when it ends, and raises the version', () => {
    const history = historyOf(given, paused(START), resumed(START), paused(START))
    const consent = foldConsent(history)
    expect(consent).toMatchObject({ state: 'given', version: 4, atMs: START, isPaused: true })
    expect(renewalOf(aProgramme(), consent)).toEqual(renewalOf(aProgramme(), foldConsent(history.slice(0, 1))))
  })

  it('outlasts a change of the choices', () => {
    const again = { ...given, isPaused: true }
    expect(foldConsent(historyOf(given, paused(START), again))).toMatchObject({ isPaused: true, atMs: now(2) })
  })
})

describe('renewalOf', () => {
  it('asks 30 days before the end, and in a short consent not before its half', () => {
    const long = renewalOf(aProgramme(), foldConsent(historyOf(given)))
    expect(long).toEqual({ endsAtMs: now(180), renewAtMs: now(150) })
    const short = { ...charter, notice: { ...charter.notice, renewal: 10 * DAY_MS } }
    const programme = { ...aProgramme(short), charters: new Map([[hash, short]]), charterHash: hash }
    expect(renewalOf(programme, foldConsent(historyOf(given)))).toEqual({ endsAtMs: now(10), renewAtMs: now(5) })
  })
})

describe('the consent record', () => {
  const states = Object.keys(CONSENT_STATUS) as LegalState[]
  const recordOf = (state: LegalState) =>
    consentRecord(
      {
        pseudonym: PERSON,
        consentVersion: 3,
        charterHash: hash,
        state,
        categories: ['pointer', 'keyboard'],
        apps: ['desktop:orders'],
        atMs: START,
      },
      charter,
    )
  const offline = {
    safe: true,
    documentLoader: async (url: string): Promise<never> => {
      throw new RangeError(`a record must not need ${url}`)
    },
  }
  const known = new Set(
    readFileSync(new URL('../../../../testing/vectors/dpv/terms-2.3.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n'),
  )

  it.each(states)('expands to RDF without losing or fetching anything, when %s', async (state) => {
    const record = recordOf(state)
    // Safe mode throws for every key that no term maps, every relative name, and every value that would be dropped.
    const [expanded] = (await jsonld.expand(record, offline)) as object[]
    expect(Object.keys(expanded ?? {}).length).toBe(Object.keys(record).length - 1)
    const quads = String(await jsonld.toRDF(record, { ...offline, format: 'application/n-quads' }))
    const status = CONSENT_STATUS[state].replace('dpv:', 'https://w3id.org/dpv#')
    expect(quads).toContain(`<${status}>`)
    expect(quads).toContain('<https://w3id.org/dpv#hasLegalBasis> <https://w3id.org/dpv/legal/eu/gdpr#A6-1-a>')
    expect(quads).toContain('<https://w3id.org/dpv#hasJurisdiction> <https://w3id.org/dpv/loc#DE>')
    expect(quads).toContain('<https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr>')
    expect(quads).toContain('"2026-05-04T12:00:00.000Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>')
  })

  it('loses its meaning under a processor in safe mode if a term is unknown, so that the test above tests something', async () => {
    await expect(jsonld.expand({ ...recordOf('given'), reason: 'none' }, offline)).rejects.toThrow()
  })

  it.each(states)('uses terms of DPV 2.3 alone, when %s', (state) => {
    const used = new Set(JSON.stringify(recordOf(state)).match(/"(?:dpv|pd|eu-gdpr|loc):[A-Za-z0-9-]+(?=")/g))
    const terms = [...used].map((term) => term.slice(1))
    expect(terms.length).toBeGreaterThan(30)
    expect(terms.filter((term) => !known.has(term))).toEqual([])
  })

  it('has each field of the profile, as a list, and survives being parsed again', () => {
    const record = recordOf('renewed')
    expect(consentRecordSchema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record)
    for (const [key, value] of Object.entries(record)) if (key !== '@context') expect(Array.isArray(value)).toBe(true)
    const fields =
      'dct:identifier dct:conformsTo dpv:hasDataSubject dpv:hasDataController dpv:hasJurisdiction dpv:hasLegalBasis dpv:hasProcess dpv:hasNotice dpv:hasConsentControl dpv:hasRight dpv:hasImpactAssessment dpv:hasConsentStatus'
    expect(Object.keys(record)).toEqual(expect.arrayContaining(fields.split(' ')))
    const process =
      'dpv:hasPurpose dpv:hasPersonalData dpv:hasProcessing dpv:hasNecessity dpv:hasRecipient dpv:hasStorageCondition'
    expect(Object.keys(record['dpv:hasProcess'][0])).toEqual(expect.arrayContaining(process.split(' ')))
  })

  it('names nobody: neither approvers nor the person', () => {
    expect(JSON.stringify(recordOf('given'))).not.toMatch(/Weiss|Okafor/)
  })
})
