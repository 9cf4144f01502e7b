/**
 * The outbox's SQLite file: settings that survive a power cut, one process at a time, and the tables.
 *
 * Only what ordering and bounding need is readable in the file: random ids, states, positions, counts and sizes. Times,
 * tasks, leases, actions and notes are inside encrypted values.
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type ErrorCode, FairtraceError } from '@fairtrace/core'

const SQLITE_BUSY = 5
const SQLITE_FULL = 13

const TABLES = `
create table if not exists meta (name text primary key, value blob not null) strict;
create table if not exists recordings (
  position integer primary key autoincrement,
  id text not null unique,
  state text not null check (state in ('open', 'held', 'released')),
  info blob not null
) strict;
create table if not exists chunks (
  recording text not null references recordings (id) on delete cascade,
  position integer not null,
  actions integer not null,
  value blob not null,
  primary key (recording, position)
) strict;
create table if not exists batches (
  sequence integer primary key,
  id text not null unique,
  bytes blob not null,
  body blob not null
) strict;
create table if not exists notes (position integer primary key autoincrement, value blob not null) strict;
`

/**
 * @throws `OUTBOX_IN_USE` if another process (or another opening in this one) holds it, `OUTBOX_CORRUPT`
 */
export function openOutboxDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    // Made first, for its owner alone; SQLite gives its journals the same mode.
    closeSync(openSync(file, 'a', 0o600))
    database = new DatabaseSync(file)
    // An exclusive WAL has no shared-memory file, and its lock lasts until the process ends, however it ends.
    database.exec(`
      pragma locking_mode = exclusive;
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma secure_delete = on;
      pragma foreign_keys = on;
    `)
    database.exec(`begin immediate; ${TABLES} commit`)
    return database
  } catch (cause) {
    if (database?.isOpen) database.close()
    if (sqliteCode(cause) === SQLITE_BUSY) {
      throw new FairtraceError('OUTBOX_IN_USE', 'another process holds this outbox', { cause })
    }
    throw outboxError(cause, 'OUTBOX_CORRUPT')
  }
}

/** Runs `work` in one transaction: all of it or nothing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  try {
    database.exec('begin immediate')
    const result = work()
    database.exec('commit')
    return result
  } catch (cause) {
    if (database.isTransaction) database.exec('rollback')
    throw outboxError(cause, 'OUTBOX_CORRUPT')
  }
}

/** Overwrites what was deleted: pages by `secure_delete`, their older images in the log by emptying it. */
export function wipeDeleted(database: DatabaseSync): void {
  database.exec('pragma wal_checkpoint(truncate)')
}

function outboxError(cause: unknown, otherwise: ErrorCode): unknown {
  if (cause instanceof FairtraceError) return cause
  const code = sqliteCode(cause)
  if (code === undefined) return cause
  if (code === SQLITE_FULL) return new FairtraceError('DISK_FULL', 'the disk of the device folder is full', { cause })
  return new FairtraceError(otherwise, `SQLite error ${code}`, { cause })
}

function sqliteCode(cause: unknown): number | undefined {
  // Extended codes carry the basic one in their low byte.
  return cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number'
    ? cause.errcode & 0xff
    : undefined
}

/** @throws `OUTBOX_CORRUPT` */
export function blob(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FairtraceError('OUTBOX_CORRUPT', 'a value is missing')
  return value
}
