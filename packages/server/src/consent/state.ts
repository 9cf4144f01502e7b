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
export const consentEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('given'),
    ...terms,
    categories: z.array(z.enum(CATEGORIES)).min(1),
    apps: z.array(z.string().regex(appIdPattern)).min(1),
  }),
  z.strictObject({ kind: z.literal('withdrawn'), ...terms }),
])
export type ConsentEvent = z.infer<typeof consentEventSchema>

/** `version` counts the decisions of one participant from 1. */
export interface RecordedEvent {
  readonly version: number
  readonly atMs: number
  readonly event: ConsentEvent
}

type Given = Extract<ConsentEvent, { kind: 'given' }>
type Withdrawn = Extract<ConsentEvent, { kind: 'withdrawn' }>
interface Standing<State extends string> {
  readonly state: State
  readonly version: number
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
  const facts = { version, atMs, noticeVersion, noticeDigest, charter, receipt }
  if (event.kind === 'withdrawn') return { state: 'withdrawn', ...facts }
  return { state: 'given', ...facts, categories: event.categories, apps: event.apps }
}
