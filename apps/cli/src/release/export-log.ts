/**
 * What an export needs of a running Fairtrace: the charter in force, and the ledger. No log, no copy.
 *
 * The entry is a salted commitment; what it says is kept in `exports/<index>.json` of the data directory.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Charter, FairtraceError, parseCharter } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { openDatabase } from '@fairtrace/server/store/database'

const ENTRY_TYPE = 'release.exported'

export interface ExportLog {
  readonly charterInForce: Charter
  /** Resolves when a signed checkpoint covers the entry. @throws `LEDGER_UNAVAILABLE` */
  write(detail: Readonly<Record<string, string>>): Promise<void>
  close(): Promise<void>
}

/** @throws `SERVER_UNREACHABLE`, `CHARTER_NOT_IN_FORCE` */
export async function openExportLog(dir: DataDir): Promise<ExportLog> {
  const database = openDatabase(dir.runtime().databaseUrls.portal ?? '', 3)
  try {
    const row = await database.db.selectFrom('install.programme').select('charter_yaml').executeTakeFirst()
    if (row === undefined) throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'there is no programme')
    return {
      charterInForce: parseCharter(row.charter_yaml, 'charter.yaml'),
      async write(detail) {
        const { index, salt } = await appendToLedger(database, ENTRY_TYPE, detail, { waitForCheckpoint: true })
        mkdirSync(dir.path('exports'), { recursive: true, mode: 0o700 })
        const kept = JSON.stringify({ type: ENTRY_TYPE, salt, detail }, null, 2)
        writeFileSync(dir.path('exports', `${index}.json`), `${kept}\n`, { mode: 0o600 })
      },
      close: () => database.close(),
    }
  } catch (error) {
    await database.close()
    throw error
  }
}
