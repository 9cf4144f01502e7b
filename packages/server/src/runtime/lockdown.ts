/**
 * Locking a programme: its epoch goes up, so that every lease, permit and grant of before is over, and its state is `locked`.
 *
 * Any role may lock and none can unlock: that takes the gate. Done first and logged then, whether or not the ledger answers.
 */
import { type Appended, appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'

export const LOCKED_ENTRY = 'programme.locked'
/** Whoever locks waits no longer than this for anything that comes before. */
export const LOCK_MS_MAX = 2_000

export interface Lock {
  /** The epoch from here on; null without a programme, and then there is nothing to lock. */
  readonly epoch: number | null
  /** With what it commits to; null if the ledger does not answer. Nobody has to wait for it: it is locked. */
  readonly logged: Promise<(Appended & { readonly detail: unknown }) | null>
}

export interface LockOptions {
  /** The highest that anybody has seen; the new one is above it. */
  readonly seenEpoch?: number
  /** In which role of people it was asked for; no name. */
  readonly by?: string
  readonly exposure?: string
  readonly drill?: string
}

/** @param reason in words, for everybody; no person's name */
export async function lockProgramme(database: OpenDatabase, reason: string, options: LockOptions = {}): Promise<Lock> {
  const { seenEpoch = 0, by = null, exposure = null, drill = null } = options
  const { rows } = await database.pool.query<{ epoch: number }>('select epoch from install.lock($1, $2, $3, $4, $5)', [
    ...[seenEpoch, reason, by, exposure, drill],
  ])
  await announceLock(database)
  const epoch = rows[0]?.epoch ?? null
  return { epoch, logged: epoch === null ? Promise.resolve(null) : logLock(database, reason, epoch) }
}

/** The database announces it too, when it commits. */
export async function announceLock(database: OpenDatabase): Promise<void> {
  await database.pool.query(`select pg_notify('fairtrace_programme', '')`)
}

/** Locked all the same: a ledger that is away must not keep anything open. */
export async function logLock(database: OpenDatabase, reason: string, epoch: number): Promise<Awaited<Lock['logged']>> {
  const detail = { reason, epoch }
  const entry = await appendToLedger(database, LOCKED_ENTRY, detail, { waitForCheckpoint: false }).catch(() => null)
  return entry === null ? null : { ...entry, detail }
}
