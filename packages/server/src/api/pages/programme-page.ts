/** The owner's page: the charter in plain words, the state, and totals that tell of nobody. */
import { type Html, html, type QuorumRole } from '@fairtrace/core'
import type { CharterProposal } from '../../consent/charters.ts'
import { PROGRAMME_NEXT } from '../../consent/programme.ts'
import type { Programme } from '../../runtime/programme.ts'
import type { ProgrammeState } from '../../store/tables.ts'
import { stepUpFor } from '../step-up.ts'
import { type Frame, page } from './layout.ts'
import { proposalSection } from './proposal-section.ts'
import { CATEGORY_WORDS, duration, listWords, ROLE_WORDS, stateSentence, totalSentence } from './words.ts'

export interface ProgrammeView {
  readonly programme: Programme | null
  readonly shownTotal: number | null
  /** States that this person may move it to. */
  readonly mayMoveTo: readonly ProgrammeState[]
  /** Charters that wait, and the one in force as long as it lacks signatures. */
  readonly proposals: readonly CharterProposal[]
}

const QUORUM_WORDS: Readonly<Record<QuorumRole, string>> = {
  'programme-owner': ROLE_WORDS['programme-owner'],
  'data-protection': ROLE_WORDS['data-protection'],
  security: 'security',
  'worker-representative': ROLE_WORDS['worker-representative'],
}

const MOVES: Readonly<Record<ProgrammeState, string>> = {
  draft: 'Draft',
  approved: 'Approve',
  running: 'Run',
  paused: 'Pause',
  closed: 'Close',
  locked: 'Lock',
}

/** What may come after a state, of what this person may do. */
export function movesFrom(programme: Programme | null, allowed: readonly ProgrammeState[]): readonly ProgrammeState[] {
  return programme === null ? [] : PROGRAMME_NEXT[programme.state].filter((state) => allowed.includes(state))
}

export function renderProgramme(frame: Frame, { programme, shownTotal, mayMoveTo, proposals }: ProgrammeView): string {
  if (programme === null) {
    return page(frame, html`<h1>Programme</h1><p>There is none yet. Put a charter in force to begin one.</p>`)
  }
  const { charter } = programme
  return page(
    frame,
    html`<h1>${charter.title}</h1>
<section aria-labelledby="state"><h2 id="state">State</h2>
<p class="state ${programme.state}">${stateSentence(charter, programme.state)}</p>
<p>${totalSentence(shownTotal, charter.release.k)}</p>
${moveForms(mayMoveTo)}</section>
${proposals.map(proposalSection)}
<section aria-labelledby="charter"><h2 id="charter">The charter, version ${charter.version}</h2>
<p class="lead">${charter.purpose.sentence}</p>
<dl class="facts">
<dt>Never for</dt><dd>${listWords(charter.forbiddenPurposes.map(purposeWords))}</dd>
<dt>Who is responsible</dt><dd>${charter.controller.name}, ${charter.controller.contact}</dd>
<dt>Impact assessment</dt><dd>${charter.impactAssessment.reference} of ${charter.impactAssessment.date}</dd>
<dt>Workers consulted</dt><dd>${charter.consultation.reference} on ${charter.consultation.date}</dd>
<dt>What may be recorded</dt><dd>${listWords(charter.capture.categories.map((c) => CATEGORY_WORDS[c].title.toLowerCase()))}, of people who chose it</dd>
<dt>In which apps</dt><dd>${listWords(charter.capture.apps.map((app) => app.title))}; nowhere else</dd>
<dt>Time to think</dt><dd>${duration(charter.notice.reflection)} before anybody can say yes; a yes ends after ${duration(charter.notice.renewal)}</dd>
<dt>Working hours</dt><dd>${charter.workingHours.from} to ${charter.workingHours.to} in ${charter.workingHours.zone}, on ${listWords(charter.workingHours.days)}; nothing is recorded outside them</dd>
<dt>A change that gives anybody more</dt><dd>is announced ${duration(charter.notice.period)} before, and holds for nobody who has not agreed to it</dd>
<dt>Time to review</dt><dd>a recording stays on the device for ${duration(charter.review)} before it leaves</dd>
<dt>Kept for</dt><dd>recordings ${duration(charter.retention.recordings)}, releases ${duration(charter.retention.releases)}, who had access ${duration(charter.retention.governance)}</dd>
<dt>Who may work with it</dt><dd>${charter.audience.length === 0 ? 'nobody' : charter.audience.map((group) => html`<span class="line">${group.group}: at most ${group.sizeMax} people, ${duration(group.grantMax)} at a time</span>`)}</dd>
<dt>Who signs openings</dt><dd>${charter.approvers.map((approver) => html`<span class="line">${approver.name}, ${ROLE_WORDS[approver.role]}</span>`)}</dd>
<dt>Who starts it</dt><dd>${charter.quorum.map((one) => html`<span class="line">${one.name}, ${QUORUM_WORDS[one.role]}</span>`)}</dd>
<dt>Concerns</dt><dd>shared by ${charter.concerns.review} people: reviewed within ${duration(charter.concerns.reviewDeadline)}; by ${charter.concerns.pause}: the programme pauses</dd>
<dt>Releases</dt><dd>about at least ${charter.release.k} people; ${charter.release.exportAllowed ? 'files may be exported, and can’t be recalled then' : 'no export to files'}</dd>
<dt>Charter’s digest</dt><dd><code>${programme.charterHash}</code></dd>
</dl></section>`,
  )
}

function moveForms(states: readonly ProgrammeState[]): Html | null {
  if (states.length === 0) return null
  return html`<div class="moves">${states.map(
    (state) =>
      html`<form method="post" action="/programme/state" ${stepUpAttribute(state)}><input type="hidden" name="state" value="${state}"><button class="${state === 'paused' ? 'stop' : ''}">${MOVES[state]}</button></form>`,
  )}</div><p class="small">A pause ends recording on every device within a minute, and holds even if the ledger does not answer.</p>`
}

function stepUpAttribute(state: ProgrammeState): Html | null {
  const purpose = stepUpFor(state)
  return purpose === null ? null : html`data-step-up="${purpose}"`
}

/** `dpv:PersonnelBehaviourMonitoring` → "personnel behaviour monitoring" */
function purposeWords(term: string): string {
  return term
    .slice('dpv:'.length)
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase()
}
