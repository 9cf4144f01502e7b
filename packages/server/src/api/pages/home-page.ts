/** The first page: what this is, in which state it is, and where to go. */

import { html } from '@fairtrace/core'
import type { CharterProposal } from '../../consent/charters.ts'
import type { Programme } from '../../runtime/programme.ts'
import { type Frame, page } from './layout.ts'
import { proposalSection } from './proposal-section.ts'
import { stateSentence, totalSentence } from './words.ts'

export interface HomeView {
  readonly programme: Programme | null
  readonly shownTotal: number | null
  readonly intake: string | null
  /** Charters that wait. */
  readonly proposals: readonly CharterProposal[]
  readonly portal: string
}

const PROMISES = [
  [
    'Nothing is recorded without a yes that still holds.',
    'A device may record for a minute at a time, and only while you agree and the programme runs.',
  ],
  [
    'What you type, and how you type, stays on your machine.',
    'Text, speed and pauses are removed before anything is written down.',
  ],
  [
    'What leaves is sealed.',
    'It opens for a named person and purpose, for a limited time, after two people signed, and that stands in the ledger.',
  ],
  [
    'The system attacks itself, and locks itself.',
    'Checks for readers who should not be there belong to the design; this version does not have them yet.',
  ],
  [
    'A dataset is released only if people can’t be found in it.',
    'This version removes rare traces and needs enough people; the attack that tests it comes later, so only a demonstration can release.',
  ],
] as const

export function renderHome(frame: Frame, view: HomeView): string {
  const { programme } = view
  return page(
    frame,
    html`<h1>How people use software, without how any one person works</h1>
<p class="lead">Fairtrace collects clicks, keys and changes of app from people who agreed, to train software agents. It is built so that nobody can be watched with it.</p>
<section aria-labelledby="now"><h2 id="now">Now</h2>
<p class="state ${programme?.state ?? 'none'}">${programme === null ? 'There is no programme yet. Nothing is recorded.' : stateSentence(programme.charter, programme.state)}</p>
${programme === null ? null : html`<p>${totalSentence(view.shownTotal, programme.charter.release.k)}</p>`}
</section>
${view.proposals.map(proposalSection)}
<section aria-labelledby="promises"><h2 id="promises">Five promises</h2>
<ol class="promises">${PROMISES.map(([promise, how]) => html`<li><strong>${promise}</strong> ${how}</li>`)}</ol>
</section>
<section aria-labelledby="addresses"><h2 id="addresses">Addresses</h2>
<dl class="facts">
<dt>API</dt><dd><a href="/api/openapi.json"><code>${view.portal}/api/openapi.json</code></a></dd>
<dt>Ledger</dt><dd><a href="/ledger/checkpoint"><code>${view.portal}/ledger/checkpoint</code></a></dd>
<dt>Devices send to</dt><dd>${view.intake === null ? 'not known yet' : html`<code>${view.intake}</code>`}</dd>
</dl></section>`,
  )
}

/** While the parts are still starting; `portal.js` looks again by itself. */
export function renderStarting(): string {
  const frame = { title: 'Starting', path: '', who: null, hasSignIn: false, isDemonstration: false }
  return page(
    frame,
    html`<div data-starting><h1>Fairtrace is starting</h1>
<p class="lead" role="status">The parts are coming up; in a demonstration its whole cycle runs first, which takes about a minute. This page opens by itself.</p>
<p class="bar" aria-hidden="true"></p>
<noscript><p><a href="">Look again</a></p></noscript></div>`,
  )
}
