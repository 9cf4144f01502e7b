/**
 * [lease.renewals] Lease renewals in a second, each authenticated and each a signed lease: the portal and its PostgreSQL on one
 * core, 10,000 devices of as many people on another, over kept-alive connections. [lease.memory-per-device] What the portal
 * grows by for each further device that is enrolled, holds a renewal key and listens for revocations.
 */

import process from 'node:process'
import { canPin } from './batches/load.ts'
import type { Benchmark, Runs } from './benchmark.ts'
import { Generator } from './leases/generator.ts'
import { residentBytes, startLeaseGround } from './leases/ground.ts'

const SERVER_CORE = 0
const GENERATOR_CORE = 1
const PINNED = ['taskset', '-c', String(SERVER_CORE)]
const DEVICES = 10_000
const RUNS = 3
const SECONDS = 8
/** Connected before the measurement begins. */
const FIRST_DEVICES = 2_000
/** For the collector to have been by. */
const SETTLE_MS = 3_000

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'lease.renewals',
    unit: 'renewals/s',
    better: 'higher',
    target: 2_500,
    peerName: null,
    run: async () => (canPin() ? await measureRenewals() : { reason: 'needs taskset and two cores' }),
  },
  {
    name: 'lease.memory-per-device',
    unit: 'bytes',
    better: 'lower',
    target: 20_480,
    peerName: null,
    run: async () =>
      process.platform === 'linux' ? await measureMemory() : { reason: 'reads resident memory from /proc' },
  },
]

async function measureRenewals(): Promise<Runs> {
  const leases = await startLeaseGround(DEVICES, PINNED)
  const generator = new Generator(GENERATOR_CORE)
  try {
    const url = leases.portal.address
    await generator.ask({ do: 'authenticate', url, file: leases.devicesFile, upTo: DEVICES })
    const ours: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const { count, seconds } = await generator.ask({ do: 'renew', url, seconds: SECONDS })
      ours.push(count / seconds)
    }
    return { ours, peer: null }
  } finally {
    await generator.stop()
    await leases.stop()
  }
}

async function measureMemory(): Promise<Runs> {
  const leases = await startLeaseGround(DEVICES)
  const generator = new Generator(null)
  try {
    const url = leases.portal.address
    const grow = async (upTo: number) => {
      await generator.ask({ do: 'authenticate', url, file: leases.devicesFile, upTo })
      await generator.ask({ do: 'listen', url })
      await generator.ask({ do: 'renew', url, seconds: 2 })
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      return residentBytes(leases.portal.pid)
    }
    // The first ones do all that the others do, so that what the process grows by once isn't counted as the devices'.
    const before = await grow(FIRST_DEVICES)
    return { ours: [((await grow(DEVICES)) - before) / (DEVICES - FIRST_DEVICES)], peer: null }
  } finally {
    await generator.stop()
    await leases.stop()
  }
}
