/** Key pairs of releases: made when the builder asks, half here and half at the keeper; destroyed when a release is closed. */
import { verify } from 'node:crypto'
import { FairtraceError, releaseKeysMessage } from '@fairtrace/core'
import { ed25519PublicKey } from '../runtime/jws.ts'
import type { OpenDatabase } from '../store/database.ts'
import { type X25519KeyPair, x25519KeyPair } from './hpke.ts'
import type { KeeperClient } from './keeper-client.ts'
import type { Keystore } from './keystore.ts'
import type { KeysVouched } from './public-keys.ts'

export interface ReleaseKeysRow {
  readonly release: string
  readonly public_key: Buffer
  readonly keeper_public_key: Buffer
  readonly keeper_signature: string
}

export interface ReleasePairsInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly keeper: KeeperClient
  readonly vouched: KeysVouched
}

/** Whether the keeper signed exactly these keys for this release. */
export function isReleaseVouched(row: ReleaseKeysRow, { programme, keeper }: KeysVouched): boolean {
  const message = releaseKeysMessage(programme, {
    release: row.release,
    vaultKey: row.public_key.toString('base64url'),
    keeperKey: row.keeper_public_key.toString('base64url'),
  })
  try {
    return verify(null, message, ed25519PublicKey(keeper), Buffer.from(row.keeper_signature, 'base64url'))
  } catch {
    // Fails closed: a signature that can't be checked vouches for nothing.
    return false
  }
}

/** The vault's half. One that was destroyed comes back as another, which opens nothing. */
export async function releasePair(keystore: Keystore, release: string): Promise<X25519KeyPair> {
  return x25519KeyPair(await keystore.secret(secretName(release)))
}

/** Makes what the builder waits for. @throws `KEEPER_UNREACHABLE`, `KEEPER_UNTRUSTED`; the requests stay */
export async function serveReleasePairs({ database, keystore, keeper, vouched }: ReleasePairsInput): Promise<void> {
  const { rows } = await database.pool.query<{ release: string }>(
    `select release from vault.release_keys k where public_key is null
     and not exists (select from vault.release_closings c where c.release = k.release)`,
  )
  for (const { release } of rows) {
    // Durable before its public half is seen.
    const pair = await releasePair(keystore, release)
    const vaultKey = pair.publicKeyRaw.toString('base64url')
    const { result } = await keeper.call<'make-release-share'>({ call: 'make-release-share', release, vaultKey })
    const row = {
      release,
      public_key: pair.publicKeyRaw,
      keeper_public_key: Buffer.from(result.keys.keeperKey, 'base64url'),
      keeper_signature: result.keys.signature,
    }
    if (!isReleaseVouched(row, vouched))
      throw new FairtraceError('KEEPER_UNTRUSTED', 'the keeper vouches for other keys than those it was told of')
    await database.pool.query(
      `update vault.release_keys set public_key = $2, keeper_public_key = $3, keeper_signature = $4 where release = $1`,
      [release, row.public_key, row.keeper_public_key, row.keeper_signature],
    )
  }
}

/**
 * Destroys the keys of closed releases: this vault's half and every answer that was given, then the keeper's. What fails is done again
 * with the next run. Nothing of it is logged here: an entry at once would tell the whole world the hour of a withdrawal
 * (`erasure-report.ts`). @throws `KEEPER_UNREACHABLE`
 */
export async function serveReleaseClosings(input: Omit<ReleasePairsInput, 'vouched'>): Promise<void> {
  const { database, keystore, keeper } = input
  const { rows } = await database.pool.query<{ release: string; state: string }>(
    `select release, state from vault.release_closings where state <> 'closed'`,
  )
  const isThere = async (release: string, state: string) =>
    await database.pool.query('update vault.release_closings set state = $2 where release = $1', [release, state])
  for (const { release } of rows) {
    keystore.destroySecret(secretName(release))
    await database.pool.query('delete from vault.sealed_release_keys where release = $1', [release])
    await database.pool.query(
      `update vault.openings set answer = '{}' where request -> 'grant' -> 'scope' ->> 'release' = $1`,
      [release],
    )
    await isThere(release, 'destroyed')
  }
  for (const { release } of rows) {
    await keeper.call<'close-release'>({ call: 'close-release', release })
    await isThere(release, 'closed')
    await database.pool.query(`select pg_notify('fairtrace_releases', $1)`, [release])
  }
}

function secretName(release: string): string {
  return `release ${release}`
}
