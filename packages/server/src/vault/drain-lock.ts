/**
 * One vault drains at a time.
 *
 * Who drains holds an advisory lock on a connection of its own. That alone doesn't stop a predecessor whose last
 * transaction is still on its way, so each transaction holds a second lock, shared, and looks whether its vault still has the
 * first; a new vault waits until nobody holds the second. After that an object that no row names never will be named.
 */
import { FairtraceError } from '@fairtrace/core'
import type pg from 'pg'

/** Any constants, the same in every vault. */
const DRAINER = 7_401
const TRANSACTION = 7_402

/** @returns the lock's owner as the database knows it, or `null` if another vault has it; kept until the connection ends */
export async function takeDrainLock(client: pg.PoolClient): Promise<number | null> {
  const { rows } = await client.query<{ held: boolean; owner: number }>(
    'select pg_try_advisory_lock($1) as held, pg_backend_pid() as owner',
    [DRAINER],
  )
  if (rows[0]?.held !== true) return null
  await client.query('select pg_advisory_lock($1)', [TRANSACTION])
  await client.query('select pg_advisory_unlock($1)', [TRANSACTION])
  return rows[0].owner
}

/**
 * The first thing in a transaction that moves batches.
 * @throws `DATA_IN_USE` if the lock was lost
 */
export async function requireDrainLock(client: pg.PoolClient, owner: number): Promise<void> {
  await client.query({
    name: 'vault-share',
    text: 'select pg_advisory_xact_lock_shared($1)',
    values: [TRANSACTION],
  })
  const { rows } = await client.query<{ held: boolean }>({
    name: 'vault-holds',
    text: `select exists (
        select from pg_locks where locktype = 'advisory' and classid = 0 and objid = $1 and pid = $2 and granted
      ) as held`,
    values: [DRAINER, owner],
  })
  if (rows[0]?.held !== true) throw new FairtraceError('DATA_IN_USE', 'another vault drains the inbox')
}

/** Inside a transaction: waits until no other one moves batches or chunks, and holds all of them off until its end. */
export async function waitForTransactions(client: pg.PoolClient): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [TRANSACTION])
}
