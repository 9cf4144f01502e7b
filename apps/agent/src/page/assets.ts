/** Style, script and mark of the review page; read once, served under fixed addresses. */
import { readFileSync } from 'node:fs'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

const TYPES: Readonly<Record<string, string>> = {
  'review.css': 'text/css; charset=utf-8',
  'enter.js': 'text/javascript; charset=utf-8',
  'mark.svg': 'image/svg+xml',
}

/** By address. */
export function readAssets(): ReadonlyMap<string, Asset> {
  return new Map(
    Object.entries(TYPES).map(([name, type]) => [
      `/assets/${name}`,
      { type, body: readFileSync(new URL(`./assets/${name}`, import.meta.url)) },
    ]),
  )
}
