/** Giving, pausing and withdrawing consent: decision, receipt, event. */
import { FairtraceError, noticeDigest } from '@fairtrace/core'
import type { Signer } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import { type Choice, decideConsent } from './decide.ts'
import { charterOf } from './kept-charters.ts'
import { signReceipt } from './receipt.ts'
import { type ConsentEvent, type ConsentState, foldConsent, type GivenConsent } from './state.ts'
import type { ConsentStore, Participant } from './store.ts'

/**
 * @returns the signed receipt
 * @throws the code of the refusal; `CONSENT_STALE` if another decision came in between
 */
export async function giveConsent(
  store: ConsentStore,
  programme: Programme | null,
  { pseudonym, joinedAtMs }: Participant,
  choice: Choice,
  nowMs: number,
  signer: Signer,
): Promise<string> {
  const current = foldConsent(await store.history(pseudonym))
  const decision = decideConsent(programme, joinedAtMs, current, choice, nowMs)
  if (!decision.allow) throw new FairtraceError(decision.code, decision.message)
  if (programme === null) throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'there is no programme')
  const { charter, charterHash } = programme
  const version = current.version + 1
  const { categories, apps } = decision
  const state = current.state === 'given' ? 'renewed' : 'given'
  const receipt = signReceipt(
    { pseudonym, consentVersion: version, charterHash, state, categories, apps, atMs: nowMs },
    charter,
    signer,
  )
  const event: ConsentEvent = {
    kind: 'given',
    noticeVersion: charter.notice.version,
    noticeDigest: noticeDigest(charter),
    charter: charterHash,
    categories: [...categories],
    apps: [...apps],
    isPaused: current.state === 'given' && current.isPaused,
    receipt,
  }
  const isWritten = await store.append(pseudonym, { version, atMs: nowMs, event })
  // Whatever came in between, a withdrawal above all, stands; who wants this chooses again.
  if (!isWritten) throw new FairtraceError('CONSENT_STALE', `version ${version} was taken meanwhile`)
  return receipt
}

/**
 * Ends consent, in every state of the programme. Whatever else comes in at the same time, the withdrawal stands in the end.
 *
 * @returns the signed receipt; the same one again if consent was withdrawn already
 * @throws `CONSENT_REQUIRED` if none was ever given
 */
export async function withdrawConsent(
  store: ConsentStore,
  programme: Programme,
  pseudonym: string,
  nowMs: number,
  signer: Signer,
): Promise<string> {
  for (;;) {
    const current = foldConsent(await store.history(pseudonym))
    if (current.state === 'undecided') throw new FairtraceError('CONSENT_REQUIRED', 'there is no consent to withdraw')
    if (current.state === 'withdrawn') return current.receipt
    const version = current.version + 1
    // What ends is the consent to the terms that were accepted, whichever are in force.
    const { noticeVersion, noticeDigest: digest, charter: charterHash, categories, apps } = current
    const receipt = signReceipt(
      { pseudonym, consentVersion: version, charterHash, state: 'withdrawn', categories, apps, atMs: nowMs },
      charterOf(programme, charterHash),
      signer,
    )
    const event = { kind: 'withdrawn', noticeVersion, noticeDigest: digest, charter: charterHash, receipt } as const
    if (await store.append(pseudonym, { version, atMs: nowMs, event })) return receipt
    // Another decision of the same person took the version; each round follows one, so this ends.
  }
}

/**
 * The participant's own pause: nothing is captured until they resume, however long that is. In every state of the programme.
 *
 * @returns the state after it; pausing twice is pausing once
 * @throws `CONSENT_REQUIRED` if there is no consent to pause
 */
export function pauseConsent(store: ConsentStore, pseudonym: string, nowMs: number): Promise<GivenConsent> {
  return interrupt(store, pseudonym, nowMs, 'paused')
}

/**
 * Ends the participant's own pause. It gives nothing: what was consented to before the pause holds again, for as long as it
 * would have held without it.
 * @throws `CONSENT_REQUIRED`; `CONSENT_STALE` if another decision came in between, and then that one stands
 */
export function resumeConsent(store: ConsentStore, pseudonym: string, nowMs: number): Promise<GivenConsent> {
  return interrupt(store, pseudonym, nowMs, 'resumed')
}

async function interrupt(
  store: ConsentStore,
  pseudonym: string,
  nowMs: number,
  kind: 'paused' | 'resumed',
): Promise<GivenConsent> {
  for (;;) {
    const current = requireGiven(foldConsent(await store.history(pseudonym)))
    if (current.isPaused === (kind === 'paused')) return current
    const { noticeVersion, noticeDigest: digest, charter, receipt, categories, apps, atMs: givenAtMs } = current
    const version = current.version + 1
    const event: ConsentEvent = {
      kind,
      noticeVersion,
      noticeDigest: digest,
      charter,
      receipt,
      categories,
      apps,
      givenAtMs,
    }
    if (await store.append(pseudonym, { version, atMs: nowMs, event })) {
      return { ...current, version, isPaused: kind === 'paused' }
    }
    // A pause that lost a race is tried again; a resumption isn't: the other decision may have been a withdrawal.
    if (kind === 'resumed') throw new FairtraceError('CONSENT_STALE', `version ${version} was taken meanwhile`)
  }
}

function requireGiven(consent: ConsentState): GivenConsent {
  if (consent.state !== 'given') throw new FairtraceError('CONSENT_REQUIRED', 'there is no consent')
  return consent
}
