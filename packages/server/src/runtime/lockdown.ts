/**
 * Locking a programme: its epoch goes up, so that every lease, permit and grant of before is over, and its state is `locked`.
 *
 * Any role may lock and none can unlock: that takes the gate. Done first and logged then, whether or not the ledger answers.
 */
import { type Appended, appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'

export const LOCKED_ENTRY = 'programme.locked'

export interface Lock {
  /** The epoch from here on; null without a programme, and then there is nothing to lock. */
  readonly epoch: number | null
  /** With what it commits to; null if the ledger did not answer. */
  readonly logged: (Appended & { readonly detail: unknown }) | null
}

/**
 * @param reason in words, for everybody; no person's name
 * @param seenEpoch the highest that anybody has seen; the new one is above it
 */
export async function lockProgramme(database: OpenDatabase, reason: string, seenEpoch = 0): Promise<Lock> {
  const { rows } = await database.pool.query<{ epoch: number | null }>('select install.lock($1) as epoch', [seenEpoch])
  await database.pool.query(`select pg_notify('fairtrace_programme', '')`)
  const epoch = rows[0]?.epoch ?? null
  if (epoch === null) return { epoch, logged: null }
  const detail = { reason, epoch }
  const entry = await appendToLedger(database, LOCKED_ENTRY, detail, { waitForCheckpoint: false }).catch(() => null)
  // Locked all the same: a ledger that is away must not keep anything open.
  return { epoch, logged: entry === null ? null : { ...entry, detail } }
}
