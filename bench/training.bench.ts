/**
 * The training room, with a real vault, ledger and sandbox.
 * [room.start] From a run that is asked for to the first instruction of its program: log, checkpoint, keys of vault and keeper, sandbox, release.
 * [room.kill] From the end of its grant until its process is gone.
 * [training.margin] By how many points the room's own trainer beats always saying the most frequent action, on simulated work as a release
 * has it (shield, anonymity, cap); beside it the n-gram's margin over the same.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { grantHash } from '@fairtrace/core'
import { EXAMPLE_LIMITS, protectSegments, Random, SegmentCutter } from '@fairtrace/risk'
import { requireSandbox } from '@fairtrace/server/room/sandbox'
import { MARGIN, trainBaseline } from '@fairtrace/training'
import { startRoomGround } from '../tests/room-ground.ts'
import type { Benchmark, Runs } from './benchmark.ts'
import { recordedOffice } from './utility/recorded-office.ts'

const RUNS = 5
const POLL_MS = 2
const POINTS = 100
const OFFICE = { people: 60, sessionsEach: 6, actionsAbout: 60 } as const
const LIMIT_MS = 1_000

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'room.start',
    unit: 'ms',
    better: 'lower',
    target: null,
    peerName: null,
    run: async () => (await room()).start,
  },
  {
    name: 'room.kill',
    unit: 'ms',
    better: 'lower',
    target: LIMIT_MS,
    peerName: null,
    run: async () => (await room()).kill,
  },
  {
    ...{ name: 'training.margin', unit: 'points', better: 'higher', target: MARGIN * POINTS },
    ...{ peerName: 'n-gram over the majority', run: margin },
  },
]

type Measured = Runs | { readonly reason: string }
let measured: Promise<{ readonly start: Measured; readonly kill: Measured }> | null = null

/** Both figures come from the same runs. */
function room() {
  measured ??= measureRoom()
  return measured
}

async function measureRoom(): Promise<{ readonly start: Measured; readonly kill: Measured }> {
  const sandbox = await requireSandbox().catch((error: Error) => error)
  if (sandbox instanceof Error) return { start: { reason: sandbox.message }, kill: { reason: sandbox.message } }
  const ground = await startRoomGround()
  const start: number[] = []
  const kill: number[] = []
  try {
    const release = await ground.release({ 'csv/train.csv': `segment,step\n${'a,0\n'.repeat(250_000)}` })
    for (let i = 0; i < RUNS; i++) {
      const granted = await ground.grantFor(release)
      // Another length each time, so that no process of an earlier run is taken for it.
      const length = `${600 + i}`
      const askedAt = performance.now()
      const run = await ground.ask(release, granted, { command: ['/bin/sleep', length] })
      await until(() => isThere(length))
      start.push(performance.now() - askedAt)
      const endedAt = performance.now()
      await ground.ground.sql.query('insert into vault.grant_ends values ($1)', [grantHash(granted.grant)])
      await ground.ground.sql.query(`select pg_notify('fairtrace_grants', '')`)
      await until(() => !isThere(length))
      kill.push(performance.now() - endedAt)
      await ground.ended(run)
    }
  } finally {
    await ground.stop()
  }
  return { start: { ours: start, peer: null }, kill: { ours: kill, peer: null } }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(POLL_MS)
}

function isThere(length: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `/bin/sleep\0${length}\0`
    } catch {
      // It has ended.
      return false
    }
  })
}

async function margin(): Promise<Runs> {
  const cutter = new SegmentCutter(EXAMPLE_LIMITS.segmentActionsMax)
  for (const { person, recording, shielded } of recordedOffice(OFFICE)) {
    const actions = [...shielded]
    cutter.push({ person: String(person), recording: String(recording), task: null, outcome: null, actions })
  }
  const segments = protectSegments(cutter.segments, EXAMPLE_LIMITS, new Random(1, 'cap')).map(
    ({ app, actions }, i) => ({
      ...{ name: String(i), app, task: null, outcome: null, actions },
    }),
  )
  const { accuracy } = trainBaseline(segments, { seed: 1, budget: null }).metrics
  const over = (share: number) => (share - accuracy.majority) * POINTS
  return { ours: [over(accuracy.model)], peer: [over(accuracy.nGram)] }
}
