/** Passkeys in the database: public keys and counters, under a person's key. */
import type { OpenDatabase } from '../store/database.ts'

export interface StoredPasskey {
  /** Credential id, base64url. */
  readonly id: string
  /** COSE. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly counter: number
  readonly usableFromMs: number
}

export class PasskeyStore {
  readonly #database: OpenDatabase

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  async of(owner: string): Promise<readonly StoredPasskey[]> {
    const rows = await this.#database.db
      .selectFrom('consent.passkeys')
      .select(['credential_id', 'public_key', 'counter', 'usable_from_ms'])
      .where('owner', '=', owner)
      .orderBy('usable_from_ms')
      .orderBy('credential_id')
      .execute()
    return rows.map(({ credential_id, public_key, counter, usable_from_ms }) => ({
      id: credential_id,
      publicKey: new Uint8Array(public_key),
      counter,
      usableFromMs: usable_from_ms,
    }))
  }

  /**
   * Adds a passkey as `usableFromMs` decides from the number that the person has; null refuses it. Two that race are
   * decided one after the other.
   * @returns the number that they had and what was decided, or null if it was refused or the credential is known already
   */
  async add(
    owner: string,
    passkey: Omit<StoredPasskey, 'usableFromMs'>,
    usableFromMs: (count: number) => number | null,
  ): Promise<{ readonly countBefore: number; readonly usableFromMs: number } | null> {
    return await this.#database.db.transaction().execute(async (trx) => {
      await trx
        .selectNoFrom((eb) =>
          eb.fn('pg_advisory_xact_lock', [eb.fn('hashtextextended', [eb.val(owner), eb.val(0)])]).as('locked'),
        )
        .execute()
      const { count } = await trx
        .selectFrom('consent.passkeys')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow()
      const decided = usableFromMs(Number(count))
      if (decided === null) return null
      const row = await trx
        .insertInto('consent.passkeys')
        .values({
          credential_id: passkey.id,
          owner,
          public_key: Buffer.from(passkey.publicKey),
          counter: passkey.counter,
          usable_from_ms: decided,
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('credential_id')
        .executeTakeFirst()
      return row === undefined ? null : { countBefore: Number(count), usableFromMs: decided }
    })
  }

  /**
   * Moves the counter on; one that always says 0 counts nothing and stays there.
   * @returns false if it would not move: then the same key answers from two places, or an answer came twice
   */
  async moveCounter(owner: string, id: string, counter: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.db
      .updateTable('consent.passkeys')
      .set({ counter })
      .where('credential_id', '=', id)
      .where('owner', '=', owner)
      .where((eb) => (counter === 0 ? eb('counter', '=', 0) : eb('counter', '<', counter)))
      .executeTakeFirst()
    return numUpdatedRows === 1n
  }

  async remove(owner: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#database.db
      .deleteFrom('consent.passkeys')
      .where('credential_id', '=', id)
      .where('owner', '=', owner)
      .executeTakeFirst()
    return numDeletedRows === 1n
  }
}
