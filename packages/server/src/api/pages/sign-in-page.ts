import { html } from './html.ts'
import { type Frame, page } from './layout.ts'

/** @param failed whether the last try was wrong */
export function renderSignIn(frame: Frame, failed: boolean): string {
  if (!frame.hasSignIn) {
    return page(
      frame,
      html`<h1>Sign in</h1><p>This installation has no sign-in of its own: your organisation’s is not connected yet.</p>`,
    )
  }
  return page(
    frame,
    html`<h1>Sign in</h1>
<p>The accounts of the demonstration were printed when Fairtrace started.</p>
${failed ? html`<p class="wrong" role="alert" id="wrong">The name or the password is wrong. Check both and try again.</p>` : null}
<form method="post" action="/sign-in" class="card narrow">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" required maxlength="128" ${failed ? html`aria-describedby="wrong"` : null}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256">
<button>Sign in</button>
</form>`,
  )
}
