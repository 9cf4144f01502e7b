/**
 * What the ledger learns of erasures: two entries for each day that is over, a day without any included, so that neither the number
 * of entries nor their time tells that somebody withdrew or that a release was closed. One commits to how many people (who, nobody
 * keeps), the other to which releases.
 */
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Keystore } from './keystore.ts'

export const ERASURE_REPORT = 'erasure.report'
export const RELEASE_CLOSED_ENTRY = 'release.closed'

/**
 * @param day today, in days since 1970 (UTC)
 * @throws `LEDGER_UNAVAILABLE`; the days are reported with the next call
 */
export async function reportErasures(database: OpenDatabase, keystore: Keystore, day: number): Promise<void> {
  const report = keystore.erasures(day)
  if (!(report.sinceDay < day)) return
  const log = async (type: string, detail: unknown) => {
    const { index, salt } = await appendToLedger(database, type, detail, { waitForCheckpoint: false })
    keystore.keepLedgerDetail(index, type, salt, detail)
    return { index, salt }
  }
  const days = { fromDay: report.sinceDay, beforeDay: day }
  const { rows } = await database.pool.query<{ release: string }>(
    `select release from vault.release_closings where state = 'closed' and ledger_index is null order by release`,
  )
  const detail = { ...days, releases: rows.map(({ release }) => release) }
  const { index, salt } = await log(RELEASE_CLOSED_ENTRY, detail)
  await database.pool.query(
    'update vault.release_closings set ledger_index = $2, salt = $3, detail = $4 where release = any($1)',
    [detail.releases, index, salt, JSON.stringify(detail)],
  )
  await log(ERASURE_REPORT, { ...days, people: report.people })
  // Last: whatever failed before this is reported again, as a whole; what has its entry isn't in the second.
  keystore.erasuresReported(day, report.people)
}
