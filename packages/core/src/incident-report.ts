/** An incident for people: as Markdown and as HTML that prints. Both say the same, from the same parts. */
import { type Html, html } from './html.ts'
import { countWords, dayAndTime, type IncidentReport } from './incident.ts'

interface Part {
  readonly title: string
  readonly lines: readonly string[]
  readonly rows?: { readonly head: readonly string[]; readonly body: readonly (readonly string[])[] }
}

export function incidentMarkdown(report: IncidentReport): string {
  const parts = partsOf(report).map(({ title, lines, rows }) =>
    [`## ${title}`, ...lines.map(escaped), ...(rows === undefined ? [] : [table(rows)])].join('\n\n'),
  )
  return `${[`# ${headline(report)}`, ...parts].join('\n\n')}\n`
}

/** The body of a page: `h1` and sections. */
export function incidentHtml(report: IncidentReport): Html {
  return html`<h1>${headline(report)}</h1>${partsOf(report).map(
    ({ title, lines, rows }, i) => html`<section aria-labelledby="part-${i}"><h2 id="part-${i}">${title}</h2>
${lines.map((line) => html`<p>${line}</p>`)}${
  rows === undefined || rows.body.length === 0
    ? null
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Table: ${title}"><table><thead><tr>${rows.head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.body.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`
}</section>`,
  )}`
}

function headline({ epoch, isRehearsal, title }: IncidentReport): string {
  return `${isRehearsal ? 'Rehearsal' : 'Incident'} at epoch ${epoch} of “${title}”`
}

function partsOf(report: IncidentReport): readonly Part[] {
  const { surfaces, reads, timeline, acknowledged, cause, notices } = report
  return [
    {
      title: 'In short',
      lines: [
        `Locked at ${dayAndTime(report.openedAtMs)}. ${report.endedAtMs === null ? 'It is still locked.' : `It ran again from ${dayAndTime(report.endedAtMs)}.`}`,
        ...(report.isRehearsal ? ['A drill planted it; nobody’s data was exposed.'] : []),
        `${acknowledged.points} of ${acknowledged.of} server processes acknowledged the lockdown with their signature.${acknowledged.missing.length === 0 ? '' : ` Not these: ${acknowledged.missing.join(', ')}; their permission ended by itself.`}`,
        `Made at ${dayAndTime(report.madeAtMs)}. Every number is computed from the ledger and the tables.`,
      ],
    },
    {
      title: 'Who could have read what',
      lines: surfaces.length === 0 ? ['No exposure is on record: a person locked it, or it is not known yet.'] : [],
      rows: {
        head: ['Surface', 'Kind', 'Severity', 'From', 'Found', 'Closed', 'Who', 'Whose data'],
        body: surfaces.map((one) => [
          one.surface,
          one.reopened > 0 ? `${one.kind}, came back ${one.reopened} ×` : one.kind,
          one.severity,
          one.fromMs === null ? 'not known' : dayAndTime(one.fromMs),
          dayAndTime(one.foundAtMs),
          one.state === 'false-alarm'
            ? 'false alarm'
            : one.closedAtMs === null
              ? one.state
              : dayAndTime(one.closedAtMs),
          one.readers.length === 0
            ? 'not known'
            : one.readers.map(({ who, through }) => `${who} through ${through}`).join('; '),
          countWords(one.couldRead),
        ]),
      },
    },
    {
      title: 'Who did read',
      lines: reads.length === 0 ? ['No opening of keys stands in the ledger for that time.'] : [],
      rows: {
        head: ['When', 'Ledger', 'Who', 'Whose data'],
        body: reads.map(({ atMs, ledgerIndex, who, people }) => [
          dayAndTime(atMs),
          String(ledgerIndex),
          who,
          countWords(people),
        ]),
      },
    },
    { title: 'What can’t be known', lines: report.unknowns },
    {
      title: 'Timeline',
      lines: [],
      rows: {
        head: ['When', 'What', 'Ledger'],
        body: timeline.map(({ atMs, what, ledgerIndex }) => [
          new Date(atMs).toISOString(),
          what,
          ledgerIndex === null ? '' : String(ledgerIndex),
        ]),
      },
    },
    {
      title: 'Root cause and actions',
      lines: cause === null ? ['Not on record yet; until it is, the gate stays closed.'] : [cause.text],
      ...(cause === null
        ? {}
        : {
            rows: {
              head: ['Action', 'Owner', 'Due'],
              body: cause.actions.map(({ what, owner, dueOn }) => [what, owner, dueOn]),
            },
          }),
    },
    {
      title: 'Notices',
      lines: [
        notices.sentAtMs === null
          ? `Not sent. Drafted for ${countWords(notices.drafted)}.`
          : `Sent at ${dayAndTime(notices.sentAtMs)} to ${countWords(notices.drafted)}, approved by ${notices.approvedBy ?? 'nobody'}.`,
      ],
    },
  ]
}

function table({ head, body }: NonNullable<Part['rows']>): string {
  const row = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return body.length === 0 ? '' : [row(head), row(head.map(() => '---')), ...body.map(row)].join('\n')
}

/** A table's name or a person's sentence must not become a heading, a link or another cell. */
function escaped(text: string): string {
  if (text === '---') return text
  return text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>#|!]/g, (character) => `\\${character}`)
}
