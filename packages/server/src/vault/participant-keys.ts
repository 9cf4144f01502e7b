/**
 * Key pairs of participants: made when the portal asks at a yes, destroyed when it asks at a withdrawal.
 *
 * Each request carries the version of the decision behind it, and the version of the yes is the generation of its pair. So the
 * order in which requests are found decides nothing: a pair lives exactly if no withdrawal has a higher version.
 */
import type { OpenDatabase } from '../store/database.ts'
import { generateX25519, type X25519KeyPair, x25519KeyPair, x25519PrivateRaw } from './hpke.ts'
import type { Keystore } from './keystore.ts'

const REQUESTS_AT_ONCE = 500

/**
 * Serves every waiting request. The private half is durable before the public one can be seen: the other way round, a
 * batch could be encrypted to a key that nobody has.
 * @returns how many were served
 */
export async function serveKeyRequests(database: OpenDatabase, keystore: Keystore): Promise<number> {
  let served = 0
  for (;;) {
    const { rows } = await database.pool.query<{ pseudonym: string; version: number; isNeeded: boolean }>(
      // Needed, unless a pair is there that no waiting erasure will take, or an erasure is newer than the yes itself.
      `select pseudonym, version, not exists (
         select 1 from vault.participant_keys k where k.pseudonym = r.pseudonym and k.generation > r.erased
       ) and version > erased as "isNeeded"
       from (
         select q.pseudonym, max(q.version) as version, coalesce(max(e.version), 0) as erased
         from vault.key_requests q left join vault.erasure_requests e on e.pseudonym = q.pseudonym
         group by q.pseudonym limit $1
       ) r`,
      [REQUESTS_AT_ONCE],
    )
    if (rows.length === 0) return served
    const needed = rows.filter(({ isNeeded }) => isNeeded)
    if (needed.length > 0) await makeKeys(needed, database, keystore)
    await database.pool.query(
      `delete from vault.key_requests r using unnest($1::text[], $2::int[]) as t(pseudonym, version)
       where r.pseudonym = t.pseudonym and r.version <= t.version`,
      [rows.map(({ pseudonym }) => pseudonym), rows.map(({ version }) => version)],
    )
    served += rows.length
  }
}

async function makeKeys(
  requests: readonly { readonly pseudonym: string; readonly version: number }[],
  database: OpenDatabase,
  keystore: Keystore,
): Promise<void> {
  const pairs = await Promise.all(
    requests.map(async ({ pseudonym, version }) => ({
      pseudonym,
      generation: version,
      pair: await pairOf(keystore, pseudonym, version),
    })),
  )
  await keystore.putParticipants(
    pairs.map(({ pseudonym, generation, pair }) => ({
      pseudonym,
      generation,
      privateKey: x25519PrivateRaw(pair.privateKey),
    })),
  )
  await database.db
    .insertInto('vault.participant_keys')
    .values(pairs.map(({ pseudonym, generation, pair }) => ({ pseudonym, generation, public_key: pair.publicKeyRaw })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** After a crash between keystore and database the pair is there already; another one would not match. */
async function pairOf(keystore: Keystore, pseudonym: string, generation: number): Promise<X25519KeyPair> {
  const existing = await keystore.participant(pseudonym, generation)
  return existing === null ? generateX25519() : x25519KeyPair(existing)
}
