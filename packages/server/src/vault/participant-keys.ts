/**
 * Key pairs of participants, half the vault's and half the keeper's: made when the portal asks at a yes, destroyed when it asks at
 * a withdrawal. While the keeper can't be reached requests wait, and what is to be stored under them waits in the inbox.
 *
 * Each request carries the version of the decision behind it, and the version of the yes is the generation of its pair. So the
 * order in which requests are found decides nothing: a pair lives exactly if no withdrawal has a higher version.
 */
import { FairtraceError, type ParticipantKeys } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import { generateX25519, type X25519KeyPair, x25519KeyPair, x25519PrivateRaw } from './hpke.ts'
import type { KeeperClient } from './keeper-client.ts'
import type { Keystore } from './keystore.ts'
import { isVouched, type KeysVouched } from './public-keys.ts'

const REQUESTS_AT_ONCE = 500

export interface KeyRequestsInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly keeper: KeeperClient
  readonly vouched: KeysVouched
}

/**
 * Serves every waiting request. Both private halves are durable before a public one can be seen: the other way round, a batch
 * could be encrypted to a key that nobody has.
 * @returns how many were served
 * @throws `KEEPER_UNREACHABLE`, `KEEPER_UNTRUSTED`; the requests stay
 */
export async function serveKeyRequests(input: KeyRequestsInput): Promise<number> {
  const { database } = input
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
    if (needed.length > 0) await makeKeys(needed, input)
    await database.pool.query(
      `delete from vault.key_requests r using unnest($1::text[], $2::int[]) as t(pseudonym, version)
       where r.pseudonym = t.pseudonym and r.version <= t.version`,
      [rows.map(({ pseudonym }) => pseudonym), rows.map(({ version }) => version)],
    )
    served += rows.length
  }
}

/** Of these people, those whose key is asked for and not there yet: what comes for them is kept until it is. */
export async function waitingForKeys(
  { pool }: OpenDatabase,
  pseudonyms: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ pseudonym: string }>(
    'select distinct pseudonym from vault.key_requests where pseudonym = any($1)',
    [pseudonyms],
  )
  return new Set(rows.map(({ pseudonym }) => pseudonym))
}

interface Needed {
  readonly pseudonym: string
  readonly version: number
}

async function makeKeys(requests: readonly Needed[], input: KeyRequestsInput): Promise<void> {
  const { database, keystore } = input
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
  const keys = await sharesOf(pairs, input)
  if (keys.length === 0) return
  await database.db
    .insertInto('vault.participant_keys')
    .values(
      keys.map(({ pseudonym, generation, vaultKey, keeperKey, signature }) => ({
        pseudonym,
        generation,
        public_key: Buffer.from(vaultKey, 'base64url'),
        keeper_public_key: Buffer.from(keeperKey, 'base64url'),
        keeper_signature: signature,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

interface Made {
  readonly pseudonym: string
  readonly generation: number
  readonly pair: X25519KeyPair
}

/** The keeper's halves. @throws `KEEPER_UNTRUSTED` if it vouches for other keys than it was told of */
async function sharesOf(pairs: readonly Made[], { keeper, vouched }: KeyRequestsInput): Promise<ParticipantKeys[]> {
  const people = pairs.map(({ pseudonym, generation, pair }) => ({
    pseudonym,
    generation,
    vaultKey: pair.publicKeyRaw.toString('base64url'),
  }))
  const erased = await keeper.call<'which-erased'>({
    call: 'which-erased',
    people: people.map(({ pseudonym, generation }) => ({ pseudonym, generation })),
  })
  const gone = new Set(erased.result.people.map(({ pseudonym }) => pseudonym))
  // Who was erased as far as the keeper knows gets no key for a yes from before: a backup may have brought the request back.
  const living = people.filter(({ pseudonym }) => !gone.has(pseudonym))
  if (living.length === 0) return []
  const { result } = await keeper.call<'make-shares'>({ call: 'make-shares', people: living })
  const answered = new Map(result.keys.map((keys) => [keys.pseudonym, keys]))
  return living.map(({ pseudonym, generation, vaultKey }) => {
    const keys = answered.get(pseudonym)
    const isOurs = keys !== undefined && keys.generation === generation && keys.vaultKey === vaultKey
    if (!isOurs || !isVouched(rowOf(keys), vouched)) {
      throw new FairtraceError('KEEPER_UNTRUSTED', 'the keeper vouches for other keys than those it was told of')
    }
    return keys
  })
}

function rowOf({ pseudonym, generation, vaultKey, keeperKey, signature }: ParticipantKeys) {
  return {
    pseudonym,
    generation,
    public_key: Buffer.from(vaultKey, 'base64url'),
    keeper_public_key: Buffer.from(keeperKey, 'base64url'),
    keeper_signature: signature,
  }
}

/** After a crash between keystore and database the pair is there already; another one would not match. */
async function pairOf(keystore: Keystore, pseudonym: string, generation: number): Promise<X25519KeyPair> {
  const existing = await keystore.participant(pseudonym, generation)
  return existing === null ? generateX25519() : x25519KeyPair(existing)
}
