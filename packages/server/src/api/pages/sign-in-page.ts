import { type Html, html } from '@fairtrace/core'
import { type Frame, page } from './layout.ts'

/** What was wrong with the last try. */
export type SignInFault = 'password' | 'key'

export interface SignInView {
  /** Whether the accounts of a demonstration can sign in. */
  readonly hasLocal: boolean
  /** Whether the organisation's sign-in is connected. */
  readonly hasOrganisation: boolean
  readonly fault: SignInFault | null
}

export function renderSignIn(frame: Frame, { hasLocal, hasOrganisation, fault }: SignInView): string {
  return page(
    frame,
    html`<h1>Sign in</h1>
<section aria-labelledby="staff"><h2 id="staff">Staff of the programme</h2>
${hasLocal || hasOrganisation ? null : html`<p>This installation has no sign-in of its own, and your organisation’s is not connected yet.</p>`}
${
  hasOrganisation
    ? html`<p>You sign in where you always do. Fairtrace learns your name there, and which of its roles your groups have.</p>
<p><a class="button" href="/sign-in/oidc">Sign in with your organisation</a></p>`
    : null
}
${hasLocal ? localForm(fault === 'password') : null}</section>
<section aria-labelledby="participants"><h2 id="participants">Participants</h2>
<p>You have no account here, and your organisation’s sign-in is not asked: it would learn who takes part. You use your invitation once, and get a key that is yours alone.</p>
<form method="post" action="/join" class="card narrow">
<label for="code">Invitation</label>
<input id="code" name="code" autocomplete="off" required maxlength="64">
<button>Use the invitation</button>
<p class="small">That allows nothing yet. You read the notice, and have time to think.</p>
</form>
${fault === 'key' ? html`<p class="wrong" role="alert" id="wrong-key">Nobody has this key. Check that all of it is there.</p>` : null}
<form method="post" action="/sign-in/participant" class="card narrow">
<label for="session">Your key</label>
<input id="session" name="session" type="password" autocomplete="current-password" required maxlength="128" ${fault === 'key' ? html`aria-describedby="wrong-key"` : null}>
<button>Open my part</button>
</form></section>`,
  )
}

/** @param session shown here and never again */
export function renderJoined(frame: Frame, session: string): string {
  return page(
    frame,
    html`<h1>You have joined</h1>
<p class="lead">That alone allows nothing: nothing is recorded before you say yes.</p>
<p>This is your key. It opens your part of this portal, and enrols your devices:</p>
<pre tabindex="0" aria-label="Your key"><code>${session}</code></pre>
<p>Keep it in your password manager. Whoever has it speaks as you. It is not shown again, and nobody can look it up for you: only a digest of it is kept.</p>
<p><a class="button" href="/me">Read the notice</a></p>`,
  )
}

/** Straight after the provider: the browser goes on by itself, or by the link. */
export function renderSignedIn(home: string): string {
  const frame = { title: 'Signed in', path: '', who: null, hasSignIn: false, isDemonstration: false, continueTo: home }
  return page(
    frame,
    html`<h1>You are signed in</h1>
<p><a href="${home}">Go on</a></p>`,
  )
}

function localForm(failed: boolean): Html {
  return html`<p>The accounts of the demonstration were printed when Fairtrace started.</p>
${failed ? html`<p class="wrong" role="alert" id="wrong">The name or the password is wrong. Check both and try again.</p>` : null}
<form method="post" action="/sign-in" class="card narrow">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" required maxlength="128" ${failed ? html`aria-describedby="wrong"` : null}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256">
<button>Sign in</button>
</form>`
}
