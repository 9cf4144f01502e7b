/** What the law would call a consent at one moment, and when a person should be asked again. Pure. */
import { type Charter, type ConsentRecord, consentRecord, type LegalState } from '@fairtrace/core'
import type { Programme } from '../runtime/programme.ts'
import { consentEndsAtMs } from './decide.ts'
import { charterOf } from './kept-charters.ts'
import { type ConsentState, foldConsent, type GivenConsent, type RecordedEvent } from './state.ts'
import { termsFor } from './terms.ts'

/** People are asked again this long before their consent ends; sooner than half of its time never. */
const RENEWAL_NOTICE_MS = 30 * 86_400_000

/** One moment of a person's consent: what they decided, and what it amounted to. */
export interface Moment {
  readonly consent: ConsentState
  /** `null` as long as nothing was decided. */
  readonly legal: LegalState | null
  /** When the legal state began; `null` with it. */
  readonly sinceMs: number | null
  readonly record: ConsentRecord | null
}

/**
 * The state at `atMs`, from the events up to it.
 *
 * A consent is invalidated when the charter in force leaves nothing of it. That is said of the present alone: the events don't
 * hold when a charter came, so for a past moment the state is what the person's own decisions and the time make of it.
 */
export function momentOf(
  history: readonly RecordedEvent[],
  programme: Programme,
  pseudonym: string,
  atMs: number,
  nowMs: number,
): Moment {
  const until = history.filter((event) => event.atMs <= atMs)
  const consent = foldConsent(until)
  if (consent.state === 'undecided') return { consent, legal: null, sinceMs: null, record: null }
  const charter = charterOf(programme, consent.charter)
  const given = consent.state === 'given' ? consent : lastGiven(until)
  const { legal, sinceMs } =
    consent.state === 'withdrawn'
      ? { legal: 'withdrawn' as const, sinceMs: consent.atMs }
      : legalStateOf(until, consent, charter, programme, atMs, nowMs)
  const record = consentRecord(
    {
      pseudonym,
      consentVersion: consent.version,
      charterHash: consent.charter,
      state: legal,
      categories: given?.categories ?? [],
      apps: given?.apps ?? [],
      atMs: sinceMs,
    },
    charter,
  )
  return { consent, legal, sinceMs, record }
}

/** When a consent ends by itself, and from when on its person is asked for a fresh yes; `null` if it ended already. */
export function renewalOf(
  programme: Programme,
  consent: ConsentState,
): { readonly renewAtMs: number; readonly endsAtMs: number } | null {
  if (consent.state !== 'given') return null
  const terms = termsFor(programme, consent)
  if (terms === null) return null
  const endsAtMs = consentEndsAtMs(terms.charter, consent)
  return { endsAtMs, renewAtMs: endsAtMs - Math.min(RENEWAL_NOTICE_MS, Math.floor(terms.charter.notice.renewal / 2)) }
}

function legalStateOf(
  until: readonly RecordedEvent[],
  given: GivenConsent,
  charter: Charter,
  programme: Programme,
  atMs: number,
  nowMs: number,
): { readonly legal: LegalState; readonly sinceMs: number } {
  const terms = termsFor(programme, given)
  const isPresent = atMs >= nowMs
  const endsAtMs = consentEndsAtMs(isPresent && terms !== null ? terms.charter : charter, given)
  // Stated as what holds, so that a NaN is expired.
  if (!(atMs < endsAtMs)) return { legal: 'expired', sinceMs: endsAtMs }
  if (isPresent && terms === null) return { legal: 'invalidated', sinceMs: nowMs }
  return { legal: isRenewal(until) ? 'renewed' : 'given', sinceMs: given.atMs }
}

/** Whether another yes stood when this one was said. */
function isRenewal(until: readonly RecordedEvent[]): boolean {
  const last = until.findLastIndex(({ event }) => event.kind === 'given')
  return foldConsent(until.slice(0, last)).state === 'given'
}

function lastGiven(until: readonly RecordedEvent[]) {
  const event = until.findLast(({ event: { kind } }) => kind === 'given')?.event
  return event?.kind === 'given' ? event : null
}
