/** Incidents: the list, one of them with what people add to it, and one as a file that prints. */
import { type Html, html, type IncidentReport, incidentHtml } from '@fairtrace/core'
import type { IncidentRow } from '../../incident/incident-row.ts'
import { type Frame, page } from './layout.ts'
import { time } from './words.ts'

export function renderIncidents(frame: Frame, incidents: readonly IncidentRow[]): string {
  return page(
    frame,
    html`<h1>Incidents</h1>
<p class="lead">Every lockdown has a record. What a drill planted is a rehearsal.</p>
<p><a href="/gate">How the gate stands</a></p>
${incidents.length === 0 ? html`<p>Nothing was ever locked.</p>` : html`<ul class="plain">${incidents.map(item)}</ul>`}`,
  )
}

function item({ id, epoch, openedAtMs, isRehearsal, cause, notifiedAtMs }: IncidentRow): Html {
  return html`<li><a href="/incidents/${id}">${isRehearsal ? 'Rehearsal' : 'Incident'} at epoch ${epoch}</a>, ${time(openedAtMs)}.
${isRehearsal ? null : html`<span class="small">${cause === null ? 'No root cause yet.' : 'Root cause on record.'} ${notifiedAtMs === null ? 'Notices not sent.' : 'Notices sent.'}</span>`}</li>`
}

export interface IncidentView {
  readonly report: IncidentReport
  readonly notice: string
  /** Whether this person may record the cause and let notices go. */
  readonly mayHandle: boolean
  readonly safeguards: readonly { readonly id: string; readonly statement: string }[]
}

export function renderIncident(frame: Frame, { report, notice, mayHandle, safeguards }: IncidentView): string {
  const { id } = report
  return page(
    frame,
    html`${incidentHtml(report)}
<section aria-labelledby="files"><h2 id="files">As a file</h2><ul>
<li><a href="/api/incidents/${id}/export?format=markdown" download="incident-${report.epoch}.md">Markdown</a></li>
<li><a href="/api/incidents/${id}/export?format=html">A page that prints</a></li>
<li><a href="/api/incidents/${id}/export?format=dpv" download="incident-${report.epoch}.jsonld">Breach record</a></li></ul></section>
<section aria-labelledby="told"><h2 id="told">What everybody concerned is told</h2>${paragraphs(notice)}
${mayHandle && report.notices.sentAtMs === null ? html`<form method="post" action="/incidents/${id}/notices"><button>Approve and send</button></form>` : null}</section>
${mayHandle ? causeForm(id, safeguards) : null}`,
  )
}

export function paragraphs(text: string): readonly Html[] {
  return text.split('\n\n').map((paragraph) => html`<p>${paragraph}</p>`)
}

function causeForm(id: string, safeguards: IncidentView['safeguards']): Html {
  return html`<section aria-labelledby="cause"><h2 id="cause">Record the root cause</h2>
<form method="post" action="/incidents/${id}/cause" class="stacked">
<p><label for="text">What made it possible</label><textarea id="text" name="text" required minlength="20" maxlength="5000" rows="6" aria-describedby="text-help"></textarea><span id="text-help" class="small">No person’s name belongs here.</span></p>
<p><label for="safeguard">Which safeguard should have held it</label><select id="safeguard" name="safeguard" required>${safeguards.map((one) => html`<option value="${one.id}">${one.statement}</option>`)}</select></p>
<p><label for="what">What is done about it</label><input id="what" name="what" required maxlength="500"></p>
<p><label for="owner">Who sees to it: a role or a team</label><input id="owner" name="owner" required maxlength="120"></p>
<p><label for="dueOn">By when</label><input id="dueOn" name="dueOn" type="date" required></p>
<button>Record</button></form>
<p class="small">More safeguards or actions at once: <code>fairtrace incident cause</code>.</p></section>`
}

/** Stands alone: no style sheet of ours, no script, nothing to fetch. */
export function renderIncidentFile(report: IncidentReport): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Incident at epoch ${report.epoch} – ${report.title}</title></head>
<body><main>${incidentHtml(report)}</main></body></html>
`.text
}
