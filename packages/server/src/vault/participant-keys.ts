/** Key pairs of participants, made when the portal asks at consent. */
import type { OpenDatabase } from '../store/database.ts'
import { generateX25519, type X25519KeyPair, x25519KeyPair, x25519PrivateRaw } from './hpke.ts'
import type { Keystore } from './keystore.ts'

const REQUESTS_AT_ONCE = 500
const FIRST_GENERATION = 1

/**
 * Serves every waiting request. The private half is durable before the public one can be seen: the other way round, a
 * batch could be encrypted to a key that nobody has.
 * @returns how many were served
 */
export async function serveKeyRequests(database: OpenDatabase, keystore: Keystore): Promise<number> {
  let served = 0
  for (;;) {
    const requests = await database.db
      .selectFrom('vault.key_requests')
      .select('pseudonym')
      .limit(REQUESTS_AT_ONCE)
      .execute()
    if (requests.length === 0) return served
    const pairs = await Promise.all(
      requests.map(async ({ pseudonym }) => ({ pseudonym, pair: await pairOf(keystore, pseudonym) })),
    )
    await keystore.putParticipants(
      pairs.map(({ pseudonym, pair }) => ({
        pseudonym,
        generation: FIRST_GENERATION,
        privateKey: x25519PrivateRaw(pair.privateKey),
      })),
    )
    await database.db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('vault.participant_keys')
        .values(
          pairs.map(({ pseudonym, pair }) => ({
            pseudonym,
            generation: FIRST_GENERATION,
            public_key: pair.publicKeyRaw,
          })),
        )
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      await transaction
        .deleteFrom('vault.key_requests')
        .where(
          'pseudonym',
          'in',
          pairs.map(({ pseudonym }) => pseudonym),
        )
        .execute()
    })
    served += requests.length
  }
}

/** After a crash between keystore and database the pair is there already; another one would not match. */
async function pairOf(keystore: Keystore, pseudonym: string): Promise<X25519KeyPair> {
  const existing = await keystore.participant(pseudonym, FIRST_GENERATION)
  return existing === null ? generateX25519() : x25519KeyPair(existing)
}
