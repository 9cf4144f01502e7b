/**
 * [sentinel.contain-p99] From a finding until every live point has acknowledged, over its signature: 10,000 devices connected to the
 * portal, and portal, intake, vault, ledger and builder as processes of their own. 99th percentile over 100 lockdowns, each left as the
 * gate leaves it.
 */
import { reportFindings } from '@fairtrace/server/runtime/findings'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { signLockdownEnd } from '@fairtrace/server/runtime/lockdown-end'
import { acknowledgementsOf } from '@fairtrace/server/runtime/points'
import { readProgramme } from '@fairtrace/server/runtime/programme'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { type RoleProcess, startRoleProcess, TEST_SEEDS, waitFor } from '@fairtrace/testing/harness'
import type { Benchmark, Runs } from './benchmark.ts'
import { Generator } from './leases/generator.ts'
import { startLeaseGround } from './leases/ground.ts'

const DEVICES = 10_000
const DRILLS = 100
const PROCESSES = ['intake', 'vault', 'ledger', 'builder'] as const
const POINTS = PROCESSES.length + 1

export const benchmarks: readonly Benchmark[] = [
  { name: 'sentinel.contain-p99', unit: 'ms', better: 'lower', target: 5_000, peerName: null, run: measure },
]

async function measure(): Promise<Runs> {
  const leases = await startLeaseGround(DEVICES)
  const generator = new Generator(null)
  const processes: RoleProcess[] = []
  const asSentinel = openDatabase(leases.ground.database.url('sentinel'), 2)
  const asPortal = openDatabase(leases.ground.database.url('portal'), 2)
  try {
    for (const role of PROCESSES) {
      // Without the keeper, who would have the vault lock again what no quorum has opened.
      processes.push(await startRoleProcess({ ...leases.ground.contextOf(role), keeper: null }))
    }
    const url = leases.portal.address
    await generator.ask({ do: 'authenticate', url, file: leases.devicesFile, upTo: DEVICES })
    await generator.ask({ do: 'listen', url })
    const tookMs: number[] = []
    for (let drill = 0; drill < DRILLS; drill++) {
      tookMs.push(await lockOnce(asSentinel, drill))
      await reopen(asPortal)
    }
    tookMs.sort((a, b) => a - b)
    return { ours: [tookMs[Math.ceil(0.99 * DRILLS) - 1] ?? Number.NaN], peer: null }
  } finally {
    await generator.stop()
    await asSentinel.close()
    await asPortal.close()
    for (const role of processes) await role.stop()
    await leases.stop()
  }
}

async function lockOnce(database: OpenDatabase, drill: number): Promise<number> {
  const report = { finder: 'bench', scope: String(drill), complete: true }
  const found = { kind: 'reader-unexpected', subject: `table planted-${drill}`, detail: {} } as const
  const startedAt = performance.now()
  const { locked } = await reportFindings(database, { ...report, findings: [found] })
  if (!locked) throw new RangeError('it was locked before')
  const epoch = (await readProgramme(database, null))?.epoch ?? 0
  await waitFor(async () => ((await acknowledgementsOf(database, epoch)).length >= POINTS ? true : null))
  const tookMs = performance.now() - startedAt
  await reportFindings(database, { ...report, findings: [] })
  await reportFindings(database, { ...report, findings: [] })
  return tookMs
}

/** As the gate does once it has judged. */
async function reopen(database: OpenDatabase): Promise<void> {
  const programme = await readProgramme(database, null)
  if (programme === null) throw new RangeError('no programme')
  const { id, epoch, lockdown } = programme
  const upTo = lockdown?.number ?? 0
  const end = { programme: id, upTo, epoch: epoch + 1, state: 'running', ground: 'bench', atMs: Date.now() } as const
  const word = signLockdownEnd(end, signerFromSeed(TEST_SEEDS.issuer))
  await database.pool.query('select install.end_lock($1, $2, $3, $4)', [upTo, epoch, 'running', JSON.stringify(word)])
}
