/**
 * The vault's key of each UTC day: made a day ahead, signed, published; its private half is destroyed once nothing can need it.
 *
 * Devices upload once a day, so a key gets two days of grace after it closes. Then it goes in two steps: it is published as
 * destroyed, so that intake refuses it, and one settling time later, with no batch under it left in the inbox, the private half
 * is erased. After that a stolen copy of the traffic opens for nobody.
 */
import { createHash, type KeyObject, sign } from 'node:crypto'
import { type Clock, FairtraceError } from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import type { Signer } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { generateX25519, x25519KeyPair, x25519PrivateRaw } from './hpke.ts'
import type { Keystore } from './keystore.ts'

export const DAY_MS = 86_400_000
export const DAY_KEY_GRACE_MS = 2 * DAY_MS
/** Longer than intake keeps a key in its cache. */
const SETTLING_MS = 90_000

export interface DayKey {
  readonly keyId: string
  readonly privateKey: KeyObject
  readonly publicKeyRaw: Buffer
}

export interface DayKeysInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly signer: Signer
  readonly clock: Clock
  /** Shorter in tests alone. */
  readonly settlingMs?: number
}

/** The text that the vault signs for a day's key; devices check it with the charter's `keys.vault`. */
export function dayKeyStatement(
  programme: string,
  key: {
    readonly keyId: string
    readonly publicKey: string
    readonly opensAtMs: number
    readonly closesAtMs: number
  },
): string {
  return `fairtrace/day-key/v1\n${programme}\n${key.keyId}\n${key.publicKey}\n${key.opensAtMs}\n${key.closesAtMs}\n`
}

export class DayKeys {
  readonly #input: DayKeysInput
  /** When each key was seen as published destroyed, on the process's own clock. */
  readonly #settlingSince = new Map<string, number>()
  #open: readonly DayKey[] = []

  constructor(input: DayKeysInput) {
    this.#input = input
  }

  /** Keys whose private half is here. A new array whenever it changes. */
  get open(): readonly DayKey[] {
    return this.#open
  }

  /**
   * Makes what is missing and destroys what is over. Call from time to time, never twice at once.
   * @throws `LEDGER_UNAVAILABLE`, `KEY_UNAVAILABLE`; the next call takes up where this one stopped
   */
  async tick(programme: Programme): Promise<void> {
    const { signer, clock } = this.#input
    if (signer.publicKey !== programme.charter.keys.vault) {
      throw new FairtraceError('KEY_UNAVAILABLE', "the vault's signing key is not the one in the charter")
    }
    await this.#dropUnpublished()
    await this.#load()
    const today = Math.floor(clock.nowMs() / DAY_MS) * DAY_MS
    for (const opensAtMs of [today, today + DAY_MS]) await this.#ensure(programme, opensAtMs)
    await this.#retire()
    await this.#load()
  }

  /** A private half without a published row comes from a crash in between; no device ever saw its public half. */
  async #dropUnpublished(): Promise<void> {
    const { keystore, database } = this.#input
    const rows = await database.db.selectFrom('vault.day_keys').select('key_id').execute()
    const published = new Set(rows.map((row) => row.key_id))
    for (const keyId of keystore.dayKeyIds()) if (!published.has(keyId)) keystore.destroyDay(keyId)
  }

  async #ensure(programme: Programme, opensAtMs: number): Promise<void> {
    const { database, keystore, signer } = this.#input
    const rows = await database.db
      .selectFrom('vault.day_keys')
      .select('key_id')
      .where('opens_at_ms', '=', opensAtMs)
      .where('destroyed', '=', false)
      .execute()
    // A key whose private half is gone (a lost keystore) would take batches that nobody can open.
    if (rows.some((row) => this.#open.some((key) => key.keyId === row.key_id))) return
    const pair = generateX25519()
    const keyId = createHash('sha256').update(pair.publicKeyRaw).digest('hex').slice(0, 16)
    const key = {
      keyId,
      publicKey: pair.publicKeyRaw.toString('base64url'),
      opensAtMs,
      closesAtMs: opensAtMs + DAY_MS,
    }
    await keystore.putDay(keyId, x25519PrivateRaw(pair.privateKey))
    await this.#log({ event: 'created', ...key })
    const statement = Buffer.from(dayKeyStatement(programme.id, key))
    await database.db
      .insertInto('vault.day_keys')
      .values({
        key_id: keyId,
        public_key: pair.publicKeyRaw,
        opens_at_ms: opensAtMs,
        closes_at_ms: key.closesAtMs,
        signature: sign(null, statement, signer.privateKey).toString('base64url'),
      })
      .execute()
    await this.#load()
  }

  async #retire(): Promise<void> {
    const { database, keystore, clock, settlingMs = SETTLING_MS } = this.#input
    const over = await database.db
      .selectFrom('vault.day_keys')
      .select(['key_id', 'destroyed'])
      .where('closes_at_ms', '<=', clock.nowMs() - DAY_KEY_GRACE_MS)
      .where('key_id', 'in', [...keystore.dayKeyIds(), ''])
      .execute()
    for (const { key_id: keyId, destroyed } of over) {
      if (await this.#isAwaited(keyId)) continue
      if (!destroyed) {
        await database.db.updateTable('vault.day_keys').set({ destroyed: true }).where('key_id', '=', keyId).execute()
      }
      const since = this.#settlingSince.get(keyId) ?? performance.now()
      this.#settlingSince.set(keyId, since)
      // Intake may have let a batch in from its cache after the look above: look again once it can't any more.
      if (performance.now() - since < settlingMs) continue
      // Logged first: after a crash in between it is logged and erased again, and never erased without an entry.
      await this.#log({ event: 'destroyed', keyId })
      keystore.destroyDay(keyId)
      this.#settlingSince.delete(keyId)
    }
  }

  async #isAwaited(keyId: string): Promise<boolean> {
    const { db } = this.#input.database
    const waiting = db.selectFrom('inbox.batches').select('vault_key_id').where('vault_key_id', '=', keyId)
    const held = db.selectFrom('inbox.held').select('vault_key_id').where('vault_key_id', '=', keyId)
    return (await waiting.unionAll(held).limit(1).executeTakeFirst()) !== undefined
  }

  async #load(): Promise<void> {
    const { keystore } = this.#input
    const ids = keystore.dayKeyIds()
    if (ids.length === this.#open.length && this.#open.every((key) => ids.includes(key.keyId))) return
    const keys: DayKey[] = []
    for (const keyId of ids) {
      const raw = await keystore.day(keyId)
      if (raw !== null) keys.push({ keyId, ...x25519KeyPair(raw) })
    }
    this.#open = keys
  }

  async #log(detail: Readonly<Record<string, unknown>>): Promise<void> {
    const { database, keystore } = this.#input
    const { index, salt } = await appendToLedger(database, 'vault.day-key', detail, { waitForCheckpoint: false })
    keystore.keepLedgerDetail(index, 'vault.day-key', salt, detail)
  }
}
