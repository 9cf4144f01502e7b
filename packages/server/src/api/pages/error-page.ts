import { type FairtraceError, html } from '@fairtrace/core'
import { page } from './layout.ts'

/** A refusal as a page. It knows nobody, so that it can be shown whatever went wrong. */
export function renderErrorPage({ code, message, advice }: FairtraceError): string {
  const frame = { title: 'That did not work', path: '', who: null, hasSignIn: false, isDemonstration: false }
  return page(
    frame,
    html`<h1>That did not work</h1>
<p class="lead">${sentence(message)}</p>
<p>${advice}</p>
<p class="small">Code: <code>${code}</code></p>
<p><a href="/">To the first page</a></p>`,
  )
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
}
