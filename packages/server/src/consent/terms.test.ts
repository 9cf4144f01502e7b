import { type Charter, charterHash, narrowedBy, widens } from '@fairtrace/core'
import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Programme } from '../runtime/programme.ts'
import { decideLease } from './decide.ts'
import { type GivenConsent, UNDECIDED } from './state.ts'
import { askedAgainFor, termsFor } from './terms.ts'

const DAY_MS = 86_400_000
const NOW = 1_800_000_000_000
const agreed = aCharter()

function aProgramme(charter: Charter, stored: readonly Charter[]): Programme {
  const charters = new Map([charter, ...stored].map((one) => [charterHash(one), one]))
  const id = charter.programme as Programme['id']
  const unlocked = { lockdown: null, endedUpTo: 0 }
  return { id, state: 'running', epoch: 1, charterHash: charterHash(charter), charter, charters, ...unlocked }
}

function aConsent(charter: Charter, change: Partial<GivenConsent> = {}): GivenConsent {
  const notice = { noticeVersion: charter.notice.version, noticeDigest: 'D'.repeat(43) }
  const choices = { categories: ['pointer' as const], apps: ['desktop:orders'], isPaused: false }
  const facts = { version: 1, atMs: NOW - DAY_MS, charter: charterHash(charter), receipt: 'r' }
  return { state: 'given', ...facts, ...notice, ...choices, ...change }
}

function leaseFor(programme: Programme, consent: GivenConsent, nowMs = NOW) {
  const ids = { device: 'd'.repeat(22), publicKey: 'k'.repeat(43), pseudonym: 'p'.repeat(22) }
  const standing = { ...ids, build: 'test-build', isCutOff: false, consent }
  return decideLease(programme, standing, { device: ids.device, atMs: nowMs }, nowMs)
}

const wider: Charter = { ...agreed, version: 2, retention: { ...agreed.retention, recordings: 200 * DAY_MS } }
const crossed: Charter = { ...wider, capture: { ...agreed.capture, apps: agreed.capture.apps.slice(0, 1) } }
const between = narrowedBy(agreed, crossed)
if (between === null) throw new RangeError('the two charters have terms between them')

describe('termsFor', () => {
  it.each([
    ['nobody’s yes', aProgramme(agreed, []), UNDECIDED],
    ['a yes to a charter that nobody stored', aProgramme(wider, []), aConsent(agreed)],
    ['terms that nobody stored', aProgramme(crossed, [agreed]), aConsent(agreed)],
    [
      'a yes of which nothing is left',
      aProgramme({ ...agreed, version: 2, capture: { ...agreed.capture, categories: ['switches'] }, review: 1 }, [
        { ...agreed, capture: { ...agreed.capture, categories: ['pointer'] } },
      ]),
      aConsent({ ...agreed, capture: { ...agreed.capture, categories: ['pointer'] } }),
    ],
  ])('are none for %s', (_what, programme, consent) => {
    expect(termsFor(programme, consent)).toBeNull()
  })

  it('are the charter in force for whom it only narrows', () => {
    const narrower = { ...agreed, version: 2, review: 2 * DAY_MS }
    expect(termsFor(aProgramme(narrower, [agreed]), aConsent(agreed))?.charterHash).toBe(charterHash(narrower))
    expect(askedAgainFor(aProgramme(narrower, [agreed]), aConsent(agreed))).toEqual([])
  })

  it('are the charter agreed to, narrowed, for whom it widens', () => {
    expect(termsFor(aProgramme(wider, [agreed]), aConsent(agreed))?.charterHash).toBe(charterHash(agreed))
    const terms = termsFor(aProgramme(crossed, [agreed, between]), aConsent(agreed))
    expect(terms).toEqual({ charter: between, charterHash: charterHash(between) })
    expect(askedAgainFor(aProgramme(crossed, [agreed]), aConsent(agreed)).map(({ field }) => field)).toEqual([
      'retention.recordings',
    ])
  })

  it('never give more than was agreed to, nor more than is in force where the two can be compared', () => {
    const change = fc.record({
      review: fc.integer({ min: 1, max: 3 }).map((days) => days * DAY_MS),
      recordings: fc.integer({ min: 80, max: 100 }).map((days) => days * DAY_MS),
      k: fc.integer({ min: 3, max: 8 }),
      apps: fc.subarray([...agreed.capture.apps]),
    })
    fc.assert(
      fc.property(change, ({ review, recordings, k, apps }) => {
        const inForce = {
          ...agreed,
          version: 2,
          review,
          retention: { ...agreed.retention, recordings },
          release: { ...agreed.release, k },
          capture: { ...agreed.capture, apps },
        }
        const stored = narrowedBy(agreed, inForce)
        const terms = termsFor(aProgramme(inForce, stored === null ? [agreed] : [agreed, stored]), aConsent(agreed))
        if (terms === null) return
        expect(widens(agreed, terms.charter)).toEqual([])
        expect(widens(inForce, terms.charter)).toEqual([])
      }),
    )
  })
})

describe('a lease', () => {
  it('names the terms of its person', () => {
    const decision = leaseFor(aProgramme(crossed, [agreed, between]), aConsent(agreed))
    expect(decision).toMatchObject({ allow: true, lease: { charter: charterHash(between), apps: ['desktop:orders'] } })
  })

  it('is refused while its person has paused', () => {
    const paused = leaseFor(aProgramme(agreed, []), aConsent(agreed, { isPaused: true }))
    expect(paused).toMatchObject({ allow: false, code: 'CONSENT_PAUSED' })
  })

  it('is refused outside working hours, and ends with them', () => {
    const workingHours = { ...agreed.workingHours, from: '08:00', to: '17:00' }
    const charter = { ...agreed, workingHours }
    const evening = Date.UTC(2027, 0, 18, 17)
    const consent = aConsent(charter, { atMs: evening - DAY_MS })
    expect(leaseFor(aProgramme(charter, []), consent, evening)).toMatchObject({ code: 'OUTSIDE_WORKING_HOURS' })
    const last = leaseFor(aProgramme(charter, []), consent, evening - 20_000)
    expect(last).toMatchObject({ allow: true, lease: { endsAtMs: evening } })
  })
})
