/**
 * What the ledger learns of erasures: one entry for each day that is over, a day without any included, so that neither the number
 * of entries nor their time tells that somebody withdrew. The entry commits to how many; who, nobody keeps.
 */
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Keystore } from './keystore.ts'

export const ERASURE_REPORT = 'erasure.report'

/**
 * @param day today, in days since 1970 (UTC)
 * @throws `LEDGER_UNAVAILABLE`; the days are reported with the next call
 */
export async function reportErasures(database: OpenDatabase, keystore: Keystore, day: number): Promise<void> {
  const report = keystore.erasures(day)
  if (!(report.sinceDay < day)) return
  const detail = { fromDay: report.sinceDay, beforeDay: day, people: report.people }
  const { index, salt } = await appendToLedger(database, ERASURE_REPORT, detail, { waitForCheckpoint: false })
  keystore.keepLedgerDetail(index, ERASURE_REPORT, salt, detail)
  keystore.erasuresReported(day, report.people)
}
