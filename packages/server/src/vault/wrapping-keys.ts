/**
 * The key-encryption keys of the keystore, in generations. Under the newest one everything is wrapped; an older one is there
 * only while what it wraps is wrapped anew (`key-roll.ts`).
 *
 * Each is 32 random bytes, wrapped by a key of its own in the key management. It stays in memory for a minute after it was
 * unwrapped: a key management that is switched off, or that denies, closes the vault within that time.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { FairtraceError } from '@fairtrace/core'
import { doesNotOpen, type Kms } from './kms.ts'
import { unwrapBytes, wrapBytes } from './wrapped-bytes.ts'

export const WRAPPING_KEYS_SCHEMA = `
create table if not exists wrapping_keys (
  id integer primary key autoincrement,
  name text not null unique,
  state text not null check (state in ('making', 'current', 'old', 'doomed')),
  kms_key text, wrapped blob, fingerprint blob,
  made_on_day integer
) strict;
create unique index if not exists one_current on wrapping_keys (state) where state = 'current';
`
const KEY_BYTES = 32
const IN_MEMORY_MS = 60_000
const STATES = ['making', 'current', 'old'] as const

/** What a secret looks like at rest: which generation wraps it, and how. */
export interface WrappedSecret {
  readonly wrappingKey: number
  readonly wrapped: Uint8Array
}

export interface WrappingKeyRow {
  readonly id: number
  readonly name: string
  /** A doomed one wraps nothing any more and is about to go. */
  readonly state: 'making' | 'current' | 'old' | 'doomed'
  readonly kmsKey: string
  readonly madeOnDay: number
}

export class WrappingKeys {
  readonly #db: DatabaseSync
  readonly #kms: Kms
  readonly #open = new Map<number, { readonly key: Buffer; readonly at: number }>()
  #making: Promise<number> | null = null

  constructor(db: DatabaseSync, kms: Kms) {
    this.#db = db
    this.#kms = kms
  }

  rows(): WrappingKeyRow[] {
    return this.#db
      .prepare('select id, name, state, kms_key, made_on_day from wrapping_keys order by id')
      .all()
      .map((row) => ({
        id: Number(row.id),
        name: String(row.name),
        state: STATES.find((state) => state === row.state) ?? 'doomed',
        kmsKey: String(row.kms_key ?? ''),
        madeOnDay: Number(row.made_on_day ?? 0),
      }))
  }

  /** @throws `KMS_UNAVAILABLE`, `KMS_UNTRUSTED` */
  async wrap(context: string, secret: Uint8Array): Promise<WrappedSecret> {
    const id = this.#currentId() ?? (await this.make(0))
    return { wrappingKey: id, wrapped: wrapBytes(await this.#keyOf(id), context, secret) }
  }

  /** @throws `KEY_UNAVAILABLE`, `KMS_UNAVAILABLE`, `KMS_UNTRUSTED` */
  async unwrap(context: string, { wrappingKey, wrapped }: WrappedSecret): Promise<Buffer> {
    return unwrapBytes(await this.#keyOf(wrappingKey), context, wrapped)
  }

  /**
   * Makes the next generation and makes it the current one. The intention is durable before the key management is asked, so
   * that a crash leaves no key behind that nobody knows.
   * @param today in days since 1970 (UTC)
   */
  make(today: number): Promise<number> {
    this.#making ??= this.#make(today).finally(() => {
      this.#making = null
    })
    return this.#making
  }

  /** From here on nothing is stored under it, also what was wrapped a moment ago. */
  doom(id: number): void {
    this.#db.prepare(`update wrapping_keys set state = 'doomed' where id = ? and state = 'old'`).run(id)
  }

  /**
   * In the transaction that stores what was wrapped.
   * @throws `KEY_UNAVAILABLE` if the generation went in between; whoever stores wraps it again
   */
  requireKept(id: number): void {
    const row = this.#db.prepare(`select 1 from wrapping_keys where id = ? and state in ('current', 'old')`).get(id)
    if (row === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the key-encryption key rolled meanwhile')
  }

  /** Destroys a doomed generation: in the key management, then here. */
  async destroy(row: WrappingKeyRow): Promise<{ readonly revocableUntilMs: number | null }> {
    const answer = await this.#kms.destroyKey(row.kmsKey)
    this.#open.delete(row.id)
    this.#db.prepare(`delete from wrapping_keys where id = ? and state = 'doomed'`).run(row.id)
    return answer
  }

  /** Everything is fetched again from the key management. */
  forget(): void {
    this.#open.clear()
  }

  async #make(today: number): Promise<number> {
    const begun = this.rows().find((row) => row.state === 'making')
    const name = begun?.name ?? `fairtrace-${randomBytes(10).toString('hex')}`
    if (begun === undefined) {
      this.#db.prepare(`insert into wrapping_keys (name, state) values (?, 'making')`).run(name)
    }
    const kmsKey = await this.#kms.createKey(name)
    const key = randomBytes(KEY_BYTES)
    const wrapped = await this.#kms.wrap(kmsKey, contextOf(name), key)
    // Before anything depends on it: a key management that wraps something else would take every key with it.
    const again = await this.#kms.unwrap(kmsKey, contextOf(name), wrapped)
    if (!isSame(again, key)) throw untrusted('does not give back what it was given to wrap')
    this.#db.exec('begin immediate')
    try {
      this.#db.exec(`update wrapping_keys set state = 'old' where state = 'current'`)
      this.#db
        .prepare(
          `update wrapping_keys set state = 'current', kms_key = ?, wrapped = ?, fingerprint = ?, made_on_day = ? where name = ?`,
        )
        .run(kmsKey, wrapped, fingerprint(key), today, name)
      this.#db.exec('commit')
    } catch (error) {
      this.#db.exec('rollback')
      throw error
    }
    const id = this.#currentId()
    if (id === null) throw new FairtraceError('KEY_UNAVAILABLE', 'the keystore is damaged')
    this.#open.set(id, { key, at: performance.now() })
    return id
  }

  #currentId(): number | null {
    const row = this.#db.prepare(`select id from wrapping_keys where state = 'current'`).get()
    return row === undefined ? null : Number(row.id)
  }

  async #keyOf(id: number): Promise<Buffer> {
    const known = this.#open.get(id)
    if (known !== undefined && performance.now() - known.at < IN_MEMORY_MS) return known.key
    this.#open.delete(id)
    const row = this.#db
      .prepare(
        `select name, kms_key, wrapped, fingerprint from wrapping_keys where id = ? and state in ('current', 'old')`,
      )
      .get(id)
    if (row === undefined || !(row.wrapped instanceof Uint8Array) || !(row.fingerprint instanceof Uint8Array)) {
      throw doesNotOpen()
    }
    const key = await this.#kms.unwrap(String(row.kms_key), contextOf(String(row.name)), row.wrapped)
    if (!isSame(fingerprint(key), row.fingerprint)) throw untrusted('gives another key than it was given')
    this.#open.set(id, { key, at: performance.now() })
    return key
  }
}

/** Tells one random key from another, and nothing of the key. */
function fingerprint(key: Uint8Array): Buffer {
  return createHmac('sha256', key).update('fairtrace/wrapping-key-fingerprint/v1').digest()
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function contextOf(name: string): string {
  return `fairtrace/wrapping-key/v1/${name}`
}

function untrusted(what: string): FairtraceError {
  return new FairtraceError('KMS_UNTRUSTED', `the key management ${what}`)
}
