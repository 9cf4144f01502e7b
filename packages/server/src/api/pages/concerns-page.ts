/** Concerns and answers. Reading needs who you are; raising, joining and leaving must not, so they aren't done from here. */

import { type Html, html } from '@fairtrace/core'
import type { ListedConcern } from '../../concerns/list.ts'
import { type Frame, page } from './layout.ts'
import { duration, time } from './words.ts'

export interface ConcernsView {
  readonly concerns: readonly ListedConcern[]
  readonly thresholds: {
    readonly review: number
    readonly pause: number
    readonly reviewDeadlineMs: number
    readonly shownFrom: number
  }
  readonly mayAnswer: boolean
}

export function renderConcerns(frame: Frame, { concerns, thresholds, mayAnswer }: ConcernsView): string {
  const { review, pause, reviewDeadlineMs, shownFrom } = thresholds
  return page(
    frame,
    html`<h1>Concerns</h1>
<p class="lead">Any participant can object here, or join the objection of somebody else, without being named.</p>
<section aria-labelledby="rules"><h2 id="rules">What a concern brings about</h2>
<ul><li>From ${review} supporters on, the worker representatives must answer within ${duration(reviewDeadlineMs)}.</li>
<li>At ${pause} supporters the programme pauses. Nobody has to agree to that.</li>
<li>Below ${shownFrom} no number is shown; above, it moves in steps of ${shownFrom}.</li></ul>
<details><summary>How to raise, join or leave one</summary>
<p>On your own device, because this page knows who you are: <code>fairtrace concern list --device FOLDER</code>, then <code>raise</code>, <code>join</code> or <code>leave</code>. Your device sends it without your sign-in, with a token that everybody was given alike. Choose another moment than now, when you have just been here.</p></details></section>
<section aria-labelledby="list"><h2 id="list">Raised so far</h2>
${concerns.length === 0 ? html`<p>None.</p>` : concerns.map((concern) => concernCard(concern, shownFrom, mayAnswer))}</section>`,
  )
}

function concernCard(concern: ListedConcern, shownFrom: number, mayAnswer: boolean): Html {
  const { concern: id, text, raisedOn, supporters, answer } = concern
  return html`<article class="card" aria-labelledby="concern-${id}"><h3 id="concern-${id}">Raised on ${raisedOn}</h3>
<p class="notice">${text}</p>
<p>${supporters === null ? `Fewer than ${shownFrom} supporters.` : `At least ${supporters} supporters.`} ${standing(concern)}</p>
${answer === null ? null : html`<h4>The worker representatives’ answer</h4><p class="notice">${answer}</p>`}
${mayAnswer ? answerForm(id, answer) : null}
<p class="small"><code>${id}</code>${entries(concern)}</p></article>`
}

function standing({ state, reviewDueAtMs, isOverdue, hasPaused, isJoinable }: ListedConcern): Html {
  return html`${state === 'in-review' && reviewDueAtMs !== null && !isOverdue ? html`An answer is due by ${time(reviewDueAtMs)}. ` : null}${
    isOverdue && reviewDueAtMs !== null
      ? html`<strong>The answer is overdue since ${time(reviewDueAtMs)}.</strong> `
      : null
  }${state === 'answered' ? 'Answered. ' : null}${hasPaused ? 'It paused the programme. ' : null}${isJoinable ? null : 'Too old to join.'}`
}

function answerForm(id: string, answer: string | null): Html {
  return html`<form method="post" action="/concerns/${id}/answer"><label for="answer-${id}">${answer === null ? 'Your answer' : 'A new answer, in place of the one above'}</label>
<textarea id="answer-${id}" name="text" rows="5" required maxlength="4000"></textarea>
<button>Answer for everybody to read</button></form>`
}

function entries({ logged }: ListedConcern): Html | null {
  if (logged.length === 0) return null
  return html` in the <a href="/log">ledger</a>: ${logged.map(({ type, index }) => `${type} at ${index}`).join(', ')}`
}
