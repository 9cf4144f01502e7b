/** A charter that waits, in plain words: what it would change for whom, who has signed, from when it would hold. */
import { type Html, html, type Widening } from '@fairtrace/core'
import type { CharterProposal } from '../../consent/charters.ts'
import { listWords, ROLE_WORDS, time } from './words.ts'

export function proposalSection(proposal: CharterProposal): Html {
  const { hash, version, state, widenings } = proposal
  const id = `proposal-${version}`
  const title =
    state === 'in-force' ? 'This charter is not signed yet' : `A change is proposed: charter version ${version}`
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
<p>${waitsFor(proposal)}</p>
${
  widenings.length === 0
    ? null
    : html`<p>It would give more than the charter in force. It holds for nobody who has not agreed to it.</p>
${wideningList(widenings)}`
}
<p class="small">${proposal.signed.length === 0 ? 'Nobody has signed it.' : `Signed by ${listWords(proposal.signed)}.`} What is signed is its digest, <code>${hash}</code>.</p></section>`
}

export function wideningList(widenings: readonly Widening[]): Html {
  return html`<dl class="facts">${widenings.map(({ field, who, before, after }) => html`<dt><code>${field}</code>, for ${who}</dt><dd>${before} → ${after}</dd>`)}</dl>`
}

function waitsFor({ missing, takesEffectAtMs }: CharterProposal): Html {
  if (missing.length > 0) {
    const who = missing.map(({ role, name }) =>
      name === null ? `a ${ROLE_WORDS[role]}` : `${name}, who would be replaced`,
    )
    return html`It waits for the signature of ${listWords(who)}.`
  }
  if (takesEffectAtMs === null) return html`Everybody has signed.`
  return html`Everybody has signed. It is announced until ${time(takesEffectAtMs)} and takes effect then.`
}
