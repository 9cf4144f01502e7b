/** One's own sign-in: passkeys, and the end of every session. */

import { type Html, html } from '@fairtrace/core'
import { charterPasskey } from '../charter-passkey.ts'
import type { StoredPasskey } from '../passkey-store.ts'
import { type Frame, page } from './layout.ts'
import { time } from './words.ts'

export interface SecurityView {
  readonly passkeys: readonly StoredPasskey[]
  /** Where passkeys work. */
  readonly origin: string
  /** Whether this page was opened there. */
  readonly isThere: boolean
  readonly nowMs: number
}

export function renderSecurity(frame: Frame, view: SecurityView): string {
  return page(
    frame,
    html`<h1>Your sign-in</h1>
<section aria-labelledby="passkeys"><h2 id="passkeys">Passkeys</h2>
<p>A passkey lives in your phone, computer or key fob and answers after your finger, face or PIN. Approving a programme and letting it run need one; it shows that you are there, not only your session.</p>
${passkeyList(view, frame.who?.kind === 'staff')}
${view.isThere ? adding(view) : html`<p>Passkeys of this portal belong to <a href="${view.origin}/security">${view.origin}</a>. Open that address and sign in there to add or use one.</p>`}
<p role="status" data-passkey-status></p>
<noscript><p>Passkeys need a script of this page, because only a script can ask the browser for them. Everything else works without.</p></noscript></section>
<section aria-labelledby="sessions"><h2 id="sessions">Sessions</h2>
<p>A session ends after 8 hours, and sooner after 30 minutes in which you did nothing. If you forgot to sign out somewhere, end them all:</p>
<form method="post" action="/security/sign-out-everywhere"><button class="stop">Sign out everywhere</button></form></section>`,
  )
}

function passkeyList({ passkeys, nowMs, isThere }: SecurityView, isStaff: boolean): Html {
  if (passkeys.length === 0) return html`<p>You have none.</p>`
  return html`<ul class="plain">${passkeys.map((passkey) => {
    const { id, usableFromMs } = passkey
    return html`<li><span>Passkey <code>${id.slice(0, 8)}…</code>, ${usableFromMs > nowMs ? html`<strong>works from ${time(usableFromMs)} on</strong>: nobody vouched for it. If you did not add it, remove it and sign out everywhere` : html`in use since ${time(usableFromMs)}`}</span>${
      isThere
        ? html` <button class="quiet" hidden data-passkey-remove="${id}" aria-label="Remove passkey ${id.slice(0, 8)}">Remove</button>`
        : null
    }${isStaff ? forCharter(passkey) : null}</li>`
  })}</ul>`
}

/** What an approver hands to whoever writes the charter. */
function forCharter(passkey: StoredPasskey): Html | null {
  const named = charterPasskey(passkey)
  if (named === null) return null
  return html`<details><summary>For the charter</summary><p class="small">If you approve access for the programme, the charter names this passkey under your name:</p><pre><code>passkey: ${JSON.stringify(named)}</code></pre></details>`
}

function adding({ passkeys }: SecurityView): Html {
  if (passkeys.length === 0) return html`<p><button hidden data-passkey-add="first">Add a passkey</button></p>`
  return html`<p><button hidden data-passkey-add="vouched">Add another, confirmed by one you have</button>
<button class="quiet" hidden data-passkey-add="unvouched">Add one without: it works after 72 hours</button></p>`
}
