/** Appending to the ledger, end to end: insert, sequence, tiles, signed checkpoint, and back to the caller; fsync on. */
import { charterHash } from '@fairtrace/core'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { openDatabase } from '@fairtrace/server/store/database'
import { aCharter, CHARTER_YAML, ledgerContext, startRoleProcess, startTestDatabase } from '@fairtrace/testing/harness'
import type { Benchmark, Runs } from './benchmark.ts'

const RUNS = 5
const ENTRIES = 20_000
/** Appends that wait at the same time, as callers of several roles would. */
const CONCURRENT = 4_000

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'ledger.append',
    unit: 'entries/s',
    better: 'higher',
    target: null,
    peerName: null,
    run: measureAppend,
  },
]

async function measureAppend(): Promise<Runs> {
  const server = await startTestDatabase({ fsync: true })
  const database = openDatabase(server.url('portal'))
  try {
    const charter = aCharter()
    await database.db
      .insertInto('install.programme')
      .values({
        id: charter.programme,
        state: 'running',
        epoch: 0,
        charter_hash: charterHash(charter),
        charter_yaml: CHARTER_YAML,
      })
      .execute()
    const ledger = await startRoleProcess(ledgerContext(server.url('ledger')))
    try {
      const append = (i: number) => appendToLedger(database, 'bench.entry', { i }, { waitForCheckpoint: true })
      await Promise.all(Array.from({ length: 1_000 }, (_, i) => append(i)))
      const ours: number[] = []
      for (let run = 0; run < RUNS; run++) {
        const startMs = performance.now()
        let next = 0
        await Promise.all(
          Array.from({ length: CONCURRENT }, async () => {
            while (next < ENTRIES) await append(next++)
          }),
        )
        ours.push((ENTRIES * 1_000) / (performance.now() - startMs))
      }
      return { ours, peer: null }
    } finally {
      await ledger.stop()
    }
  } finally {
    await database.close()
    await server.stop()
  }
}
