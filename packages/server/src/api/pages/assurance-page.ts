/** The safeguards: what holds, how it was attacked, and how old the evidence is. */
import { type Html, html } from '@fairtrace/core'
import { type AssuranceCase, type CaseSafeguard, PROMISE_CLAIMS, STANDING_WORDS } from '../../assurance/case.ts'
import { type Frame, page } from './layout.ts'
import { duration, time } from './words.ts'

export function renderAssurance(frame: Frame, shown: AssuranceCase): string {
  const { safeguards, validMs } = shown
  const fresh = safeguards.filter(({ state }) => state === 'fresh').length
  const promises = [...new Set(safeguards.map(({ promise }) => promise))].toSorted()
  return page(
    frame,
    html`<h1>Safeguards</h1>
<p class="lead">${fresh} of ${safeguards.length} safeguards are shown to work. Each is attacked in earnest; what that showed counts for ${duration(validMs)}.</p>
<p>A drill proves the fault that it plants, and nothing else.</p>
${promises.map(
  (
    promise,
  ) => html`<section aria-labelledby="promise-${promise}"><h2 id="promise-${promise}">${PROMISE_CLAIMS[promise] ?? ''}</h2>
<table><thead><tr><th scope="col">What holds</th><th scope="col">How it was attacked</th><th scope="col">Now</th></tr></thead>
<tbody>${safeguards.filter((one) => one.promise === promise).map((one) => rowOf(one))}</tbody></table></section>`,
)}`,
  )
}

function rowOf({ statement, attack, state, newest }: CaseSafeguard): Html {
  return html`<tr><th scope="row">${statement}</th><td>${attack}</td><td>${STANDING_WORDS[state]}${
    newest === null ? null : html`, ${time(newest.evidence.endedAtMs)}`
  }</td></tr>`
}
