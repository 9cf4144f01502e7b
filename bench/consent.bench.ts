/**
 * [consent.pause-p99] From the moment at which somebody pauses or withdraws to the last event that a device still captures, over
 * 10,000 devices that are connected and at work in one process, on a real portal and database. Each device sees an
 * event every 50 ms and decides it as every source does. [consent.visible] From a withdrawal to the first moment at which
 * neither a permit for intake nor a lease is given, at the portal that took it and at another one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Benchmark, Runs } from './benchmark.ts'
import { Generator } from './leases/generator.ts'
import { type LeaseGround, startLeaseGround } from './leases/ground.ts'
import { measureVisible } from './leases/visible.ts'

const DEVICES = 10_000
const PAUSES = 3
const WITHDRAWALS = 200
/** In which every device has heard, or never will. */
const HEARD_MS = 4_000
const VISIBLE_RUNS = 20

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'consent.pause-p99',
    unit: 'ms',
    better: 'lower',
    target: 1_000,
    peerName: null,
    run: measurePauses,
  },
  {
    name: 'consent.visible',
    unit: 'ms',
    better: 'lower',
    target: 1_000,
    peerName: null,
    run: async () => ({ ours: await measureVisible(VISIBLE_RUNS), peer: null }),
  },
]

/** One figure for each pause, and one for all withdrawals. */
async function measurePauses(): Promise<Runs> {
  const leases = await startLeaseGround(DEVICES)
  const generator = new Generator(null)
  try {
    const url = leases.portal.address
    await generator.ask({ do: 'authenticate', url, file: leases.devicesFile, upTo: DEVICES })
    await generator.ask({ do: 'listen', url })
    const ours: number[] = []
    for (let run = 0; run < PAUSES; run++) {
      const pausedAtMs = await pauseAtWork(leases, generator, url)
      ours.push(p99((await lastCaptures(generator, DEVICES)).map((atMs) => Math.max(0, atMs - pausedAtMs))))
      await leases.ground.setProgramme({ state: 'running' })
      await sleep(HEARD_MS)
    }
    ours.push(await withdrawAtWork(leases, generator, url))
    return { ours, peer: null }
  } finally {
    await generator.ask({ do: 'close' })
    await generator.stop()
    await leases.stop()
  }
}

async function pauseAtWork({ ground }: LeaseGround, generator: Generator, url: string): Promise<number> {
  await generator.ask({ do: 'capture', url })
  const renewing = generator.ask({ do: 'renew-slowly', url, seconds: 2 })
  await sleep(1_000)
  const pausedAtMs = Date.now()
  await ground.setProgramme({ state: 'paused' })
  await sleep(HEARD_MS)
  await renewing
  return pausedAtMs
}

async function withdrawAtWork({ sessions }: LeaseGround, generator: Generator, url: string): Promise<number> {
  await generator.ask({ do: 'capture', url })
  const withdrawnAtMs: number[] = []
  for (const session of sessions.slice(0, WITHDRAWALS)) {
    withdrawnAtMs.push(Date.now())
    const answer = await fetch(`${url}/api/consent/withdraw`, {
      method: 'POST',
      headers: { authorization: `Bearer ${session}`, 'content-type': 'application/json' },
      body: '{}',
    })
    if (answer.status !== 200) throw new RangeError(`a withdrawal was answered with ${answer.status}`)
  }
  await sleep(HEARD_MS)
  const last = await lastCaptures(generator, WITHDRAWALS)
  return p99(withdrawnAtMs.map((atMs, i) => Math.max(0, (last[i] ?? Number.POSITIVE_INFINITY) - atMs)))
}

/** When the first `revoked` devices captured last; each of them, and nobody else, must have been told. */
async function lastCaptures(generator: Generator, revoked: number): Promise<readonly number[]> {
  const { count, lastCapturesAtMs = [] } = await generator.ask({ do: 'last-captures' })
  if (count !== revoked) throw new RangeError(`${count} devices were told; ${revoked} should have been`)
  if (lastCapturesAtMs.some((atMs) => atMs === 0)) throw new RangeError('a device never captured anything')
  return lastCapturesAtMs.slice(0, revoked)
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN
}
