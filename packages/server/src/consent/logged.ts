/** What the programme commits to in the ledger. */
import { isFairtraceError } from '@fairtrace/core'
import { type Appended, appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'

/** What was committed to. Whoever asked keeps it: the ledger itself holds only the salted hash. */
export interface Logged extends Appended {
  readonly detail: Readonly<Record<string, unknown>>
}

/** @throws `LEDGER_UNAVAILABLE` */
export async function logged(database: OpenDatabase, type: string, detail: Logged['detail']): Promise<Logged> {
  return { ...(await appendToLedger(database, type, detail, { waitForCheckpoint: true })), detail }
}

/** For what takes away: it holds already, and null says that no entry stands. */
export async function loggedIfPossible(
  database: OpenDatabase,
  type: string,
  detail: Logged['detail'],
): Promise<Logged | null> {
  try {
    return await logged(database, type, detail)
  } catch (error) {
    // A pause never waits for the log.
    if (isFairtraceError(error) && error.code === 'LEDGER_UNAVAILABLE') return null
    throw error
  }
}
