/**
 * A participant's consent as a fold over events. Pure; every past state can be shown by folding fewer of them.
 *
 * An event holds the receipt that was issued for it, so that the history is what the participant has in hand.
 */
import { appIdPattern, CATEGORIES, digestPattern, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'

const terms = {
  noticeVersion: z.int().min(1),
  noticeDigest: z.string().regex(digestPattern),
  charter: z.string().regex(digestPattern),
  receipt: z.string().max(65_536),
}
const chosen = {
  ...terms,
  categories: z.array(z.enum(CATEGORIES)).min(1),
  apps: z.array(z.string().regex(appIdPattern)).min(1),
}
/** A pause repeats the consent that it interrupts, so that the last event alone says everything. */
const interruption = { ...chosen, givenAtMs: z.int() }
export const consentEventSchema = z.discriminatedUnion('kind', [
  /** Choices changed during a pause don't end it. */
  z.strictObject({ kind: z.literal('given'), ...chosen, isPaused: z.boolean().default(false) }),
  z.strictObject({ kind: z.literal('withdrawn'), ...terms }),
  z.strictObject({ kind: z.literal('paused'), ...interruption }),
  z.strictObject({ kind: z.literal('resumed'), ...interruption }),
])
export type ConsentEvent = z.infer<typeof consentEventSchema>

/** `version` counts what one participant decided, pauses too, from 1. */
export interface RecordedEvent {
  readonly version: number
  readonly atMs: number
  readonly event: ConsentEvent
}

type Given = Extract<ConsentEvent, { kind: 'given' }>
type Withdrawn = Extract<ConsentEvent, { kind: 'withdrawn' }>
interface Standing<State extends string> {
  readonly state: State
  /** Of the last event, a pause included: a lease from before it is fenced. */
  readonly version: number
  /** When it was given or withdrawn; a pause doesn't move it, so it doesn't lengthen a consent either. */
  readonly atMs: number
}
export type GivenConsent = Standing<'given'> & Readonly<Omit<Given, 'kind'>>
export type WithdrawnConsent = Standing<'withdrawn'> & Readonly<Omit<Withdrawn, 'kind'>>

/** Refusing is not an event: who refused and who didn't answer are both undecided, for ever. */
export type ConsentState = { readonly state: 'undecided'; readonly version: 0 } | GivenConsent | WithdrawnConsent

export const UNDECIDED: ConsentState = { state: 'undecided', version: 0 }

/**
 * The state after `events`, which are in order. The last one decides alone, so a hot path may read and fold only that one.
 * @throws `INTERNAL` if the versions don't rise: such a history was not written here, and it allows nothing
 */
export function foldConsent(events: readonly RecordedEvent[]): ConsentState {
  return events.reduce(applyConsentEvent, UNDECIDED)
}

function applyConsentEvent(state: ConsentState, { version, atMs, event }: RecordedEvent): ConsentState {
  if (version <= state.version) throw new FairtraceError('INTERNAL', `consent event ${version} after ${state.version}`)
  const { noticeVersion, noticeDigest, charter, receipt } = event
  const facts = { version, noticeVersion, noticeDigest, charter, receipt }
  if (event.kind === 'withdrawn') return { state: 'withdrawn', atMs, ...facts }
  const { categories, apps } = event
  if (event.kind === 'given') return { state: 'given', atMs, ...facts, categories, apps, isPaused: event.isPaused }
  return { state: 'given', atMs: event.givenAtMs, ...facts, categories, apps, isPaused: event.kind === 'paused' }
}

/** The receipt that was issued with an event; a pause repeats the one of its consent, and has none itself. */
export function receiptOf(event: ConsentEvent): string | null {
  return event.kind === 'given' || event.kind === 'withdrawn' ? event.receipt : null
}
