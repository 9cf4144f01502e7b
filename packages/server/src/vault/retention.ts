/**
 * What the charter lets nobody keep any longer: the keys of recordings, by the day on which they came, and the records of governance.
 *
 * Runs by itself, and says so in the ledger once a day, also on a day on which nothing ended. Whatever is kept under terms that a
 * later charter narrowed follows the shorter of the two.
 */
import type { Charter } from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Keystore } from './keystore.ts'

export const RETENTION_APPLIED = 'retention.applied'
const DAY_MS = 86_400_000
const REPORTED = 'retention reported before day'
const KEYS_AT_ONCE = 5_000

export interface RetentionInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
}

/**
 * Destroys what is over. Counted from the start of the day on which it came: nothing is kept longer than the charter says, and
 * nothing more than a day less.
 * @returns how many periods ended
 */
export function endPeriods({ keystore }: RetentionInput, charter: Charter, nowMs: number): number {
  const today = Math.floor(nowMs / DAY_MS)
  const over = keystore
    .periodsBefore(today)
    .filter(({ day, keepMs }) => day * DAY_MS + Math.min(keepMs, charter.retention.recordings) <= nowMs)
  if (over.length > 0) keystore.destroyPeriods(over.map(({ id }) => id))
  return over.length
}

/** Content keys of periods that ended are dead: their rows go, and later what lies under them. */
export async function tidyEndedPeriods({ database, keystore }: RetentionInput): Promise<void> {
  for (const period of keystore.endedPeriods()) {
    for (let moved = KEYS_AT_ONCE; moved === KEYS_AT_ONCE; ) {
      const { rowCount } = await database.pool.query(
        `with dead as (
           delete from vault.content_keys where id in (select id from vault.content_keys where period = $1 limit $2) returning id
         ) insert into vault.dead_content_keys select id from dead on conflict do nothing`,
        [period, KEYS_AT_ONCE],
      )
      moved = rowCount ?? 0
    }
    keystore.tidiedPeriod(period)
  }
}

/** Exposures that were closed, and whom openings concerned: as long as who was given access stays visible. */
export async function endGovernance({ database }: RetentionInput, charter: Charter, nowMs: number): Promise<number> {
  const beforeMs = nowMs - charter.retention.governance
  await database.pool.query(
    `with over as (delete from vault.access_details where at_ms < $1 returning ledger_index)
     delete from vault.access_notices where ledger_index in (select ledger_index from over)`,
    [beforeMs],
  )
  const { rowCount } = await database.pool.query(
    `delete from install.exposures where state in ('closed', 'false-alarm') and found_at_ms < $1`,
    [beforeMs],
  )
  return rowCount ?? 0
}

/**
 * One run, and the ledger's entry for the days that are over.
 * @throws `LEDGER_UNAVAILABLE`; what was destroyed is destroyed, and the next call logs it
 */
export async function applyRetention(input: RetentionInput, charter: Charter, nowMs: number): Promise<void> {
  const { database, keystore } = input
  const periods = endPeriods(input, charter, nowMs)
  if (periods > 0) count(keystore, periods)
  await tidyEndedPeriods(input)
  const today = Math.floor(nowMs / DAY_MS)
  const reported = keystore.fact(REPORTED)
  if (reported === null) return keystore.keepFact(REPORTED, String(today))
  if (!(Number(reported) < today)) return
  const exposures = await endGovernance(input, charter, nowMs)
  const ended = Number(keystore.fact(ENDED) ?? 0)
  const detail = { fromDay: Number(reported), beforeDay: today, periods: ended, exposures }
  const { index, salt } = await appendToLedger(database, RETENTION_APPLIED, detail, { waitForCheckpoint: false })
  keystore.keepLedgerDetail(index, RETENTION_APPLIED, salt, detail)
  keystore.keepFact(ENDED, '0')
  keystore.keepFact(REPORTED, String(today))
}

const ENDED = 'retention ended since report'

function count(keystore: Keystore, periods: number): void {
  keystore.keepFact(ENDED, String(Number(keystore.fact(ENDED) ?? 0) + periods))
}
