/** Where a person lets their own data be opened, for themselves. */
import { html, type OwnAccess } from '@fairtrace/core'
import { type Frame, page } from './layout.ts'
import { time } from './words.ts'

export interface OwnDataView {
  readonly request: OwnAccess
  readonly challenge: string
  readonly rpId: string
  /** Ids of the person's passkeys. */
  readonly credentials: readonly string[]
  /** This page, where passkeys work. */
  readonly address: string
  readonly isThere: boolean
}

export function renderOwnData(frame: Frame, view: OwnDataView): string {
  const { request, credentials } = view
  const confirm = html`<p><button hidden data-own-data="${JSON.stringify(request)}" data-challenge="${view.challenge}" data-rp="${view.rpId}" data-credentials="${credentials.join(' ')}">Confirm with your passkey</button></p>
<noscript><p>A passkey needs a script of this page, because only a script can ask the browser for it.</p></noscript>`
  const none = html`<p>You have no passkey yet. <a href="/security">Add one</a>; it works after 72 hours if something is stored about you already.</p>`
  return page(
    frame,
    html`<h1>Open my data</h1>
<p>Somebody who holds your session asked at ${time(request.requestedAtMs)} to ${request.what === 'view' ? 'see' : 'export'} what is stored about you. Only the program that asked can read the answer. <strong>If that was not you, close this page.</strong></p>
<p>The key for it begins with <code>${request.recipientKey.slice(0, 8)}</code>; the program that asked shows the same.</p>
${credentials.length === 0 ? none : view.isThere ? confirm : html`<p>Your passkey belongs to another address of this portal: <a href="${view.address}">open it there</a>.</p>`}
<p role="status" data-passkey-status></p>`,
  )
}
