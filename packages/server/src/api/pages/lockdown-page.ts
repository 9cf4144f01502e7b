/** The one button, what it will do, and what the newest lockdown reached. */
import { type Html, html } from '@fairtrace/core'
import type { LockdownReport } from '../../lockdown/report.ts'
import type { Programme } from '../../runtime/programme.ts'
import { type Frame, page } from './layout.ts'
import { time } from './words.ts'

export interface LockdownView {
  readonly programme: Programme
  readonly report: LockdownReport | null
  readonly mayLock: boolean
  readonly exposures: readonly { readonly kind: string; readonly subject: string; readonly asks: boolean }[]
}

export function renderLockdown(frame: Frame, { programme, report, mayLock, exposures }: LockdownView): string {
  const isLocked = programme.state === 'locked'
  return page(
    frame,
    html`<h1>Lockdown</h1>
<p class="lead">${isLocked ? 'The programme is locked. Only the gate lets it run again.' : `The programme is ${programme.state}.`}</p>
${exposures.length === 0 ? null : html`<h2>What is exposed</h2><ul>${exposures.map(exposed)}</ul>`}
${mayLock && !isLocked ? button() : null}
${report === null ? html`<p>Nothing was ever locked.</p>` : reached(report)}
<p><a href="/gate">How the gate stands</a></p>`,
  )
}

function exposed({ kind, subject, asks }: LockdownView['exposures'][number]): Html {
  return html`<li>${kind}: ${subject}${asks ? html` <strong>Somebody has to decide: lock, or sign that it is a false alarm.</strong>` : null}</li>`
}

function button(): Html {
  return html`<h2>Lock everything now</h2>
<p>This will happen at once:</p>
<ul><li>Every device stops recording.</li><li>No grant opens anything; running builds and training end.</li>
<li>What devices send is kept sealed, or refused, as the charter says.</li>
<li>It stays so until four people have signed and every safeguard has been tested again.</li></ul>
<p>People still see, export and erase their own data, pause and withdraw.</p>
<form method="post" action="/lockdown">
<p><label for="reason">Why, in a sentence for everybody (may stay empty; no names)</label>
<input id="reason" name="reason" maxlength="500" autocomplete="off"></p>
<p><label><input type="checkbox" name="sure" value="yes" required> I want to lock everything</label></p>
<button class="danger">Lock everything</button>
</form>`
}

function reached(report: LockdownReport): Html {
  const { epoch, atMs, causes, acknowledged, missing, devicesConnected, overByMs, endedAtMs } = report
  return html`<h2>The newest lockdown</h2>
<p>Epoch ${epoch}, ${time(atMs)}. ${endedAtMs === null ? null : html`It ended ${time(endedAtMs)}.`}</p>
<ul>${causes.map(({ reason, by }) => html`<li>${reason} <span class="small">(${by})</span></li>`)}</ul>
<table><caption>Processes that have stopped, over their signature</caption>
<thead><tr><th scope="col">Process</th><th scope="col">After</th><th scope="col">Served meanwhile</th></tr></thead>
<tbody>${acknowledged.map(
    ({ point, afterMs, served }) =>
      html`<tr><td>${point}</td><td>${afterMs} ms</td><td>${
        Object.entries(served)
          .map(([what, count]) => `${what} ${count}`)
          .join(', ') || 'nothing'
      }</td></tr>`,
  )}</tbody></table>
${missing.length === 0 ? html`<p>None is missing.</p>` : html`<p><strong>Missing:</strong> ${missing.map(({ point }) => point).join(', ')}. Whatever they do, they can serve nothing more after ${time(overByMs)}.</p>`}
${devicesConnected === null ? null : html`<p>${devicesConnected} devices were connected and told to stop.</p>`}`
}
