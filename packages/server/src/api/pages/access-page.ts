/** Who asked for access, who approved it, and how it ended: for those who ask, approve and watch. */

import { type Html, html } from '@fairtrace/core'
import type { GrantState } from '../../access/grant-state.ts'
import type { ShownGrantRecord } from '../../access/grants.ts'
import { type Frame, page } from './layout.ts'
import { duration, time } from './words.ts'

export interface AccessView {
  readonly grants: readonly ShownGrantRecord[]
  /** Whether this person may approve and refuse. */
  readonly isApprover: boolean
  readonly mayAsk: boolean
  /** Digest of their account: their own requests they can't approve. */
  readonly account: string
  /** Where passkeys work, and whether this page was opened there. */
  readonly origin: string
  readonly isThere: boolean
}

const STATE_WORDS: Readonly<Record<GrantState, string>> = {
  requested: 'waits for approval',
  approved: 'is approved by both and waits for the keeper',
  active: 'is active: its keys can be opened now',
  over: 'is over',
  ended: 'was ended early',
  fenced: 'was closed by a new epoch',
  refused: 'was refused',
  lapsed: 'lapsed: nobody approved it in time',
  failed: 'was approved, and refused by vault or keeper',
}

export function renderAccess(frame: Frame, view: AccessView): string {
  const waiting = view.grants.filter(({ state }) => state === 'requested')
  const others = view.grants.filter(({ state }) => state !== 'requested')
  return page(
    frame,
    html`<h1>Access</h1>
<p>Stored recordings are unreadable. A key opens for one person, one purpose and a limited time, after a data-protection officer and a worker representative have both approved with their own passkeys. Every opening stands in the ledger before it happens.</p>
${view.mayAsk ? askForm() : null}
<section aria-labelledby="waiting"><h2 id="waiting">Waiting for approval</h2>
${waiting.length === 0 ? html`<p>Nothing waits.</p>` : waiting.map((record) => card(record, view))}
${view.isApprover && !view.isThere && waiting.length > 0 ? html`<p>To approve, open <a href="${view.origin}/access">${view.origin}/access</a>: your passkey belongs to that address.</p>` : null}
<p role="status" data-passkey-status></p></section>
<section aria-labelledby="others"><h2 id="others">Granted, refused and ended</h2>
${others.length === 0 ? html`<p>There is none.</p>` : others.map((record) => card(record, view))}</section>`,
  )
}

function askForm(): Html {
  return html`<section aria-labelledby="ask"><h2 id="ask">Ask for access</h2>
<form method="post" action="/access" class="stacked">
<p><label for="releaseName">Name of the release to build</label>
<input id="releaseName" name="releaseName" required pattern="[a-z0-9][a-z0-9\\-]{0,62}" aria-describedby="name-help"><span id="name-help" class="small">Small letters, figures and hyphens.</span></p>
<p><label for="reason">Why, in a sentence</label><input id="reason" name="reason" required maxlength="500" aria-describedby="reason-help"><span id="reason-help" class="small">Those who approve read it, and everybody whom it concerns.</span></p>
<p><label for="hours">For how many hours</label><input id="hours" name="hours" type="number" min="1" max="2160" value="1" required></p>
<button>Ask</button></form></section>`
}

function card(record: ShownGrantRecord, view: AccessView): Html {
  const { grant, state, approvals, activation, refusal, ended, failure } = record
  const isOwn = record.account === view.account
  return html`<article class="card" aria-labelledby="grant-${grant.id}"><h3 id="grant-${grant.id}">${grant.requester.name} ${STATE_WORDS[state]}</h3>
<dl class="facts"><dt>Why</dt><dd>${grant.reason}</dd>
<dt>For</dt><dd>${grant.scope.kind === 'recordings' ? html`building the release “${grant.scope.releaseName}” from all recordings` : html`the release <code>${grant.scope.release}</code>`}, ${duration(grant.lengthMs)}</dd>
<dt>As member of</dt><dd>${grant.requester.group}</dd>
<dt>Asked at</dt><dd>${time(grant.requestedAtMs)}</dd>
${approvals.map(({ approver, role, atMs }) => html`<dt>Approved by</dt><dd>${approver} (${role}), ${time(atMs)}</dd>`)}
${activation === null ? null : html`<dt>Open from</dt><dd>${time(activation.activeFromMs)} to ${time(activation.endsAtMs)}</dd>`}
${refusal === null ? null : html`<dt>Refused by</dt><dd>${refusal.by}, ${time(refusal.atMs)}: ${refusal.reason}</dd>`}
${ended === null ? null : html`<dt>Ended by</dt><dd>${ended.by}, ${time(ended.atMs)}</dd>`}
${failure === null ? null : html`<dt>Refused with</dt><dd><code>${failure}</code></dd>`}
</dl>${actions(record, view, isOwn)}</article>`
}

function actions({ grant, state }: ShownGrantRecord, view: AccessView, isOwn: boolean): Html | null {
  const end = html`<form method="post" action="/access/${grant.id}/end"><button class="stop">End it now</button></form>`
  if (state === 'active' || state === 'approved') return view.isApprover || isOwn ? end : null
  if (state !== 'requested') return null
  if (isOwn) return end
  if (!view.isApprover) return null
  return html`${view.isThere ? html`<p><button hidden data-grant-approve="${grant.id}" aria-describedby="grant-${grant.id}">Approve with your passkey</button></p>` : null}
<form method="post" action="/access/${grant.id}/refuse" class="stacked"><p><label for="why-${grant.id}">Reason to refuse</label><input id="why-${grant.id}" name="reason" required maxlength="500"></p><button class="quiet">Refuse</button></form>`
}
