/**
 * One opening, after it was allowed: log → the keeper's shares, slice by slice → content keys, sealed to whom they are for.
 *
 * No log, no key; and no key without the keeper, who reads the log for itself. What fails at any point opens nothing.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { FairtraceError, KEEPER_ITEMS_MAX, KEEPER_SHARES_INFO, type KeeperItem, sliceDigest } from '@fairtrace/core'
import { sql } from 'kysely'
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import { noteAccess } from './access-notices.ts'
import { unwrapContentKey } from './content-key-wrap.ts'
import { generateX25519, hpkeOpen, hpkeSeal, type X25519KeyPair, x25519KeyPair } from './hpke.ts'
import type { KeeperClient } from './keeper-client.ts'
import type { Keystore } from './keystore.ts'
import { openUnderPeriod } from './periods.ts'
import { isVouched, KEYS_COLUMNS, type KeysRow, type KeysVouched } from './public-keys.ts'
import { witnessedProof } from './witnessed-proof.ts'

export const CONTENT_KEY_INFO = 'fairtrace/content-key/v1'
/** Content keys between two turns of the event loop. */
const KEYS_AT_ONCE = 20
const SHARE_BYTES = 32

/** A content key as the recipient gets it. */
export interface OpenedKey {
  readonly contentKeyId: string
  readonly enc: string
  readonly sealed: string
}

export interface OpeningInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly keeper: KeeperClient
  readonly vouched: KeysVouched
}

/** What is opened, by whom it was allowed, and what the keeper is asked. */
export interface Opening {
  readonly id: string
  /** Raw X25519 public key, base64url. */
  readonly recipientKey: string
  /** Whose content keys; null for everybody's. */
  readonly pseudonym: string | null
  readonly entryType: string
  /** What the ledger's entry says besides the slices. */
  readonly detail: Readonly<Record<string, unknown>>
  /** Asked again before each slice: the time it takes may end what allowed it. */
  requireStillAllowed(): void
  /** The keeper's part of one slice. */
  askKeeper(
    slice: { readonly items: KeeperItem[]; readonly replyKey: string },
    logged: { readonly type: string; readonly detail: unknown; readonly proof: string },
  ): Promise<{ readonly result: { readonly enc: string; readonly sealed: string }; readonly nonce: string }>
}

interface StoredKey {
  readonly id: string
  readonly pseudonym: string
  readonly generation: number
  readonly enc: Buffer
  readonly sealed: Buffer
  readonly period: string
}

/** @returns the entry's place in the ledger, and the keys; who was erased or whose retention is over is not among them */
export async function openContentKeys(
  opening: Opening,
  input: OpeningInput,
): Promise<{ readonly index: number; readonly keys: readonly OpenedKey[] }> {
  const stored = await storedKeys(input.database, opening.pseudonym)
  const slices: StoredKey[][] = []
  for (let i = 0; i < stored.length; i += KEEPER_ITEMS_MAX) slices.push(stored.slice(i, i + KEEPER_ITEMS_MAX))
  const detail = {
    opening: opening.id,
    ...opening.detail,
    slices: slices.map((slice) => sliceDigest(slice.map(itemOf))),
    contentKeys: stored.length,
  }
  const logged = await appendToLedger(input.database, opening.entryType, detail, { waitForCheckpoint: true })
  input.keystore.keepLedgerDetail(logged.index, opening.entryType, logged.salt, detail)
  // Before any key: whom it concerns can always be told.
  const pseudonyms = stored.map(({ pseudonym }) => pseudonym)
  await noteAccess(input.database, { ...logged, type: opening.entryType, detail, pseudonyms })
  const opener = new Opener(input, opening.recipientKey)
  for (const slice of slices) {
    const proof = await witnessedProof(input.database, logged.index, logged.salt, input.keeper)
    opening.requireStillAllowed()
    const reply = generateX25519()
    const replyKey = reply.publicKeyRaw.toString('base64url')
    const claim = { type: opening.entryType, detail, proof }
    const { result, nonce } = await opening.askKeeper({ items: slice.map(itemOf), replyKey }, claim)
    await opener.open(slice, sharesFrom(result, nonce, reply, slice.length))
    opening.requireStillAllowed()
  }
  return { index: logged.index, keys: opener.keys }
}

/** Writes the answer, without the keys of who was erased while it was made. The rows are held, so that an erasure comes before or after. */
export async function writeAnswer(
  database: OpenDatabase,
  table: 'vault.openings' | 'vault.own_openings',
  id: string,
  index: number,
  keys: readonly OpenedKey[],
): Promise<void> {
  await database.db.transaction().execute(async (trx) => {
    const held = await sql<{ id: string }>`
      select c.id from vault.content_keys c
      join vault.participant_keys p on p.pseudonym = c.pseudonym and p.generation = c.generation
      where c.id = any(${keys.map((key) => key.contentKeyId)}) order by c.id for key share of c, p
    `.execute(trx)
    const ids = new Set(held.rows.map((row) => row.id))
    await trx
      .updateTable(table)
      .set({
        state: 'opened',
        ledger_index: index,
        answer: JSON.stringify({ keys: keys.filter((key) => ids.has(key.contentKeyId)) }),
      })
      .where('id', '=', id)
      .where('state', '=', 'requested')
      .execute()
  })
}

/** Unwraps slices with the vault's halves and the keeper's shares. */
class Opener {
  readonly keys: OpenedKey[] = []
  readonly #input: OpeningInput
  readonly #recipient: Buffer
  readonly #people = new Map<string, { readonly pair: X25519KeyPair; readonly row: KeysRow } | null>()
  readonly #periods = new Map<string, Buffer | null>()

  constructor(input: OpeningInput, recipientKey: string) {
    this.#input = input
    this.#recipient = Buffer.from(recipientKey, 'base64url')
  }

  async open(slice: readonly StoredKey[], shares: Buffer): Promise<void> {
    await this.#loadPeople(slice)
    for (const [i, row] of slice.entries()) {
      const keeperShare = shares.subarray(i * SHARE_BYTES, (i + 1) * SHARE_BYTES)
      const person = this.#people.get(nameOf(row)) ?? null
      const period = await this.#period(row.period)
      // The halves of who was erased are gone for good, and so is the day's key of what is too old; the others still open.
      if (person === null || period === null || keeperShare.every((byte) => byte === 0)) continue
      const contentKey = unwrapContentKey({
        name: row,
        keys: { vaultKey: person.row.public_key, keeperKey: person.row.keeper_public_key },
        enc: row.enc,
        sealed: openUnderPeriod({ id: row.period, key: period }, row.id, row.sealed),
        vaultPrivate: person.pair.privateKey,
        keeperShare,
      })
      const { enc, ciphertext } = hpkeSeal(this.#recipient, CONTENT_KEY_INFO, Buffer.from(row.id), contentKey)
      contentKey.fill(0)
      this.keys.push({
        contentKeyId: row.id,
        enc: enc.toString('base64url'),
        sealed: ciphertext.toString('base64url'),
      })
      if (this.keys.length % KEYS_AT_ONCE === 0) await breathe()
    }
    shares.fill(0)
  }

  async #loadPeople(slice: readonly StoredKey[]): Promise<void> {
    const missing = slice.filter((row) => !this.#people.has(nameOf(row)))
    if (missing.length === 0) return
    const { rows } = await this.#input.database.pool.query<KeysRow>(
      `select ${KEYS_COLUMNS} from vault.participant_keys where pseudonym = any($1)`,
      [[...new Set(missing.map(({ pseudonym }) => pseudonym))]],
    )
    const known = new Map(rows.map((row) => [nameOf(row), row]))
    for (const { pseudonym, generation } of missing) {
      const name = nameOf({ pseudonym, generation })
      if (this.#people.has(name)) continue
      const row = known.get(name)
      const raw = await this.#input.keystore.participant(pseudonym, generation)
      const isWhole = row !== undefined && raw !== null && isVouched(row, this.#input.vouched)
      this.#people.set(name, isWhole ? { pair: x25519KeyPair(raw), row } : null)
    }
  }

  async #period(id: string): Promise<Buffer | null> {
    const known = this.#periods.get(id)
    if (known !== undefined) return known
    const key = await this.#input.keystore.period(id)
    this.#periods.set(id, key)
    return key
  }
}

async function storedKeys({ db }: OpenDatabase, pseudonym: string | null): Promise<StoredKey[]> {
  return await db
    .selectFrom('vault.content_keys')
    .select(['id', 'pseudonym', 'generation', 'enc', 'sealed', 'period'])
    .$if(pseudonym !== null, (query) => query.where('pseudonym', '=', pseudonym ?? ''))
    .orderBy('id')
    .execute()
}

function itemOf({ id, pseudonym, generation, enc }: StoredKey): KeeperItem {
  return { contentKeyId: id, pseudonym, generation, e: enc.toString('base64url') }
}

function nameOf({ pseudonym, generation }: { readonly pseudonym: string; readonly generation: number }): string {
  return `${pseudonym} ${generation}`
}

/** @throws `KEEPER_UNTRUSTED` */
function sharesFrom(
  { enc, sealed }: { readonly enc: string; readonly sealed: string },
  nonce: string,
  reply: X25519KeyPair,
  count: number,
): Buffer {
  try {
    const shares = hpkeOpen({
      ...reply,
      enc: Buffer.from(enc, 'base64url'),
      info: KEEPER_SHARES_INFO,
      aad: Buffer.from(nonce),
      ciphertext: Buffer.from(sealed, 'base64url'),
    })
    if (shares.length === count * SHARE_BYTES) return shares
  } catch {
    // Fails closed, as anything else that is not what was asked for.
  }
  throw new FairtraceError('KEEPER_UNTRUSTED', "the keeper's shares do not open, or are not as many as were asked for")
}
