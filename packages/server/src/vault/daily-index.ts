/** Commits the state of the vault's index to the ledger, once for each day: an index rolled back further shows against it. */
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { SegmentIndex } from './index-anchor.ts'
import type { Keystore } from './keystore.ts'

export const INDEX_COMMITTED = 'vault.index'
const REPORTED = 'index reported on day'

/**
 * @param today in days since 1970 (UTC)
 * @throws `LEDGER_UNAVAILABLE`; the next call tries again
 */
export async function commitIndex(
  database: OpenDatabase,
  keystore: Keystore,
  index: SegmentIndex,
  today: number,
): Promise<void> {
  const last = keystore.fact(REPORTED)
  if (last !== null && Number(last) >= today) return
  const detail = { day: today, ...index.state() }
  const { index: at, salt } = await appendToLedger(database, INDEX_COMMITTED, detail, { waitForCheckpoint: false })
  keystore.keepLedgerDetail(at, INDEX_COMMITTED, salt, detail)
  keystore.keepFact(REPORTED, String(today))
}
