/** The assurance case as a text for people: claim → argument → evidence, each with its age. */
import { type AssuranceCase, type CaseSafeguard, PROMISE_CLAIMS, STANDING_WORDS } from './case.ts'

const HOUR_MS = 3_600_000

export function assuranceMarkdown(shown: AssuranceCase): string {
  const { programme, title, nowMs, validMs, safeguards } = shown
  const fresh = safeguards.filter(({ state }) => state === 'fresh').length
  const promises = [...new Set(safeguards.map(({ promise }) => promise))].toSorted()
  return `${[
    `# Assurance case: ${title} (${programme})`,
    `As of ${at(nowMs)}. ${fresh} of ${safeguards.length} safeguards have evidence that counts; evidence counts for ${hours(validMs)}.`,
    'Drills prove the faults that they plant, and nothing else.',
    ...promises.map((promise) =>
      promiseText(
        promise,
        safeguards.filter((safeguard) => safeguard.promise === promise),
        shown,
      ),
    ),
  ].join('\n\n')}\n`
}

function promiseText(promise: number, safeguards: readonly CaseSafeguard[], shown: AssuranceCase): string {
  const lines = safeguards.map((safeguard) => safeguardText(safeguard, shown))
  return [
    `## Claim ${promise}: ${PROMISE_CLAIMS[promise] ?? ''}`,
    `It rests on ${safeguards.length} safeguards, each attacked by a drill.`,
    ...lines,
  ].join('\n\n')
}

function safeguardText({ id, statement, owner, drill, attack, state, newest }: CaseSafeguard, shown: AssuranceCase) {
  return [
    `### ${id}: ${statement}`,
    `- Owner: ${owner}. ${STANDING_WORDS[state].replace(/^./, (letter) => letter.toUpperCase())}.`,
    `- Drill \`${drill}\`: ${attack}`,
    `- Evidence: ${evidenceText(newest, shown)}`,
  ].join('\n')
}

function evidenceText(newest: CaseSafeguard['newest'], { nowMs, validMs }: AssuranceCase): string {
  if (newest === null) return 'none.'
  const { passed, endedAtMs, detectMs, containMs, twin, basis, drillEntry, nonce, build } = newest.evidence
  return [
    `${passed ? 'held' : 'did not hold'} ${hours(nowMs - endedAtMs)} ago (${at(endedAtMs)}), good until ${at(endedAtMs + validMs)}`,
    ...(detectMs === null ? [] : [`found after ${detectMs} ms`]),
    ...(containMs === null ? [] : [`contained ${containMs} ms later`]),
    ...(twin === null ? [] : [twin ? 'went red without the safeguard' : 'did NOT go red without the safeguard']),
    ...(nonce === null ? [] : ['unannounced']),
    basis === 'observed' ? 'seen by the portal itself' : 'by the word of who ran it',
    `build ${build}, ledger entry ${drillEntry}.`,
  ].join('; ')
}

function hours(ms: number): string {
  const all = Math.round(ms / HOUR_MS)
  return all < 48 ? `${all} h` : `${Math.round(all / 24)} days`
}

function at(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 16)
}
