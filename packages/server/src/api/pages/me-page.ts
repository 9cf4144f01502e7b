/** A participant's page: is anything recorded, what, who has seen it, how do I stop. */
import type { Charter } from '@fairtrace/core'
import { type Html, html, LEASE_MS } from '@fairtrace/core'
import type { CharterProposal } from '../../consent/charters.ts'
import { consentEndsAtMs, isConsentCurrent } from '../../consent/decide.ts'
import { renewalOf } from '../../consent/legal-state.ts'
import type { OwnAccess } from '../../consent/own-entries.ts'
import {
  type ConsentEvent,
  type ConsentState,
  foldConsent,
  type RecordedEvent,
  receiptOf,
} from '../../consent/state.ts'
import type { EnrolledDevice } from '../../consent/store.ts'
import { askedAgainFor, termsFor } from '../../consent/terms.ts'
import type { OwnNotice } from '../../incident/incidents.ts'
import type { ErasureSteps } from '../../room/erasure-steps.ts'
import type { Programme } from '../../runtime/programme.ts'
import { paragraphs } from './incident-page.ts'
import { type Frame, page } from './layout.ts'
import { proposalSection, wideningList } from './proposal-section.ts'
import { CATEGORY_WORDS, duration, listWords, time } from './words.ts'

export interface MeView {
  readonly programme: Programme
  readonly joinedAtMs: number
  /** Charters that wait: everybody is told before one takes effect. */
  readonly proposals: readonly CharterProposal[]
  readonly history: readonly RecordedEvent[]
  readonly devices: readonly EnrolledDevice[]
  /** Entries in the ledger that record an opening of stored recordings, anybody's. */
  readonly openings: number
  /** Those that concerned this person, newest first. */
  readonly accesses: readonly OwnAccess[]
  /** What they were told of incidents, newest first. */
  readonly notices: readonly OwnNotice[]
  /** Whether the vault has still to destroy keys after a withdrawal. */
  readonly isErasing: boolean
  /** How far a withdrawal has reached; null for who never withdrew. */
  readonly erasure: ErasureSteps | null
  readonly nowMs: number
  readonly done: MeDone | null
}

export const ME_DONE = {
  consented: 'Your choices hold from now on. The receipt is at the end of this page.',
  withdrawn: 'You have withdrawn. No device of yours gets another lease. The receipt is at the end of this page.',
  paused: 'You have paused. Nothing of yours is recorded until you resume.',
  resumed: 'You have resumed. What you chose before holds again.',
  'cut-off': 'The device is cut off.',
} as const
export type MeDone = keyof typeof ME_DONE

export function renderMe(frame: Frame, view: MeView): string {
  const consent = foldConsent(view.history)
  return page(
    frame,
    html`<h1>Your part in “${view.programme.charter.title}”</h1>
${view.done === null ? null : html`<p class="done" role="status">${ME_DONE[view.done]}</p>`}
<section aria-labelledby="now"><h2 id="now">Is anything being recorded now?</h2>
${recordingSentence(view, consent)}
<p>Your device shows when it records. This server keeps no list of it: it would be a timesheet.</p>
${pauseForm(consent)}
${deviceList(view.devices)}</section>
${askedAgainSection(view.programme, consent)}
${view.proposals.map(proposalSection)}
<section aria-labelledby="what"><h2 id="what">What may be recorded?</h2>${choices(view, consent)}</section>
${noticeSection(view.notices)}
<section aria-labelledby="seen"><h2 id="seen">Who has seen it?</h2>
<p>Stored recordings are encrypted. Each opening needs two signatures and is written to the <a href="/log">ledger</a> first.</p>
<p>The ledger records <strong>${view.openings}</strong> ${view.openings === 1 ? 'opening' : 'openings'} for everybody together. ${view.accesses.length === 0 ? 'None of them concerned your recordings.' : 'These concerned your recordings; each proof is a file that anybody can check, without asking this server:'}</p>
${view.accesses.length === 0 ? null : html`<ul>${view.accesses.map(accessItem)}</ul>`}
<p>Seeing your own recordings here will need a passkey of yours, once this version can show them. You can <a href="/security">add it now</a>, or leave it; whether you did has nothing to do with your yes or no.</p></section>
<section aria-labelledby="stop"><h2 id="stop">How do I stop?</h2>${withdrawal(view, consent)}${erasureList(view.erasure)}</section>
<section aria-labelledby="history"><h2 id="history">Your decisions</h2>${historyList(view)}</section>`,
  )
}

function noticeSection(notices: readonly OwnNotice[]): Html | null {
  if (notices.length === 0) return null
  return html`<section aria-labelledby="told"><h2 id="told">What you were told</h2>${notices.map(
    ({ incident, sentAtMs, text }) =>
      html`<article class="card" aria-labelledby="notice-${incident}"><h3 id="notice-${incident}">Notice of ${time(sentAtMs)}</h3>${paragraphs(text)}</article>`,
  )}</section>`
}

function accessItem({ index, atMs, who, purpose, reason, approvers, what }: OwnAccess): Html {
  const proof = html`<a href="/api/me/accesses/${index}/proof">Proof, entry ${index}</a>`
  if (who === null) return html`<li>${time(atMs)}: you yourself. ${proof}</li>`
  const use = what.release === null ? null : html` for the release “${what.release}”`
  return html`<li>${time(atMs)}: ${who}${use}, ${purpose}: “${reason}” Approved by ${listWords(approvers)}. ${proof}</li>`
}

/** A widening holds for nobody who has not agreed to it; here they can read what it is before they do. */
function askedAgainSection(programme: Programme, consent: ConsentState): Html | null {
  const widenings = askedAgainFor(programme, consent)
  if (widenings.length === 0) return null
  return html`<section aria-labelledby="again"><h2 id="again">You are asked again</h2>
<p>The charter now gives more than you agreed to. Until you say yes to it below, the old terms hold for you; if you do nothing, they stay.</p>
${wideningList(widenings)}</section>`
}

function recordingSentence({ programme, nowMs }: MeView, consent: ConsentState): Html {
  if (isConsentCurrent(programme, consent, nowMs) && !consent.isPaused && programme.state === 'running') {
    return html`<p class="state running">Your devices may record what you chose below.</p>${renewalSentence(programme, consent, nowMs)}`
  }
  return html`<p class="state paused">Nothing of yours is recorded: ${whyNot(programme, consent, nowMs)}.</p>`
}

/** Asked in time; whoever does nothing stops being recorded, and that is all. */
function renewalSentence(programme: Programme, consent: ConsentState, nowMs: number): Html | null {
  const renewal = renewalOf(programme, consent)
  if (renewal === null || nowMs < renewal.renewAtMs) return null
  return html`<p role="status">Your yes ends at ${time(renewal.endsAtMs)}. If you want to go on, say yes again below; if you do nothing, recording stops then.</p>`
}

function pauseForm(consent: ConsentState): Html | null {
  if (consent.state !== 'given') return null
  return consent.isPaused
    ? html`<form method="post" action="/me/resume"><button>Resume</button></form>`
    : html`<form method="post" action="/me/pause"><button class="stop">Pause</button></form><p class="small">A pause has no end of its own, needs no reason, and nobody is told.</p>`
}

function whyNot(programme: Programme, consent: ConsentState, nowMs: number): string {
  const { state } = programme
  if (consent.state === 'undecided') return 'you have not said yes'
  if (consent.state === 'withdrawn') return 'you have withdrawn'
  if (termsFor(programme, consent) === null)
    return 'the charter has changed, and nothing is left of what you said yes to'
  if (!isConsentCurrent(programme, consent, nowMs)) return 'your yes has run out'
  if (consent.isPaused) return 'you have paused'
  return state === 'paused' ? 'the programme is paused' : 'the programme does not run'
}

function choices({ programme: { charter, state }, joinedAtMs, nowMs }: MeView, consent: ConsentState): Html {
  const notice = html`<details ${consent.state === 'given' ? null : html`open`}><summary>The notice, version ${charter.notice.version}</summary><p class="notice">${charter.notice.text}</p></details>`
  const reflectionEndsAtMs = joinedAtMs + charter.notice.reflection
  if (nowMs < reflectionEndsAtMs) {
    return html`${notice}<p>You have ${duration(charter.notice.reflection)} to think about it. You can say yes from ${time(reflectionEndsAtMs)} on. Nothing is recorded before, and you need not do anything.</p>`
  }
  if (state === 'draft' || state === 'closed')
    return html`${notice}<p>The programme takes no consent in this state.</p>`
  const given = consent.state === 'given' ? consent : null
  return html`${notice}
<form method="post" action="/me/consent" class="card">
<input type="hidden" name="noticeVersion" value="${charter.notice.version}">
<input type="hidden" name="version" value="${consent.version}">
<fieldset><legend>Kinds of input</legend>${charter.capture.categories.map((category) =>
    box(
      'categories',
      category,
      CATEGORY_WORDS[category].title,
      CATEGORY_WORDS[category].meaning,
      given?.categories.includes(category) ?? false,
    ),
  )}</fieldset>
<fieldset><legend>In these apps</legend>${charter.capture.apps.map(({ id, title }) =>
    box('apps', id, title, id, given?.apps.includes(id) ?? false),
  )}</fieldset>
<button>${given === null ? 'Say yes to what is ticked' : 'Change to what is ticked'}</button>
<p class="small">Saying no needs no click. Nobody is told who said yes and who did not.${given === null ? null : html` Your yes ends by itself at ${time(consentEndsAtMs(charter, given))}.`}</p>
</form>`
}

function box(name: string, value: string, title: string, meaning: string, isTicked: boolean): Html {
  const id = `${name}-${value}`.replace(/[^a-z0-9]/g, '-')
  return html`<div class="choice"><input type="checkbox" id="${id}" name="${name}" value="${value}" aria-describedby="${id}-meaning" ${isTicked ? html`checked` : null}>
<div><label for="${id}">${title}</label><p id="${id}-meaning" class="small">${meaning}</p></div></div>`
}

function withdrawal({ isErasing }: MeView, consent: ConsentState): Html {
  if (consent.state === 'undecided') return html`<p>There is nothing to stop: you have not said yes.</p>`
  if (consent.state === 'withdrawn')
    return html`<p>You withdrew at ${time(consent.atMs)}. ${isErasing ? 'The keys to your recordings are being destroyed.' : 'The keys to your recordings are destroyed: nobody can read them any more.'} You can say yes again above whenever you like; it brings nothing back.</p>`
  return html`<p>One press, at once, without a reason:</p>
<ul><li>No device of yours gets a lease, the permission to record, any more; one that it holds ends within ${LEASE_MS / 1000} seconds.</li>
<li>What still waits on your device can’t be sent.</li>
<li>The keys to what was stored are destroyed within a minute. After that nobody can read it, and no later release has it. A release that was published before and that you are in is closed: nothing opens it any more.</li></ul>
<form method="post" action="/me/withdraw"><button class="stop">Withdraw now</button></form>`
}

function erasureList(erasure: ErasureSteps | null): Html | null {
  if (erasure === null) return null
  return html`<h3>What your withdrawal has reached</h3>
<p>${erasure.isComplete ? 'Everything: it is complete.' : 'It is not complete yet.'} <a href="/api/me/erasure" download="fairtrace-erasure.json">Signed receipt, with proofs</a>; <code>fairtrace consent erasure</code> checks it.</p>
<ul>${erasure.steps.map(({ how, state, ledgerIndex }) => html`<li>${state === 'done' ? 'Done' : 'Pending'}: ${how}${ledgerIndex === null ? null : html` Entry ${ledgerIndex}.`}</li>`)}</ul>
${erasure.retraining.length === 0 ? null : html`<ul>${erasure.retraining.map(({ model, plan }) => html`<li>Model <code>${model.slice(0, 8)}…</code>: ${plan}</li>`)}</ul>`}`
}

function deviceList(devices: readonly EnrolledDevice[]): Html | null {
  if (devices.length === 0) return html`<p>You have no enrolled device.</p>`
  return html`<ul class="plain">${devices.map(
    ({ device, build, isCutOff }) =>
      html`<li><span>Device <code>${device.slice(0, 8)}…</code>, build <code>${build}</code></span>${
        isCutOff
          ? html` <span class="small">cut off</span>`
          : html`<form method="post" action="/me/devices/cut-off"><input type="hidden" name="device" value="${device}"><button class="quiet" aria-label="Cut off device ${device.slice(0, 8)}">Cut off</button></form>`
      }</li>`,
  )}</ul>`
}

function historyList({ history, joinedAtMs, programme: { charter } }: MeView): Html {
  return html`<ol class="history"><li><p>${time(joinedAtMs)}</p><p>You used an invitation. That alone allows nothing.</p></li>${history.map(
    ({ version, atMs, event }) =>
      html`<li><p>${time(atMs)}</p><p>${whatHappened(charter, event)}${
        receiptOf(event) === null
          ? null
          : html` <a href="/me/receipts/${version}" download="fairtrace-receipt-${version}.jwt">Receipt ${version}</a>`
      }</p></li>`,
  )}</ol>
<p class="small">A receipt is signed. <code>fairtrace verify FILE --charter CHARTER</code> checks it without asking us.</p>`
}

function whatHappened(charter: Charter, event: ConsentEvent): string {
  switch (event.kind) {
    case 'withdrawn':
      return 'You withdrew.'
    case 'paused':
      return 'You paused.'
    case 'resumed':
      return 'You resumed.'
    case 'given':
      return `You said yes, to notice ${event.noticeVersion}: ${listWords(event.categories.map((c) => CATEGORY_WORDS[c].title))} in ${listWords(event.apps.map((id) => appTitle(charter, id)))}.`
  }
}

function appTitle(charter: Charter, id: string): string {
  return charter.capture.apps.find((app) => app.id === id)?.title ?? id
}
