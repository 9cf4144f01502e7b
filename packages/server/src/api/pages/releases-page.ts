/** What has been released, as its manifest says. */
import { html, releaseManifestSchema } from '@fairtrace/core'
import { type Frame, page } from './layout.ts'
import { fileSize, time } from './words.ts'

export interface ReleaseRow {
  readonly id: string
  readonly name: string
  readonly createdAtMs: number
  readonly ledgerIndex: number
  readonly manifest: unknown
}

export function renderReleases(frame: Frame, releases: readonly ReleaseRow[]): string {
  return page(
    frame,
    html`<h1>Releases</h1>
<p>A release is a dataset about enough people, cut into short pieces that don’t belong together any more. It never changes once it is made.</p>
${releases.length === 0 ? html`<p>There is none yet.</p>` : null}
${releases.map((release) => {
  const manifest = releaseManifestSchema.safeParse(release.manifest).data
  const counts = Object.entries(manifest?.counts ?? {}).filter(([, count]) => typeof count === 'number')
  return html`<article class="card" aria-labelledby="release-${release.id}"><h2 id="release-${release.id}">${release.name}</h2>
<dl class="facts"><dt>Made at</dt><dd>${time(release.createdAtMs)}</dd>
${counts.map(([name, count]) => html`<dt>${countWords(name)}</dt><dd>${count.toLocaleString('en-GB')}</dd>`)}
${manifest === undefined ? null : html`<dt>Files</dt><dd>${manifest.shards.length}, ${fileSize(manifest.shards.reduce((sum, { bytes }) => sum + bytes, 0))}</dd>`}
<dt>Ledger entry</dt><dd>${release.ledgerIndex}</dd>
<dt>Id</dt><dd><code>${release.id}</code></dd></dl>
<p class="small">Its card, files and signature: <code>fairtrace release show ${release.name}</code></p></article>`
})}`,
  )
}

/** `releaseEpisodes` → "Release episodes" */
function countWords(name: string): string {
  const words = name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}
