/**
 * The vault's private keys, in a SQLite file of their own outside every backup, each wrapped by the key management.
 *
 * SQLite, because destroying a key must reach the disk: `secure_delete` overwrites what is deleted, `synchronous = FULL`
 * flushes before a call returns, and the journal, which holds what was there before, is overwritten after each destruction.
 * PostgreSQL holds public halves alone, so neither a dump nor its write-ahead log brings a key back.
 *
 * Everything secret is wrapped under the newest of the key-encryption keys (`wrapping-keys.ts`).
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FairtraceError } from '@fairtrace/core'
import type { Kms } from './kms.ts'
import { WRAPPING_KEYS_SCHEMA, type WrappedSecret, WrappingKeys } from './wrapping-keys.ts'

const SCHEMA = `
${WRAPPING_KEYS_SCHEMA}
create table if not exists participant_keys (
  pseudonym text not null, generation integer not null, wrapping_key integer not null, wrapped blob not null,
  primary key (pseudonym, generation)
) strict;
create table if not exists day_keys (
  key_id text primary key, wrapping_key integer not null, wrapped blob not null
) strict;
create table if not exists period_keys (
  id text primary key, day integer not null, keep_ms integer not null, wrapping_key integer not null,
  wrapped blob not null, unique (day, keep_ms)
) strict;
create table if not exists ended_periods (id text primary key) strict;
create table if not exists secrets (
  name text primary key, wrapping_key integer not null, wrapped blob not null
) strict;
create table if not exists facts (name text primary key, value text not null) strict;
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

/** A key under which the content keys of one day lie. Its id says nothing of the day. */
export interface PeriodKey {
  readonly id: string
  /** 32 bytes. */
  readonly key: Uint8Array
}

/** What a secret of each table is, for its wrapping; and by which columns its row is found. */
const WRAPPED_TABLES = [
  { table: 'participant_keys', names: ['pseudonym', 'generation'], context: 'fairtrace/participant-key/v1' },
  { table: 'day_keys', names: ['key_id'], context: 'fairtrace/day-private-key/v1' },
  { table: 'period_keys', names: ['id'], context: 'fairtrace/period-key/v1' },
  { table: 'secrets', names: ['name'], context: 'fairtrace/secret/v1' },
] as const
type WrappedTable = (typeof WRAPPED_TABLES)[number]['table']

export class Keystore {
  readonly wrappingKeys: WrappingKeys
  readonly #db: DatabaseSync
  readonly #journal: string

  /** @throws `KEY_UNAVAILABLE` if the file can't be opened or is damaged */
  constructor(keysDir: string, kms: Kms) {
    try {
      mkdirSync(keysDir, { recursive: true, mode: 0o700 })
      const file = join(keysDir, 'keystore.sqlite')
      this.#journal = `${file}-journal`
      // Made first, for its owner alone; SQLite gives its journals the same mode.
      closeSync(openSync(file, 'a', 0o600))
      this.#db = new DatabaseSync(file)
      // The journal stays where it is between transactions, so that it can be overwritten there.
      this.#db.exec('pragma journal_mode = persist; pragma synchronous = full; pragma secure_delete = on')
      this.#db.exec(SCHEMA)
      this.#overwriteJournal()
    } catch (cause) {
      throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore does not open', { cause })
    }
    this.wrappingKeys = new WrappingKeys(this.#db, kms)
  }

  /** Durable for all or for none. Keys that are there already stay as they are. */
  async putParticipants(keys: readonly ParticipantKey[]): Promise<void> {
    const rows: { names: readonly [string, number]; secret: WrappedSecret }[] = []
    for (const { pseudonym, generation, privateKey } of keys) {
      const names = [pseudonym, generation] as const
      rows.push({ names, secret: await this.#wrap('participant_keys', names, privateKey) })
    }
    this.#transaction(() => {
      const insert = this.#db.prepare('insert into participant_keys values (?, ?, ?, ?) on conflict do nothing')
      for (const { names, secret } of rows) {
        this.wrappingKeys.requireKept(secret.wrappingKey)
        insert.run(...names, secret.wrappingKey, secret.wrapped)
      }
    })
  }

  /** @returns `null` if there is no such key (any more) */
  async participant(pseudonym: string, generation: number): Promise<Buffer | null> {
    return await this.#unwrap('participant_keys', [pseudonym, generation])
  }

  /** Destroys keys of the generations up to and with `lastGeneration`: durable when it returns, all or none. */
  destroyParticipants(people: readonly { readonly pseudonym: string; readonly lastGeneration: number }[]): void {
    this.#transaction(() => {
      const remove = this.#db.prepare('delete from participant_keys where pseudonym = ? and generation <= ?')
      const erased = people.filter(({ pseudonym, lastGeneration }) => remove.run(pseudonym, lastGeneration).changes > 0)
      this.#db.prepare('update erasures set people = people + ?').run(erased.length)
    })
    this.#overwriteJournal()
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
    const { wrappingKey, wrapped } = await this.#wrap('day_keys', [keyId], privateKey)
    this.wrappingKeys.requireKept(wrappingKey)
    this.#db.prepare('insert into day_keys values (?, ?, ?)').run(keyId, wrappingKey, wrapped)
  }

  async day(keyId: string): Promise<Buffer | null> {
    return await this.#unwrap('day_keys', [keyId])
  }

  dayKeyIds(): string[] {
    return this.#db
      .prepare('select key_id from day_keys order by key_id')
      .all()
      .map((row) => String(row.key_id))
  }

  destroyDay(keyId: string): void {
    this.#db.prepare('delete from day_keys where key_id = ?').run(keyId)
    this.#overwriteJournal()
  }

  /**
   * The key of a day, made when it is first asked for.
   * @param day in days since 1970 (UTC)
   * @param keepMs retention of what comes under it; each length has its own
   */
  async periodOf(day: number, keepMs: number): Promise<PeriodKey> {
    const idOf = () => this.#db.prepare('select id from period_keys where day = ? and keep_ms = ?').get(day, keepMs)?.id
    if (idOf() === undefined) {
      const made = randomBytes(12).toString('base64url')
      const { wrappingKey, wrapped } = await this.#wrap('period_keys', [made], randomBytes(32))
      this.wrappingKeys.requireKept(wrappingKey)
      this.#db
        .prepare('insert into period_keys values (?, ?, ?, ?, ?) on conflict do nothing')
        .run(made, day, keepMs, wrappingKey, wrapped)
    }
    const id = String(idOf())
    const key = await this.period(id)
    if (key === null) throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore is damaged')
    return { id, key }
  }

  /** @returns `null` once retention has destroyed it */
  async period(id: string): Promise<Buffer | null> {
    return await this.#unwrap('period_keys', [id])
  }

  /** Periods of days before one, first the oldest. */
  periodsBefore(day: number): { readonly id: string; readonly day: number; readonly keepMs: number }[] {
    return this.#db
      .prepare('select id, day, keep_ms from period_keys where day < ? order by day')
      .all(day)
      .map((row) => ({ id: String(row.id), day: Number(row.day), keepMs: Number(row.keep_ms) }))
  }

  /** Durable when it returns. What lay under them is named by `endedPeriods` until it is tidied away. */
  destroyPeriods(ids: readonly string[]): void {
    this.#transaction(() => {
      const remove = this.#db.prepare('delete from period_keys where id = ?')
      const remember = this.#db.prepare('insert into ended_periods values (?) on conflict do nothing')
      for (const id of ids) {
        remove.run(id)
        remember.run(id)
      }
    })
    this.#overwriteJournal()
  }

  endedPeriods(): string[] {
    return this.#db
      .prepare('select id from ended_periods')
      .all()
      .map((row) => String(row.id))
  }

  tidiedPeriod(id: string): void {
    this.#db.prepare('delete from ended_periods where id = ?').run(id)
  }

  /** 32 random bytes under a name, made when they are first asked for. */
  async secret(name: string): Promise<Buffer> {
    const known = await this.#unwrap('secrets', [name])
    if (known !== null) return known
    const { wrappingKey, wrapped } = await this.#wrap('secrets', [name], randomBytes(32))
    this.wrappingKeys.requireKept(wrappingKey)
    this.#db.prepare('insert into secrets values (?, ?, ?) on conflict do nothing').run(name, wrappingKey, wrapped)
    const made = await this.#unwrap('secrets', [name])
    if (made === null) throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore is damaged')
    return made
  }

  /** Durable when it returns. */
  destroySecret(name: string): void {
    this.#db.prepare('delete from secrets where name = ?').run(name)
    this.#overwriteJournal()
  }

  /** Something small that must not be rolled back with the database. Not secret. */
  fact(name: string): string | null {
    const row = this.#db.prepare('select value from facts where name = ?').get(name)
    return row === undefined ? null : String(row.value)
  }

  keepFact(name: string, value: string): void {
    this.#db.prepare('insert or replace into facts values (?, ?)').run(name, value)
  }

  /**
   * Wraps up to `count` secrets anew that an older key-encryption key wraps. Durable when it resolves.
   * @returns how many were found; fewer than `count` if no more are left
   */
  async rewrapSome(olderThan: number, count: number): Promise<number> {
    let found = 0
    for (const { table, names } of WRAPPED_TABLES) {
      if (found >= count) break
      const rows = this.#db
        .prepare(`select ${names.join(', ')} from ${table} where wrapping_key < ? limit ?`)
        .all(olderThan, count - found)
      found += rows.length
      const fresh: { names: (string | number)[]; secret: WrappedSecret }[] = []
      for (const row of rows) {
        const values = names.map((name) => (typeof row[name] === 'number' ? Number(row[name]) : String(row[name])))
        const secret = await this.#unwrap(table, values)
        // Destroyed meanwhile.
        if (secret !== null) fresh.push({ names: values, secret: await this.#wrap(table, values, secret) })
      }
      this.#transaction(() => {
        const where = names.map((name) => `${name} = ?`).join(' and ')
        const update = this.#db.prepare(`update ${table} set wrapping_key = ?, wrapped = ? where ${where}`)
        for (const { names: values, secret } of fresh) update.run(secret.wrappingKey, secret.wrapped, ...values)
      })
    }
    this.#overwriteJournal()
    return found
  }

  /** @returns whether nothing is wrapped under it; then nothing ever will be again */
  doomUnused(wrappingKey: number): boolean {
    const isUsed = WRAPPED_TABLES.some(
      ({ table }) =>
        this.#db.prepare(`select 1 from ${table} where wrapping_key = ? limit 1`).get(wrappingKey) !== undefined,
    )
    // No other work comes between: SQLite answers without waiting, and this process has the only connection.
    if (!isUsed) this.wrappingKeys.doom(wrappingKey)
    return !isUsed
  }

  /** What an entry of the ledger commits to: without detail and salt nobody can ever show what it says. */
  keepLedgerDetail(index: number, type: string, salt: string, detail: unknown): void {
    this.#db
      .prepare('insert into ledger_details values (?, ?, ?, ?) on conflict do nothing')
      .run(index, type, salt, JSON.stringify(detail))
  }

  close(): void {
    this.wrappingKeys.forget()
    this.#db.close()
  }

  async #wrap(table: WrappedTable, names: readonly (string | number)[], secret: Uint8Array): Promise<WrappedSecret> {
    return await this.wrappingKeys.wrap(contextOf(table, names), secret)
  }

  async #unwrap(table: WrappedTable, names: readonly (string | number)[]): Promise<Buffer | null> {
    const columns = columnsOf(table)
    const where = columns.names.map((name) => `${name} = ?`).join(' and ')
    const row = this.#db.prepare(`select wrapping_key, wrapped from ${table} where ${where}`).get(...names)
    if (row === undefined) return null
    const secret = { wrappingKey: Number(row.wrapping_key), wrapped: bytesOf(row.wrapped) }
    return await this.wrappingKeys.unwrap(contextOf(table, names), secret)
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

  /** Between transactions the journal counts for nothing, and still holds the pages as they were: with what was deleted. */
  #overwriteJournal(): void {
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
}

function columnsOf(table: WrappedTable): (typeof WRAPPED_TABLES)[number] {
  const found = WRAPPED_TABLES.find((one) => one.table === table)
  if (found === undefined) throw new FairtraceError('INTERNAL', 'no such table in the keystore')
  return found
}

/** A wrapped secret opens as what it is alone: under another name it is another person's, or another day's. */
function contextOf(table: WrappedTable, names: readonly (string | number)[]): string {
  return [columnsOf(table).context, ...names].join('\n')
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore is damaged')
  return value
}
