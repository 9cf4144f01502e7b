/** Style, scripts and mark: four files, ours, read once. */
import { readFileSync } from 'node:fs'
import type { PortalApp } from '../app.ts'

const ASSETS = {
  'portal.css': 'text/css; charset=utf-8',
  'portal.js': 'text/javascript; charset=utf-8',
  'passkeys.js': 'text/javascript; charset=utf-8',
  'mark.svg': 'image/svg+xml',
} as const

export function assetRoutes(app: PortalApp): void {
  for (const [name, type] of Object.entries(ASSETS)) {
    const bytes = readFileSync(new URL(`../assets/${name}`, import.meta.url))
    app.get(`/assets/${name}`, { schema: { hide: true } }, (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=300').send(bytes),
    )
  }
}
