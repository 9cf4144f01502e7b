/** Where a role says that it found something readable, or changed, beyond what the charter allows. */
import type { OpenDatabase } from '../store/database.ts'

/** Closed: each has its own sentence where exposures are shown. A new one is added here. */
export const EXPOSURE_KINDS = [
  /** A stored object is missing, shorter, longer, or not the bytes that were written. */
  'object-damaged',
  /** An object lies in the store and no row names it. */
  'object-unnamed',
  /** A chunk does not open as what its row says: swapped, changed, or another person's. */
  'chunk-damaged',
  /** Rows of the vault's index are not what the vault wrote. */
  'index-changed',
  /** Segments that the vault wrote are gone from its index, or came back to it. */
  'index-rolled-back',
  /** A witness has seen more of the ledger than this installation holds, and shows it: a backup was restored. */
  'ledger-rolled-back',
  /** Epoch, charter or log are older than what the keeper has seen: a backup was restored. */
  'state-rolled-back',
  /** A witness has seen another history of the ledger, under this ledger's signature. */
  'ledger-split',
] as const
export type ExposureKind = (typeof EXPOSURE_KINDS)[number]

/**
 * Records an exposure and announces it (`fairtrace_exposures`). The same finding stays one exposure while it is open.
 * @param detail ids, counts and sizes; never content
 */
export async function raiseExposure(
  { pool }: Pick<OpenDatabase, 'pool'>,
  kind: ExposureKind,
  detail: Readonly<Record<string, string | number | boolean | null>>,
): Promise<void> {
  // By the system's own clock: a demonstration's can be moved, and when something was found must not.
  await pool.query(
    `insert into install.exposures (found_at_ms, kind, detail) values ($1, $2, $3) on conflict do nothing`,
    [Date.now(), kind, JSON.stringify(detail)],
  )
}
