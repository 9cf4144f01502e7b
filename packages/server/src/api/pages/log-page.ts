/** The ledger for people: how long it is, what it says of itself, and how to check it. */
import { html } from '@fairtrace/core'
import { type Frame, page } from './layout.ts'

export interface LogView {
  /** Of the newest signed checkpoint, or null before the first. */
  readonly checkpoint: { readonly size: number; readonly note: string } | null
  /** Raw Ed25519 key in base64url, from the charter. */
  readonly publicKey: string | null
  readonly portal: string
}

export function renderLog(frame: Frame, { checkpoint, publicKey, portal }: LogView): string {
  return page(
    frame,
    html`<h1>The ledger</h1>
<p>Every opening of keys is written here first, and so is whatever lets the programme do more. Pauses and releases are written here too. The entries can’t be changed or taken out later without anybody who kept a checkpoint seeing it. They hold no names: each is a sealed commitment that whoever made it can open.</p>
${
  checkpoint === null
    ? html`<p>There is no checkpoint yet.</p>`
    : html`<dl class="facts"><dt>Entries</dt><dd>${checkpoint.size.toLocaleString('en-GB')}</dd>
${publicKey === null ? null : html`<dt>Key of the ledger</dt><dd><code>${publicKey}</code></dd>`}</dl>
<h2>Newest checkpoint</h2>
<pre tabindex="0" aria-label="Newest checkpoint"><code>${checkpoint.note}</code></pre>`
}
<h2>Check it yourself</h2>
<p>Keep the checkpoint in a file. Later this computes the whole log again, on your machine, and checks that it still begins with what it had then:</p>
<pre tabindex="0" aria-label="Command that checks the ledger"><code>fairtrace verify ${portal}/ledger --seen FILE</code></pre>
<p>The files follow <abbr title="the transparency-log tiles format of C2SP">tlog-tiles</abbr>, so other people’s tools can read them too: <a href="/ledger/checkpoint"><code>/ledger/checkpoint</code></a> and <code>/ledger/tile/</code>.</p>`,
  )
}
