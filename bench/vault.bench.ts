/**
 * [vault.store] Batches that the vault opens, checks, encrypts and indexes in a second, on both cores with PostgreSQL, fsync on. Eight
 * batches a person, each under a lease of its own, as a day's upload is. [vault.store.strangers]: every batch another person's, so
 * that each needs a content key of its own. [vault.store.one-core]: the first, vault and PostgreSQL on one core.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { startLedger } from '@fairtrace/server/ledger/role'
import { startRoleProcess, startTestGround, type TestGround, waitFor } from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { canPin } from './batches/load.ts'
import { type PreparedBatch, prepareBatches } from './batches/prepare.ts'
import type { Benchmark, Runs } from './benchmark.ts'

const BATCHES = 12_000
const RUNS = 3
const DRAIN_MS_MAX = 120_000

/** Of one person in a day. */
const EACH_PERSON = 8

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'vault.store',
    unit: 'batches/s',
    better: 'higher',
    target: 5_000,
    peerName: null,
    run: () => measure([], EACH_PERSON),
  },
  {
    name: 'vault.store.strangers',
    unit: 'batches/s',
    better: 'higher',
    target: null,
    peerName: null,
    run: () => measure([], 1),
  },
  {
    name: 'vault.store.one-core',
    unit: 'batches/s',
    better: 'higher',
    target: null,
    peerName: null,
    run: async () => (canPin() ? await measure(['taskset', '-c', '0'], EACH_PERSON) : { reason: 'needs taskset' }),
  },
]

async function measure(prefix: readonly string[], eachPerson: number): Promise<Runs> {
  const ground = await startTestGround({ fsync: true, prefix })
  const log = pino({ level: 'silent' })
  const clock = { nowMs: () => Date.now() }
  const ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock, addresses: {} })
  try {
    const first = await startRoleProcess(ground.contextOf('vault'))
    const vaultKey = await ground.vaultKey()
    const batches = await prepareBatches(BATCHES, vaultKey, eachPerson)
    await ground.addParticipants([...new Set(batches.map(({ pseudonym }) => pseudonym))])
    await first.stop()
    await stage(ground, batches, vaultKey.keyId)
    const ours: number[] = []
    for (let run = 0; run < RUNS; run++) ours.push(await storeOnce(ground, prefix))
    return { ours, peer: null }
  } finally {
    await ledger.stop()
    await ground.stop()
  }
}

/** A vault of its own for each run: its content keys live in its memory. */
async function storeOnce(ground: TestGround, prefix: readonly string[]): Promise<number> {
  await ground.sql.query('truncate vault.chunks, vault.segments, vault.content_keys, inbox.batches')
  // Else the vault would say, rightly, that its index was rolled back.
  const keystore = new DatabaseSync(join(ground.contextOf('vault').keysDir ?? '', 'keystore.sqlite'))
  keystore.exec(`delete from facts where name = 'segments'`)
  keystore.close()
  rmSync(ground.objectsDir, { recursive: true, force: true })
  const vault = await startRoleProcess(ground.contextOf('vault'), prefix)
  try {
    await drained(ground, 0)
    await ground.sql.query('checkpoint')
    // All of them at once become visible, and then the clock runs.
    await ground.sql.query(
      'insert into inbox.batches (id, vault_key_id, sealed) select id, vault_key_id, sealed from public.staged',
    )
    const startedAt = performance.now()
    await ground.sql.query('notify fairtrace_inbox')
    await drained(ground, BATCHES)
    const seconds = (performance.now() - startedAt) / 1_000
    const { rows } = await ground.sql.query('select (select count(*) from vault.quarantine)::int as refused')
    if (rows[0].refused > 0) throw new RangeError('the vault refused batches')
    return BATCHES / seconds
  } finally {
    await vault.stop()
  }
}

async function drained(ground: TestGround, count: number): Promise<void> {
  await waitFor(async () => {
    const { rows } = await ground.sql.query('select count(*)::int as count from vault.chunks')
    return rows[0].count === count ? true : null
  }, DRAIN_MS_MAX)
}

async function stage(ground: TestGround, batches: readonly PreparedBatch[], keyId: string): Promise<void> {
  await ground.sql.query('create table public.staged (id text, vault_key_id text, sealed bytea)')
  await ground.sql.query('alter table public.staged alter column sealed set storage external')
  for (let at = 0; at < batches.length; at += 100) {
    const some = batches.slice(at, at + 100)
    const tuples = some.map((_, i) => `($${2 * i + 2}, $1, $${2 * i + 3})`)
    await ground.sql.query(`insert into public.staged values ${tuples.join(', ')}`, [
      keyId,
      ...some.flatMap(({ id, bytes }) => [id, bytes]),
    ])
  }
}
