/** How the gate stands: everything that is missing, what the four sign, and who has. */
import { html } from '@fairtrace/core'
import type { GateStatus } from '../../assurance/gate.ts'
import type { Programme } from '../../runtime/programme.ts'
import { type Frame, page } from './layout.ts'
import { stateSentence } from './words.ts'

export interface GateView {
  readonly programme: Programme
  readonly status: GateStatus
  /** Roles that have not signed what waits. */
  readonly unsigned: readonly string[]
  readonly mayDraw: boolean
  readonly mayOpen: boolean
}

export function renderGate(frame: Frame, { programme, status, unsigned, mayDraw, mayOpen }: GateView): string {
  const { decision, statement, facts } = status
  const isOut = facts.state === 'approved' || facts.state === 'paused' || facts.state === 'locked'
  return page(
    frame,
    html`<h1>The gate</h1>
<p class="state ${facts.state}">${stateSentence(programme.charter, facts.state)}</p>
<p>The same gate starts a programme and lets it out of a lockdown. It opens when everything below stands, and it closes by itself when evidence lapses.</p>
${facts.asks === 'demonstration' ? html`<p>This is a demonstration that was never locked: nobody real is in it, so it starts without evidence and without the four signatures. After a lockdown it needs all of them.</p>` : null}
<section aria-labelledby="missing"><h2 id="missing">What is missing</h2>
${decision.open ? html`<p>Nothing.</p>` : html`<ul>${decision.missing.map(({ sentence, what }) => html`<li>${sentence}${what === null ? null : html`: <code>${what}</code>`}</li>`)}</ul>`}</section>
<section aria-labelledby="statement"><h2 id="statement">What the four sign</h2>
${
  statement === null
    ? html`<p>No statement waits for signatures.</p>`
    : html`<dl class="facts"><dt>Hash</dt><dd><code>${statement.hash}</code></dd>
<dt>From epoch</dt><dd>${statement.statement.epoch} to ${statement.statement.opens}</dd>
<dt>Incidents</dt><dd>${statement.statement.incidents.length}</dd>
<dt>Pieces of evidence</dt><dd>${statement.statement.evidence.length}</dd>
<dt>Builds</dt><dd>${statement.statement.builds.map((build) => html`<code class="line">${build}</code>`)}</dd>
<dt>Signed by</dt><dd>${statement.signatures.length === 0 ? 'nobody yet' : statement.signatures.map(({ name }) => html`<span class="line">${name}</span>`)}</dd>
<dt>Still to sign</dt><dd>${unsigned.length === 0 ? 'nobody' : unsigned.map((role) => html`<span class="line">${role}</span>`)}</dd></dl>
<p class="small">Each signs with their own key: <code>fairtrace gate sign --key FILE</code>.</p>`
}
${mayDraw && isOut ? html`<form method="post" action="/gate/statements"><button class="quiet">Draw up a new statement</button></form>` : null}
${mayOpen && isOut && decision.open ? html`<form method="post" action="/gate/open" data-step-up="run-programme"><button>Open the gate</button></form>` : null}</section>`,
  )
}
