import { CATEGORIES } from '@fairtrace/core'
import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Programme } from '../runtime/programme.ts'
import { type DeviceStanding, decideConsent, decideLease, decidePermits, shownTotal } from './decide.ts'
import { type ConsentEvent, foldConsent, type GivenConsent, type RecordedEvent, UNDECIDED } from './state.ts'

const NOW = 1_800_000_000_000
const DIGEST = 'D'.repeat(43)
const charter = aCharter()
const appIds = charter.capture.apps.map(({ id }) => id)

function aProgramme(change: Partial<Programme> = {}): Programme {
  const id = charter.programme as Programme['id']
  const charterHash = DIGEST as Programme['charterHash']
  const unlocked = { lockdown: null, endedUpTo: 0 }
  return { id, state: 'running', epoch: 3, charterHash, charter, charters: new Map(), ...unlocked, ...change }
}

function aConsent(change: Partial<GivenConsent> = {}): GivenConsent {
  const terms = { noticeVersion: 1, noticeDigest: DIGEST, charter: DIGEST, receipt: 'r' }
  return {
    state: 'given',
    version: 1,
    atMs: NOW - 1_000,
    ...terms,
    categories: ['pointer'],
    apps: ['desktop:orders'],
    isPaused: false,
    ...change,
  }
}

function aStanding(change: Partial<DeviceStanding> = {}): DeviceStanding {
  const ids = { device: 'd'.repeat(22), publicKey: 'k'.repeat(43), pseudonym: 'p'.repeat(22) }
  return { ...ids, build: 'test-build', isCutOff: false, consent: aConsent(), ...change }
}

const request = { device: 'd'.repeat(22), atMs: NOW }
const batches = [DIGEST]
const withdrawn = { ...aConsent(), state: 'withdrawn' as const }
const endMs = NOW - charter.notice.renewal

describe('decideLease', () => {
  it.each([
    ['no programme', null, aStanding(), NOW, 'PROGRAMME_NOT_RUNNING'],
    ['a paused programme', aProgramme({ state: 'paused' }), aStanding(), NOW, 'PROGRAMME_NOT_RUNNING'],
    ['nobody’s yes', aProgramme(), aStanding({ consent: UNDECIDED }), NOW, 'CONSENT_REQUIRED'],
    ['a withdrawal', aProgramme(), aStanding({ consent: withdrawn }), NOW, 'CONSENT_REQUIRED'],
    [
      'the instant a consent runs out',
      aProgramme(),
      aStanding({ consent: aConsent({ atMs: endMs }) }),
      NOW,
      'CONSENT_REQUIRED',
    ],
    [
      'a consent from the future',
      aProgramme(),
      aStanding({ consent: aConsent({ atMs: NOW + 1 }) }),
      NOW,
      'CONSENT_REQUIRED',
    ],
    ['an older notice', aProgramme(), aStanding({ consent: aConsent({ noticeVersion: 0 }) }), NOW, 'CONSENT_STALE'],
    ['another build', aProgramme(), aStanding({ build: 'home-made' }), NOW, 'BUILD_NOT_REVIEWED'],
    ['a device that is cut off', aProgramme(), aStanding({ isCutOff: true }), NOW, 'DEVICE_UNKNOWN'],
    ['a clock that says NaN', aProgramme(), aStanding(), Number.NaN, 'DEVICE_CLOCK_WRONG'],
    [
      'apps that the charter dropped',
      aProgramme(),
      aStanding({ consent: aConsent({ apps: ['desktop:old'] }) }),
      NOW,
      'CONSENT_STALE',
    ],
  ] as const)('refuses %s', (_what, programme, standing, nowMs, code) => {
    expect(decideLease(programme, standing, request, nowMs)).toMatchObject({ allow: false, code })
  })

  it('never allows more than the person chose and the charter lists', () => {
    const someApps = fc.subarray([...appIds, 'desktop:old', 'web:https://elsewhere.example'])
    fc.assert(
      fc.property(fc.subarray([...CATEGORIES]), someApps, fc.subarray([...CATEGORIES]), (chosen, apps, inCharter) => {
        const narrow = { ...charter, capture: { ...charter.capture, categories: inCharter } }
        const standing = aStanding({ consent: aConsent({ categories: chosen, apps }) })
        const decision = decideLease(aProgramme({ charter: narrow }), standing, request, NOW)
        if (!decision.allow) return
        const { lease } = decision
        expect(lease.categories.every((c) => chosen.includes(c) && inCharter.includes(c))).toBe(true)
        expect(lease.apps.every((app) => apps.includes(app) && appIds.includes(app))).toBe(true)
        expect(lease.categories.length * lease.apps.length).toBeGreaterThan(0)
      }),
    )
  })
})

describe('decidePermits', () => {
  it.each([
    ['a closed programme', aProgramme({ state: 'closed' }), aStanding(), 'PROGRAMME_NOT_RUNNING'],
    ['a withdrawal', aProgramme(), aStanding({ consent: withdrawn }), 'CONSENT_REQUIRED'],
    ['a device that is cut off', aProgramme(), aStanding({ isCutOff: true }), 'DEVICE_UNKNOWN'],
  ] as const)('refuses %s', (_what, programme, standing, code) => {
    expect(decidePermits(programme, standing, { ...request, batches }, NOW)).toMatchObject({ allow: false, code })
  })

  it('lets in, while paused, what was captured before, without a name in it', () => {
    const decision = decidePermits(aProgramme({ state: 'paused' }), aStanding(), { ...request, batches }, NOW)
    const permit = { programme: charter.programme, epoch: 3, batch: DIGEST, startsAtMs: NOW, endsAtMs: NOW + 60_000 }
    expect(decision).toEqual({ allow: true, permits: [permit] })
  })
})

describe('decideConsent', () => {
  const choice = {
    noticeVersion: 1,
    categories: ['keyboard', 'pointer', 'pointer'],
    apps: ['desktop:mail'],
    seenVersion: 0,
  }

  it('refuses the last millisecond of the reflection period', () => {
    const joinedAtMs = NOW - charter.notice.reflection
    expect(decideConsent(aProgramme(), joinedAtMs + 1, UNDECIDED, choice, NOW)).toMatchObject({
      code: 'REFLECTION_NOT_OVER',
    })
    const allowed = { allow: true, categories: ['pointer', 'keyboard'], apps: ['desktop:mail'] }
    expect(decideConsent(aProgramme(), joinedAtMs, UNDECIDED, choice, NOW)).toEqual(allowed)
  })

  it.each(['draft', 'closed'] as const)('refuses a programme that is %s', (state) => {
    expect(decideConsent(aProgramme({ state }), 0, UNDECIDED, choice, NOW)).toMatchObject({
      code: 'PROGRAMME_NOT_RUNNING',
    })
  })
})

describe('foldConsent', () => {
  const given: ConsentEvent = {
    kind: 'given',
    noticeVersion: 1,
    noticeDigest: DIGEST,
    charter: DIGEST,
    receipt: 'r',
    categories: ['pointer'],
    apps: ['desktop:orders'],
    isPaused: false,
  }
  const ended: ConsentEvent = {
    kind: 'withdrawn',
    noticeVersion: 1,
    noticeDigest: DIGEST,
    charter: DIGEST,
    receipt: 'r',
  }

  it('refuses a history whose versions do not rise', () => {
    expect(() =>
      foldConsent([
        { version: 2, atMs: 1, event: given },
        { version: 2, atMs: 2, event: ended },
      ]),
    ).toThrow()
  })

  it('is what the last event says, whatever came before', () => {
    const kinds = fc.array(fc.constantFrom(given, ended), { maxLength: 20 })
    fc.assert(
      fc.property(kinds, (events) => {
        const history = events.map((event, i): RecordedEvent => ({ version: i + 1, atMs: i, event }))
        expect(foldConsent(history)).toEqual(foldConsent(history.slice(-1)))
        expect(foldConsent(history).state).toBe(events.at(-1)?.kind ?? 'undecided')
      }),
    )
  })
})

describe('shownTotal', () => {
  it('shows nothing below k, and no single decision above it', () => {
    expect(shownTotal(4, 5)).toBeNull()
    expect([5, 6, 9, 10].map((n) => shownTotal(n, 5))).toEqual([5, 5, 5, 10])
  })
})
