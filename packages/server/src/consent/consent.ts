/** Giving and withdrawing consent: decision, receipt, event. */
import { FairtraceError } from '@fairtrace/core'
import type { Signer } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import { type Choice, decideConsent } from './decide.ts'
import { noticeDigest, signReceipt } from './receipt.ts'
import { type ConsentEvent, foldConsent } from './state.ts'
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
  const { categories, apps } = decision
  const version = current.version + 1
  const terms = { noticeVersion: charter.notice.version, noticeDigest: noticeDigest(charter) }
  const receipt = signReceipt(
    {
      pseudonym,
      consentVersion: version,
      ...terms,
      charterHash,
      state: 'given',
      isRenewal: current.state === 'given',
      categories: [...categories],
      apps,
      atMs: nowMs,
    },
    charter,
    signer,
  )
  const event: ConsentEvent = {
    kind: 'given',
    ...terms,
    charter: charterHash,
    categories: [...categories],
    apps: [...apps],
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
    // What ends is the consent to the notice that was accepted, whichever is current.
    const { noticeVersion, noticeDigest, charter } = current
    const receipt = signReceipt(
      {
        pseudonym,
        consentVersion: version,
        noticeVersion,
        noticeDigest,
        charterHash: charter,
        state: 'withdrawn',
        isRenewal: false,
        categories: [],
        apps: [],
        atMs: nowMs,
      },
      programme.charter,
      signer,
    )
    const event = { kind: 'withdrawn', noticeVersion, noticeDigest, charter, receipt } as const
    if (await store.append(pseudonym, { version, atMs: nowMs, event })) return receipt
    // Another decision of the same person took the version; each round follows one, so this ends.
  }
}
