/**
 * Keys of releases: 32 random bytes each, sealed to a key pair of which the vault holds one half and the keeper the other, as content
 * keys are (`content-key-wrap.ts`).
 *
 * The builder hands a key in with public keys alone, so it opens none: neither another's nor, once it forgot it, its own. A key opens
 * under a grant for exactly that release (`openings.ts`), sealed to the training room. Closing a release destroys both halves.
 */
import { randomUUID } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { wrapContentKey } from './content-key-wrap.ts'
import { isReleaseVouched, type ReleaseKeysRow } from './release-pairs.ts'

export const RELEASE_KEY_INFO = 'fairtrace/release-key/v1'
export const RELEASE_KEY_BYTES = 32
/** How long the vault and the keeper may take to make their halves. */
const PAIR_MS_MAX = 60_000
const POLL_MS = 100

/**
 * Stores the key of a release, before it is published; durable when it resolves. The same again is no change: the same id is the
 * same ciphertexts, and so the same key.
 * @param releaseId digest of the manifest
 * @param key 32 bytes; whoever calls forgets it afterwards
 * @throws `KEY_UNAVAILABLE` if vault and keeper made no pair in time, or one that the charter's keeper doesn't vouch for
 */
export async function sealReleaseKey(database: OpenDatabase, releaseId: string, key: Uint8Array): Promise<void> {
  if (key.length !== RELEASE_KEY_BYTES) throw unavailable(`a release's key of ${key.length} bytes; 32 expected`)
  const { pool } = database
  await pool.query('insert into vault.release_keys (release) values ($1) on conflict do nothing', [releaseId])
  await pool.query(`select pg_notify('fairtrace_key_requests', $1)`, [releaseId])
  const row = await pairOf(database, releaseId)
  const programme = await readProgramme(database, null)
  const keeper = programme?.charter.keys.keeper
  // Fails closed: a row that somebody else wrote would have the key sealed to them.
  if (!programme || keeper === undefined || !isReleaseVouched(row, { programme: programme.id, keeper }))
    throw unavailable("nobody whom the charter names vouches for the release's key pair")
  const { enc, sealed } = wrapContentKey(releaseWrapName(releaseId), publicKeysOf(row), key)
  await pool.query('insert into vault.sealed_release_keys values ($1, $2, $3) on conflict do nothing', [
    releaseId,
    enc,
    sealed,
  ])
}

/**
 * Closes a release for good: from here on nobody opens it, and rooms that have it open stop. Vault and keeper destroy their halves
 * as soon as they can, each until it has.
 */
export async function closeRelease(database: Pick<OpenDatabase, 'pool'>, releaseId: string): Promise<void> {
  await database.pool.query(`insert into vault.release_closings (release, id) values ($1, $2) on conflict do nothing`, [
    releaseId,
    randomUUID(),
  ])
  await database.pool.query(`select pg_notify('fairtrace_releases', $1)`, [releaseId])
}

/** What a release's key is bound to; no content key has such a name. */
export function releaseWrapName(releaseId: string) {
  return { id: releaseId, pseudonym: 'release', generation: 1 }
}

export function publicKeysOf(row: ReleaseKeysRow) {
  return { vaultKey: row.public_key, keeperKey: row.keeper_public_key }
}

async function pairOf({ pool }: OpenDatabase, release: string): Promise<ReleaseKeysRow> {
  const until = performance.now() + PAIR_MS_MAX
  while (performance.now() < until) {
    const { rows } = await pool.query<ReleaseKeysRow>(
      `select release, public_key, keeper_public_key, keeper_signature from vault.release_keys
       where release = $1 and public_key is not null`,
      [release],
    )
    if (rows[0] !== undefined) return rows[0]
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw unavailable('vault and keeper made no key pair for the release in time')
}

function unavailable(message: string): FairtraceError {
  return new FairtraceError('KEY_UNAVAILABLE', message)
}
