import { type Html, html } from './html.ts'
import { type Frame, page } from './layout.ts'

export interface SignInView {
  /** Whether the accounts of a demonstration can sign in. */
  readonly hasLocal: boolean
  /** Whether the organisation's sign-in is connected. */
  readonly hasOrganisation: boolean
  /** Whether the last try was wrong. */
  readonly failed: boolean
}

export function renderSignIn(frame: Frame, { hasLocal, hasOrganisation, failed }: SignInView): string {
  return page(
    frame,
    html`<h1>Sign in</h1>
${hasLocal || hasOrganisation ? null : html`<p>This installation has no sign-in of its own: your organisation’s is not connected yet.</p>`}
${
  hasOrganisation
    ? html`<p>Staff of the programme sign in where they always do; Fairtrace learns your name there and which of its roles your groups have.</p>
<p><a class="button" href="/sign-in/oidc">Sign in with your organisation</a></p>`
    : null
}
${hasLocal ? localForm(failed) : null}`,
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
