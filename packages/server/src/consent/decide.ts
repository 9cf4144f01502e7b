/**
 * What consent allows: the only places where a choice, a lease or a permit is decided. Pure; absence denies.
 *
 * Times are Unix milliseconds. Conditions are stated as what we accept, so that a NaN falls outside.
 */
import type { Category, Charter, ErrorCode, Lease, Permit } from '@fairtrace/core'
import { DEVICE_CLOCK_SKEW_MS_MAX, LEASE_MS, PERMIT_MS, workingPeriodEndMs } from '@fairtrace/core'
import type { Programme } from '../runtime/programme.ts'
import type { ConsentState, GivenConsent } from './state.ts'
import { type Terms, termsFor } from './terms.ts'

export type Refusal = { readonly allow: false; readonly code: ErrorCode; readonly message: string }

export interface Choice {
  readonly noticeVersion: number
  readonly categories: readonly string[]
  readonly apps: readonly string[]
  /** The consent version that the person saw, or null if the client doesn't say. An older one is refused. */
  readonly seenVersion: number | null
}

export type ConsentDecision =
  | { readonly allow: true; readonly categories: readonly Category[]; readonly apps: readonly string[] }
  | Refusal

/** Decides whether a participant's choice becomes a consent. Choices come back in the charter's order, each once. */
export function decideConsent(
  programme: Programme | null,
  joinedAtMs: number,
  current: ConsentState,
  choice: Choice,
  nowMs: number,
): ConsentDecision {
  const isOpen = programme !== null && programme.state !== 'draft' && programme.state !== 'closed'
  if (!isOpen || programme.state === 'locked') {
    return refuse('PROGRAMME_NOT_RUNNING', 'the programme takes no consent in this state')
  }
  const { notice, capture } = programme.charter
  if (choice.noticeVersion !== notice.version) {
    return refuse(
      'CONSENT_STALE',
      `notice ${choice.noticeVersion} was chosen from; ${notice.version} is the current one`,
    )
  }
  if (choice.seenVersion !== null && choice.seenVersion !== current.version) {
    return refuse('CONSENT_STALE', `version ${choice.seenVersion} was seen; ${current.version} is the current one`)
  }
  const isReflected = nowMs >= joinedAtMs + notice.reflection
  if (!isReflected) {
    const hours = Math.ceil((joinedAtMs + notice.reflection - nowMs) / 3_600_000)
    return refuse('REFLECTION_NOT_OVER', `the reflection period ends in ${hours} h`)
  }
  const appIds = capture.apps.map(({ id }) => id)
  const strange = [
    ...choice.categories.filter((category) => !capture.categories.some((allowed) => allowed === category)),
    ...choice.apps.filter((app) => !appIds.includes(app)),
  ]
  if (strange.length > 0) return refuse('BODY_INVALID', `${strange.length} of the choices are not in the charter`)
  const categories = capture.categories.filter((category) => choice.categories.includes(category))
  const apps = appIds.filter((app) => choice.apps.includes(app))
  if (categories.length === 0 || apps.length === 0) {
    return refuse('BODY_INVALID', 'choose at least one category and one app; to allow nothing, withdraw or do nothing')
  }
  return { allow: true, categories, apps }
}

/** A consent ends by itself at this instant (exclusive). */
export function consentEndsAtMs(charter: Charter, given: GivenConsent): number {
  return given.atMs + charter.notice.renewal
}

/** Whether a consent allows new captures now, under the charter in force or under what this person agreed to. */
export function isConsentCurrent(programme: Programme, consent: ConsentState, nowMs: number): consent is GivenConsent {
  const terms = termsFor(programme, consent)
  return terms !== null && isConsentAlive(terms.charter, consent, nowMs)
}

export interface DeviceStanding {
  readonly device: string
  readonly publicKey: string
  readonly build: string
  readonly isCutOff: boolean
  readonly pseudonym: string
  readonly consent: ConsentState
}

export interface DeviceRequest {
  readonly device: string
  readonly atMs: number
}

export type LeaseDecision = { readonly allow: true; readonly lease: Lease } | Refusal

/** Decides whether an enrolled device may capture for the next minute, and what. The request's signature is checked before. */
export function decideLease(
  programme: Programme | null,
  standing: DeviceStanding,
  request: DeviceRequest,
  nowMs: number,
): LeaseDecision {
  const refusal = refuseDevice(standing, request, nowMs)
  if (refusal !== null) return refusal
  if (programme?.state !== 'running') return refuse('PROGRAMME_NOT_RUNNING', 'the programme does not run')
  const { consent } = standing
  const bound = aliveTerms(programme, consent, nowMs)
  if ('allow' in bound) return bound
  const { charter, charterHash } = bound.terms
  const { given } = bound
  if (given.isPaused) return refuse('CONSENT_PAUSED', 'the participant has paused')
  if (given.noticeVersion !== charter.notice.version) {
    return refuse(
      'CONSENT_STALE',
      `consent is to notice ${given.noticeVersion}; its terms have ${charter.notice.version}`,
    )
  }
  const workEndsAtMs = workingPeriodEndMs(charter.workingHours, nowMs)
  if (workEndsAtMs === null) return refuse('OUTSIDE_WORKING_HOURS', 'it is outside the working hours of the charter')
  if (!charter.builds.device.includes(standing.build)) {
    return refuse('BUILD_NOT_REVIEWED', 'the build is not in the charter')
  }
  const categories = given.categories.filter((category) => charter.capture.categories.includes(category))
  const apps = given.apps.filter((app) => charter.capture.apps.some(({ id }) => id === app))
  if (categories.length === 0 || apps.length === 0) {
    return refuse('CONSENT_STALE', 'the charter allows nothing any more of what was chosen')
  }
  return {
    allow: true,
    lease: {
      programme: programme.id,
      epoch: programme.epoch,
      charter: charterHash,
      noticeVersion: given.noticeVersion,
      consentVersion: given.version,
      pseudonym: standing.pseudonym,
      device: standing.device,
      deviceKey: standing.publicKey,
      build: standing.build,
      categories,
      apps,
      startsAtMs: nowMs,
      endsAtMs: Math.min(nowMs + LEASE_MS, workEndsAtMs, consentEndsAtMs(charter, given)),
    },
  }
}

export type PermitDecision = { readonly allow: true; readonly permits: readonly Permit[] } | Refusal

/**
 * Decides whether batches may be let in. Also while paused, because what waits on a device was captured before; never
 * after a withdrawal.
 */
export function decidePermits(
  programme: Programme | null,
  standing: DeviceStanding,
  request: DeviceRequest & { readonly batches: readonly string[] },
  nowMs: number,
): PermitDecision {
  const refusal = refuseDevice(standing, request, nowMs)
  if (refusal !== null) return refusal
  if (programme?.state !== 'running' && programme?.state !== 'paused') {
    return refuse('PROGRAMME_NOT_RUNNING', 'the programme takes no batches')
  }
  const bound = aliveTerms(programme, standing.consent, nowMs)
  if ('allow' in bound) return bound
  const { id, epoch } = programme
  const period = { startsAtMs: nowMs, endsAtMs: nowMs + PERMIT_MS }
  return { allow: true, permits: request.batches.map((batch) => ({ programme: id, epoch, batch, ...period })) }
}

/**
 * The number of participants that may be shown: rounded down to a multiple of `k`, and nothing below it, so that no single
 * decision can be read off the number.
 */
export function shownTotal(participants: number, k: number): number | null {
  return participants >= k ? participants - (participants % k) : null
}

/** The terms of a consent that is alive under them; they may be older than the charter in force. */
function aliveTerms(
  programme: Programme,
  consent: ConsentState,
  nowMs: number,
): { readonly terms: Terms; readonly given: GivenConsent } | Refusal {
  if (consent.state !== 'given') return refuse('CONSENT_REQUIRED', 'there is no consent that is alive')
  const terms = termsFor(programme, consent)
  if (terms === null) return refuse('CONSENT_STALE', 'what was agreed to has no part left in the charter in force')
  if (!isConsentAlive(terms.charter, consent, nowMs)) {
    return refuse('CONSENT_REQUIRED', 'there is no consent that is alive')
  }
  return { terms, given: consent }
}

function isConsentAlive(charter: Charter, consent: ConsentState, nowMs: number): consent is GivenConsent {
  return consent.state === 'given' && consent.atMs <= nowMs && nowMs < consentEndsAtMs(charter, consent)
}

function refuseDevice(standing: DeviceStanding, request: DeviceRequest, nowMs: number): Refusal | null {
  if (standing.isCutOff) return refuse('DEVICE_UNKNOWN', 'the device is cut off')
  const isClockRight = Math.abs(request.atMs - nowMs) <= DEVICE_CLOCK_SKEW_MS_MAX
  return isClockRight ? null : refuse('DEVICE_CLOCK_WRONG', 'the clock of the device is more than 5 minutes off')
}

function refuse(code: ErrorCode, message: string): Refusal {
  return { allow: false, code, message }
}
