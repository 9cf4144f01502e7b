/**
 * [vault.erase-growth] How long after a withdrawal nothing of a person opens any more: private keys destroyed on disk, cached ones
 * dropped, public halves and opened answers gone. With 10, 10,000 and 1,000,000 batches; the figure is the last, and must not grow. The
 * rows are synthetic: a content key for every eight batches, written into the tables, no objects behind them.
 */
import { startLedger } from '@fairtrace/server/ledger/role'
import { randomId, startRoleProcess, startTestGround, type TestGround, waitFor } from '@fairtrace/testing/harness'
import { pino } from 'pino'
import type { Benchmark, Runs } from './benchmark.ts'

const EACH_KEY = 8
const SIZES = [10, 10_000, 1_000_000] as const

export const benchmarks: readonly Benchmark[] = SIZES.map((batches) => ({
  name: batches === 1_000_000 ? 'vault.erase-growth' : `vault.erase-growth.${batches}`,
  unit: 'ms',
  better: 'lower',
  target: 1_000,
  peerName: null,
  run: () => measure(batches),
}))

async function measure(batches: number): Promise<Runs> {
  const ground = await startTestGround({ fsync: true })
  const log = pino({ level: 'silent' })
  const clock = { nowMs: () => Date.now() }
  const ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock, addresses: {} })
  const vault = await startRoleProcess(ground.contextOf('vault'))
  try {
    const pseudonym = randomId()
    await ground.addParticipants([pseudonym])
    await fill(ground, pseudonym, batches)
    const startedAt = performance.now()
    await ground.sql.query('insert into vault.erasure_requests values ($1, 1)', [pseudonym])
    await ground.sql.query('notify fairtrace_key_requests')
    await waitFor(async () =>
      (await ground.sql.query('select 1 from vault.erasure_requests')).rowCount === 0 ? true : null,
    )
    const ms = performance.now() - startedAt
    const { rows } = await ground.sql.query('select (select count(*) from vault.participant_keys)::int as keys')
    if (rows[0].keys > 0) throw new RangeError("the participant's key is left")
    return { ours: [ms], peer: null }
  } finally {
    await vault.stop()
    await ledger.stop()
    await ground.stop()
  }
}

async function fill(ground: TestGround, pseudonym: string, batches: number): Promise<void> {
  await ground.sql.query(
    `insert into vault.content_keys select 'key-' || i, $1, 1, '\\x00', '\\x00', 'period' from generate_series(0, $2) i`,
    [pseudonym, Math.floor(batches / EACH_KEY)],
  )
  await ground.sql.query(
    `insert into vault.chunks select 'batch-' || i, 'segment-' || i / 256, 0, 1, 'key-' || i / ${EACH_KEY}, $1, 'device', i, 'recording', 0,
       true, null, null, 'charter', 1, 100 from generate_series(0, $2 - 1) i`,
    [pseudonym, batches],
  )
  await ground.sql.query('analyze vault.chunks; checkpoint')
}
