/** The ledger's files for verifiers and witnesses (C2SP tlog-tiles). Public: the log holds no personal data. */
import { FairtraceError } from '@fairtrace/core'
import { readLedgerFile } from '../../ledger/tiles.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'

export function ledgerRoutes(app: PortalApp, { database }: Portal): void {
  for (const url of ['/ledger/checkpoint', '/ledger/tile/*']) {
    app.get(url, {
      schema: { hide: true },
      handler: async (request, reply) => {
        const path = request.url.slice('/ledger'.length).replace(/\?.*$/s, '')
        const bytes = await readLedgerFile(database, path)
        if (bytes === null) throw new FairtraceError('NOT_FOUND', 'the log has no such file')
        const isCheckpoint = path === '/checkpoint'
        return (
          reply
            .type(isCheckpoint ? 'text/plain; charset=utf-8' : 'application/octet-stream')
            // A tile never changes once it is there; the checkpoint does with every entry.
            .header('cache-control', isCheckpoint ? 'no-cache' : 'public, max-age=31536000, immutable')
            .header('cross-origin-resource-policy', 'cross-origin')
            .header('access-control-allow-origin', '*')
            .send(bytes)
        )
      },
    })
  }
}
