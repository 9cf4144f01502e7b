/**
 * What the keeper holds, in one SQLite file of its custodian's: shares, and the highest it has seen of everything that must
 * never go back.
 *
 * SQLite, because destroying a share must reach the disk: `secure_delete` overwrites what is deleted, `synchronous = FULL` flushes
 * before a call returns, and the journal, which holds what was there before, is overwritten after each destruction. A backup of this file would bring destroyed shares back, so there must be none of the table `shares`.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FairtraceError } from '@fairtrace/core'
import { openWrapping, type Wrapping } from './wrapping.ts'

const SCHEMA = `
create table setup (
  only_one integer primary key check (only_one = 1), kind text not null, salt blob not null, signing_seed blob not null,
  witness_seed blob not null
) strict;
create table shares (
  pseudonym text not null, generation integer not null, vault_key text not null, wrapped blob not null,
  primary key (pseudonym, generation)
) strict;
-- Up to which generation somebody was erased, under a name that the passphrase alone leads to: no list of who left.
create table erased (person blob primary key, generation integer not null) strict;
create table grants (
  hash text primary key, activation text, ended integer not null default 0
) strict;
-- To which key a slice of a ledger's entry was given: an entry is good for one opening.
create table given (ledger_index integer not null, slice text not null, reply_key text not null, items integer not null,
  primary key (ledger_index, slice)) strict;
create table passkeys (
  pseudonym text not null, credential text not null, passkey text not null, usable_from_ms integer not null,
  primary key (pseudonym, credential)
) strict;
create table charters (place integer primary key, hash text not null, yaml text not null) strict;
create table highest (only_one integer primary key check (only_one = 1), epoch integer not null, time_ms integer not null) strict;
insert into highest values (1, 0, 0);
-- A lockdown that no gate has ended: its epoch, and the drill that it came from alone.
create table lockdown (only_one integer primary key check (only_one = 1), epoch integer not null, drill text) strict;
create table witnessed (origin text primary key, size integer not null, root blob not null, note text not null) strict;
`
/** What the store calls a release among its shares; a participant's name has no space. */
export const RELEASE_SHARE_PREFIX = 'release '
const SQLITE_BUSY = 5
const SIGNING_SEED = 'fairtrace/keeper-signing-seed/v1'
const WITNESS_SEED = 'fairtrace/keeper-witness-seed/v1'

export type KeeperKind = 'demonstration' | 'production'

export interface Share {
  /** Raw X25519 private key, 32 bytes. */
  readonly privateKey: Buffer
  /** The vault's public key of the same person and generation, for which this share was made. */
  readonly vaultKey: string
}

export class KeeperStore {
  readonly db: DatabaseSync
  readonly kind: KeeperKind
  /** Ed25519, 32 bytes, base64url. */
  readonly signingSeed: string
  readonly witnessSeed: string
  readonly #wrapping: Wrapping
  readonly #journal: string

  private constructor(folder: string, db: DatabaseSync, passphrase: string) {
    this.db = db
    this.#journal = join(folder, 'keeper.sqlite-journal')
    const row = db.prepare('select kind, salt, signing_seed, witness_seed from setup').get()
    if (row === undefined) throw unusable('the store was never set up')
    this.kind = row.kind === 'demonstration' ? 'demonstration' : 'production'
    this.#wrapping = openWrapping(passphrase, bytesOf(row.salt))
    this.signingSeed = this.#wrapping.unwrap(SIGNING_SEED, bytesOf(row.signing_seed)).toString('base64url')
    this.witnessSeed = this.#wrapping.unwrap(WITNESS_SEED, bytesOf(row.witness_seed)).toString('base64url')
  }

  static exists(folder: string): boolean {
    return existsSync(join(folder, 'keeper.sqlite'))
  }

  /**
   * Makes a keeper with keys of its own.
   * @param signingSeed 32 bytes, where the key that a charter names is there already
   * @throws `DATA_DIR_UNUSABLE` if there is one already
   */
  static create(folder: string, passphrase: string, kind: KeeperKind, signingSeed = randomBytes(32)): KeeperStore {
    if (KeeperStore.exists(folder)) throw unusable('this folder holds a keeper already')
    const salt = randomBytes(32)
    const wrapping = openWrapping(passphrase, salt)
    const db = openFile(folder)
    transaction(db, () => {
      db.exec(SCHEMA)
      db.prepare('insert into setup values (1, ?, ?, ?, ?)').run(
        kind,
        salt,
        wrapping.wrap(SIGNING_SEED, signingSeed),
        wrapping.wrap(WITNESS_SEED, randomBytes(32)),
      )
    })
    return new KeeperStore(folder, db, passphrase)
  }

  /** @throws `DATA_DIR_UNUSABLE` without a keeper there, `DATA_IN_USE` if it runs, `KEY_UNAVAILABLE` with another passphrase */
  static open(folder: string, passphrase: string): KeeperStore {
    if (!KeeperStore.exists(folder)) throw unusable('this folder holds no keeper')
    const db = openFile(folder)
    try {
      return new KeeperStore(folder, db, passphrase)
    } catch (error) {
      db.close()
      throw error
    }
  }

  /** All or none. */
  transaction(work: () => void): void {
    transaction(this.db, work)
  }

  share(pseudonym: string, generation: number): Share | null {
    const row = this.db
      .prepare('select vault_key, wrapped from shares where pseudonym = ? and generation = ?')
      .get(pseudonym, generation)
    if (row === undefined) return null
    const privateKey = this.#wrapping.unwrap(shareContext(pseudonym, generation), bytesOf(row.wrapped))
    return { privateKey, vaultKey: String(row.vault_key) }
  }

  putShare(pseudonym: string, generation: number, { privateKey, vaultKey }: Share): void {
    this.db
      .prepare('insert into shares values (?, ?, ?, ?)')
      .run(pseudonym, generation, vaultKey, this.#wrapping.wrap(shareContext(pseudonym, generation), privateKey))
  }

  /** The highest generation of this person that was destroyed; 0 if none was. */
  erasedUpTo(pseudonym: string): number {
    const row = this.db.prepare('select generation from erased where person = ?').get(this.#wrapping.nameOf(pseudonym))
    return Number(row?.generation ?? 0)
  }

  /** Overwrites the shares; with the last one go the person's passkeys. */
  eraseShares(pseudonym: string, upTo: number): void {
    this.db.prepare('delete from shares where pseudonym = ? and generation <= ?').run(pseudonym, upTo)
    this.db
      .prepare(
        'insert into erased values (?, ?) on conflict do update set generation = max(generation, excluded.generation)',
      )
      .run(this.#wrapping.nameOf(pseudonym), upTo)
  }

  /** After a destruction: between transactions the journal counts for nothing, and still holds the pages as they were. */
  overwriteJournal(): void {
    if (!existsSync(this.#journal)) return
    const { size } = statSync(this.#journal)
    const file = openSync(this.#journal, 'r+')
    try {
      writeSync(file, Buffer.alloc(size), 0, size, 0)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }

  counts(): { readonly people: number; readonly erased: number; readonly grants: number; readonly given: number } {
    const one = (sql: string) => Number(this.db.prepare(sql).get()?.n ?? 0)
    return {
      people: one(
        `select count(distinct pseudonym) as n from shares where pseudonym not like '${RELEASE_SHARE_PREFIX}%'`,
      ),
      erased: one('select count(*) as n from erased'),
      grants: one('select count(*) as n from grants where activation is not null and ended = 0'),
      given: one('select coalesce(sum(items), 0) as n from given'),
    }
  }

  close(): void {
    this.db.close()
  }
}

function openFile(folder: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = join(folder, 'keeper.sqlite')
    // Made first, for its owner alone; SQLite gives its journals the same mode.
    closeSync(openSync(file, 'a', 0o600))
    const db = new DatabaseSync(file)
    db.exec(
      'pragma locking_mode = exclusive; pragma journal_mode = persist; pragma synchronous = full; pragma secure_delete = on',
    )
    // Takes the lock now: two keepers on one folder would see different things.
    db.exec('begin exclusive; commit')
    return db
  } catch (cause) {
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) {
      throw new FairtraceError('DATA_IN_USE', 'another keeper runs on this folder', { cause })
    }
    throw unusable("the keeper's folder can't be opened", cause)
  }
}

function transaction(db: DatabaseSync, work: () => void): void {
  db.exec('begin immediate')
  try {
    work()
    db.exec('commit')
  } catch (error) {
    db.exec('rollback')
    throw error
  }
}

function shareContext(pseudonym: string, generation: number): string {
  return `fairtrace/keeper-share/v1\n${pseudonym}\n${generation}`
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FairtraceError('KEY_UNAVAILABLE', "the keeper's store is damaged")
  return value
}

function unusable(message: string, cause?: unknown): FairtraceError {
  return new FairtraceError('DATA_DIR_UNUSABLE', message, { cause })
}
