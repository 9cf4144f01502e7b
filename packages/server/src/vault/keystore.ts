/**
 * The vault's private keys, in a SQLite file of their own outside every backup, each wrapped by the key management.
 *
 * SQLite, because destroying a key must reach the disk: `secure_delete` overwrites what is deleted, and
 * `synchronous = FULL` flushes before a call returns. PostgreSQL holds public halves alone, so neither a dump nor its
 * write-ahead log brings a key back.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FairtraceError } from '@fairtrace/core'
import type { Kms } from './kms.ts'

const SCHEMA = `
create table if not exists participant_keys (
  pseudonym text not null, generation integer not null, wrapped blob not null, primary key (pseudonym, generation)
) strict;
create table if not exists day_keys (key_id text primary key, wrapped blob not null) strict;
create table if not exists ledger_details (
  ledger_index integer primary key, type text not null, salt text not null, detail text not null
) strict;
create table if not exists erasures (
  only_one integer primary key check (only_one = 1), since_day integer, people integer not null
) strict;
insert into erasures values (1, null, 0) on conflict do nothing;
`

export interface ParticipantKey {
  readonly pseudonym: string
  readonly generation: number
  /** Raw X25519 private key, 32 bytes. */
  readonly privateKey: Uint8Array
}

export class Keystore {
  readonly #db: DatabaseSync
  readonly #kms: Kms

  /** @throws `KEY_UNAVAILABLE` if the file can't be opened or is damaged */
  constructor(keysDir: string, kms: Kms) {
    this.#kms = kms
    try {
      mkdirSync(keysDir, { recursive: true, mode: 0o700 })
      const file = join(keysDir, 'keystore.sqlite')
      // Made first, for its owner alone; SQLite gives its journals the same mode.
      closeSync(openSync(file, 'a', 0o600))
      this.#db = new DatabaseSync(file)
      this.#db.exec('pragma journal_mode = delete; pragma synchronous = full; pragma secure_delete = on')
      this.#db.exec(SCHEMA)
    } catch (cause) {
      throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore does not open', { cause })
    }
  }

  /** Durable for all or for none. Keys that are there already stay as they are. */
  async putParticipants(keys: readonly ParticipantKey[]): Promise<void> {
    const rows = await Promise.all(
      keys.map(async ({ pseudonym, generation, privateKey }) => ({
        pseudonym,
        generation,
        wrapped: await this.#kms.wrap(participantContext(pseudonym, generation), privateKey),
      })),
    )
    this.#transaction(() => {
      const insert = this.#db.prepare('insert into participant_keys values (?, ?, ?) on conflict do nothing')
      for (const { pseudonym, generation, wrapped } of rows) insert.run(pseudonym, generation, wrapped)
    })
  }

  /** @returns `null` if there is no such key (any more) */
  async participant(pseudonym: string, generation: number): Promise<Buffer | null> {
    const row = this.#db
      .prepare('select wrapped from participant_keys where pseudonym = ? and generation = ?')
      .get(pseudonym, generation)
    return row === undefined
      ? null
      : await this.#kms.unwrap(participantContext(pseudonym, generation), bytesOf(row.wrapped))
  }

  /** Destroys keys of the generations up to and with `lastGeneration`: durable when it returns, all or none. */
  destroyParticipants(people: readonly { readonly pseudonym: string; readonly lastGeneration: number }[]): void {
    this.#transaction(() => {
      const remove = this.#db.prepare('delete from participant_keys where pseudonym = ? and generation <= ?')
      const erased = people.filter(({ pseudonym, lastGeneration }) => remove.run(pseudonym, lastGeneration).changes > 0)
      this.#db.prepare('update erasures set people = people + ?').run(erased.length)
    })
  }

  /** How many people were erased since a day, for the ledger; `today` if nothing was counted before. */
  erasures(today: number): { readonly sinceDay: number; readonly people: number } {
    this.#db.prepare('update erasures set since_day = ? where since_day is null').run(today)
    const row = this.#db.prepare('select since_day, people from erasures').get()
    return { sinceDay: Number(row?.since_day), people: Number(row?.people) }
  }

  erasuresReported(day: number, people: number): void {
    this.#db.prepare('update erasures set since_day = ?, people = people - ?').run(day, people)
  }

  async putDay(keyId: string, privateKey: Uint8Array): Promise<void> {
    const wrapped = await this.#kms.wrap(dayContext(keyId), privateKey)
    this.#db.prepare('insert into day_keys values (?, ?)').run(keyId, wrapped)
  }

  async day(keyId: string): Promise<Buffer | null> {
    const row = this.#db.prepare('select wrapped from day_keys where key_id = ?').get(keyId)
    return row === undefined ? null : await this.#kms.unwrap(dayContext(keyId), bytesOf(row.wrapped))
  }

  dayKeyIds(): string[] {
    return this.#db
      .prepare('select key_id from day_keys order by key_id')
      .all()
      .map((row) => String(row.key_id))
  }

  destroyDay(keyId: string): void {
    this.#db.prepare('delete from day_keys where key_id = ?').run(keyId)
  }

  /** What an entry of the ledger commits to: without detail and salt nobody can ever show what it says. */
  keepLedgerDetail(index: number, type: string, salt: string, detail: unknown): void {
    this.#db
      .prepare('insert into ledger_details values (?, ?, ?, ?) on conflict do nothing')
      .run(index, type, salt, JSON.stringify(detail))
  }

  close(): void {
    this.#db.close()
  }

  #transaction(work: () => void): void {
    this.#db.exec('begin immediate')
    try {
      work()
      this.#db.exec('commit')
    } catch (error) {
      this.#db.exec('rollback')
      throw error
    }
  }
}

function participantContext(pseudonym: string, generation: number): string {
  return `fairtrace/participant-key/v1\n${pseudonym}\n${generation}`
}

function dayContext(keyId: string): string {
  return `fairtrace/day-private-key/v1\n${keyId}`
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore is damaged')
  return value
}
