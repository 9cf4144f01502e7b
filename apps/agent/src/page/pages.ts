/** The pages: is anything recorded, what will leave, how do I take it back, how do I stop. Server-rendered, no script but the way in. */
import { type FairtraceError, type Html, html } from '@fairtrace/core'
import type { ReviewAnswer, ReviewedRecording, StatusAnswer } from '../control/answers.ts'
import { moment, saysRecording, saysWhenItLeaves } from '../review/says-recording.ts'
import { DONE } from './form-actions.ts'
import type { PageSession } from './page-sessions.ts'

/** Sentences of a recording that the first page shows; its own page shows all. */
const SENTENCES_MAX = 5

export interface HomeView {
  readonly session: PageSession
  readonly status: StatusAnswer
  readonly review: ReviewAnswer
  readonly done: string | null
}

export function renderHome({ session, status, review, done }: HomeView): string {
  const { recordings, sealedBatches, breaks, nowMs } = review
  return page(
    'What leaves this computer',
    html`<h1>What leaves this computer</h1>
${doneLine(done)}
<section aria-labelledby="now"><h2 id="now">Is anything being recorded now?</h2>
${status.alerts.map((alert) => html`<p class="wrong" role="alert">${alert}</p>`)}
<p class="state ${status.state.state === 'recording' ? 'running' : ''}">${status.says}</p>
${pauseForm(session, status)}</section>
<section aria-labelledby="waits"><h2 id="waits">What will leave</h2>
<p>${saysWaiting(review)}</p>
${recordings.map((recording) => recordingCard(session, recording, nowMs))}
${sealedBatches === 0 ? null : html`<p>${sealedBatches} more ${sealedBatches === 1 ? 'part is' : 'parts are'} sealed already and on the way. What is sealed can’t be read here any more, by you neither.</p>`}</section>
<section aria-labelledby="never"><h2 id="never">What never leaves</h2>
<p>What you typed, when and how fast; how you moved the mouse; titles, addresses and whatever else stands in a window; anything in an app that you did not choose; anything in a password field. It is gone before anything is written to the disk.</p></section>
${breaksSection(breaks, nowMs)}
<section aria-labelledby="stop"><h2 id="stop">How do I stop?</h2>
${status.portal !== null ? withdrawForm(session) : html`<p>There is nothing to stop: this computer has joined no programme.</p>`}</section>`,
  )
}

export interface RecordingView {
  readonly session: PageSession
  readonly recording: ReviewedRecording
  readonly nowMs: number
  readonly done: string | null
}

export function renderRecording({ session, recording, nowMs, done }: RecordingView): string {
  const { id, sentences, state } = recording
  const mayChange = state !== 'open'
  return page(
    'One recording',
    html`<p><a href="/${session.path}/">← Everything that waits</a></p>
<h1>Recording of ${moment(recording.startedAtMs, nowMs)}</h1>
${doneLine(done)}
<p class="lead">This is all that would leave of it: ${sentences.length} ${sentences.length === 1 ? 'action' : 'actions'}, ${saysWhenItLeaves(recording, nowMs)}.</p>
<section aria-labelledby="drawn"><h2 id="drawn">Where it happened</h2>
<img class="drawing" src="/${session.path}/recordings/${id}/drawing.svg" width="1280" height="800" alt="The places of this recording on a schematic screen, numbered as in the list below.">
<p class="small">Drawn from what would leave, on an empty schematic of a screen. The numbers are those of the list.</p></section>
<section aria-labelledby="said"><h2 id="said">What happened, in order</h2>
${mayChange ? null : html`<p>It is still being recorded; pause to change it.</p>`}
<form method="post" action="/${session.path}/recordings/${id}/delete-ticked">${formValue(session)}
<ol class="actions">${sentences.map((sentence, i) => actionItem(sentence, i, mayChange))}</ol>
${mayChange ? html`<button class="stop">Delete what is ticked</button>` : null}</form></section>
${mayChange ? wholeRecording(session, recording) : null}`,
  )
}

export function renderEnter(): string {
  return page(
    'Opening',
    html`<h1>Your review page</h1>
<p class="lead" id="said" role="status">Opening …</p>
<noscript><p>This one step needs JavaScript: it takes the token out of the address. No other page here uses any.</p></noscript>
<script src="/assets/enter.js"></script>`,
  )
}

/** It knows nobody, so that it can be shown whatever went wrong. */
export function renderRefusal({ code, message, advice }: FairtraceError): string {
  return page(
    'That did not work',
    html`<h1>That did not work</h1>
<p class="lead">${message.charAt(0).toUpperCase()}${message.slice(1)}.</p>
<p>${advice}</p>
<p class="small">Code: <code>${code}</code></p>`,
  )
}

function page(title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – Fairtrace</title>
<link rel="icon" href="/assets/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/review.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide"><img src="/assets/mark.svg" alt="" width="28" height="28"><span class="brand">Fairtrace</span> <span>on this computer</span></div></header>
<main id="main" tabindex="-1">
${content}
</main>
<footer><div class="wide"><p>This page comes from your own computer and is for you alone. It asks nobody else for anything.</p></div></footer>
</body>
</html>`.text
}

function doneLine(done: string | null): Html | null {
  if (done === null || !Object.hasOwn(DONE, done)) return null
  return html`<p class="done" role="status">${DONE[done as keyof typeof DONE]}</p>`
}

function pauseForm(session: PageSession, { state, portal }: StatusAnswer): Html | null {
  if (portal === null) return null
  if (state.state === 'paused' && state.by === 'you') {
    return html`<form method="post" action="/${session.path}/resume">${formValue(session)}<button>Resume</button></form>`
  }
  return html`<form method="post" action="/${session.path}/pause">${formValue(session)}<button class="stop">Pause</button></form>
<p class="small">A pause holds at once, also without a network; it has no end of its own, and nobody is told.</p>`
}

function saysWaiting({ recordings }: ReviewAnswer): string {
  if (recordings.length === 0) return 'Nothing waits here.'
  return 'These wait here until your time to review is over. Delete what you like: deleted is gone, and nobody learns that there was something.'
}

function recordingCard(session: PageSession, recording: ReviewedRecording, nowMs: number): Html {
  const { id, sentences } = recording
  return html`<article class="card" aria-labelledby="r-${id}"><h3 id="r-${id}">${saysRecording(recording, nowMs)}</h3>
<ol>${sentences.slice(0, SENTENCES_MAX).map((sentence) => html`<li>${sentence}</li>`)}</ol>
${sentences.length > SENTENCES_MAX ? html`<p class="small">… and ${sentences.length - SENTENCES_MAX} more.</p>` : null}
<p><a class="button" href="/${session.path}/recordings/${id}" aria-describedby="r-${id}">Look at it, delete parts</a></p></article>`
}

function actionItem(sentence: string, i: number, mayChange: boolean): Html {
  if (!mayChange) return html`<li>${sentence}</li>`
  return html`<li><input type="checkbox" id="action-${i}" name="action" value="${i}"><label for="action-${i}">${sentence}</label></li>`
}

function wholeRecording(session: PageSession, { id, state }: ReviewedRecording): Html {
  return html`<section aria-labelledby="whole"><h2 id="whole">All of it</h2>
<div class="moves"><form method="post" action="/${session.path}/recordings/${id}/delete">${formValue(session)}<button class="stop">Delete this recording</button></form>
${state === 'held' ? html`<form method="post" action="/${session.path}/recordings/${id}/release">${formValue(session)}<button>Release it now</button></form>` : null}</div>
${state === 'held' ? html`<p class="small">Released, it leaves with the next upload, without waiting for the end of your time to review. Then it can’t be deleted here any more; withdrawing still makes it unreadable.</p>` : null}</section>`
}

function breaksSection(breaks: ReviewAnswer['breaks'], nowMs: number): Html | null {
  if (breaks.length === 0) return null
  return html`<section aria-labelledby="breaks"><h2 id="breaks">When nothing was recorded, and why</h2>
<p>These notes never leave; what leaves shows only that there was a break.</p>
<details><summary>${breaks.length} ${breaks.length === 1 ? 'note' : 'notes'}</summary>
<ul class="plain">${breaks.map(({ atMs, reason }) => html`<li><span>${moment(atMs, nowMs)}</span><span>${BREAKS[reason] ?? reason}</span></li>`)}</ul></details></section>`
}

const BREAKS: Readonly<Record<string, string>> = {
  gap: 'the agent lost sight for a moment',
  'lease-over': 'the permission to record had ended',
  'lease-revoked': 'the permission to record was taken back',
  paused: 'you had paused',
  OUTBOX_FULL: 'there was no room for more',
  DISK_FULL: 'the disk was full',
}

function withdrawForm(session: PageSession): Html {
  return html`<p>One press, at once, without a reason:</p>
<ul><li>Nothing is recorded any more.</li><li>What waits here is deleted.</li>
<li>The keys to what is stored are destroyed within a minute; after that nobody can read it. A release that was published before stays as it is.</li></ul>
<form method="post" action="/${session.path}/withdraw">${formValue(session)}<button class="stop">Withdraw now</button></form>`
}

function formValue(session: PageSession): Html {
  return html`<input type="hidden" name="form" value="${session.form}">`
}
