/** What the desktop agent costs while somebody works, and while nobody does; beside a recorder on pynput, on the same input. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startFakePortal } from '@fairtrace/testing/harness'
import { missingForDesktop, startXGround, type TestWindow, type XGround } from '../tests/agent/x-ground.ts'
import type { Benchmark, Runs } from './benchmark.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const SECONDS = Number(process.env.FAIRTRACE_BENCH_SECONDS ?? 20)
/** Recorders run all day: both have worked for a while, and their compilers are done, when it counts. */
const WARM_SECONDS = SECONDS
/** As long as a lease, so that each stretch has its renewals. */
const IDLE_SECONDS = 60
const ROUNDS = 3
const PYTHON = '/usr/bin/python3'

export const benchmarks: readonly Benchmark[] = [
  agentBenchmark('device.agent-cpu', '% of a core', 1, () => cpuAt(1_000)),
  agentBenchmark('device.agent-cpu.4000', '% of a core', null, () => cpuAt(4_000)),
  agentBenchmark('device.agent-lost', 'clicks and keys', 0, () => lostAt(1_000)),
  agentBenchmark('device.agent-lost.4000', 'clicks and keys', 0, () => lostAt(4_000)),
  agentBenchmark('device.agent-memory', 'MB', null, () => memory()),
  { ...agentBenchmark('device.agent-idle-wakeups', 'per minute', null, idleWakeups), peerName: 'its lease alone' },
  { ...agentBenchmark('device.agent-start-to-capture', 's', 2, startToCapture), peerName: null },
]

type Answer = Runs | { readonly reason: string }

function agentBenchmark(name: string, unit: string, target: number | null, run: () => Promise<Answer>): Benchmark {
  return {
    name,
    unit,
    better: 'lower',
    target,
    peerName: 'recorder on pynput',
    run: async () => {
      const reason = missingForDesktop ?? missingPeer()
      return reason === null ? run() : { reason }
    },
  }
}

function missingPeer(): string | null {
  const found = spawnSync(PYTHON, ['-c', 'import importlib.util as u; raise SystemExit(u.find_spec("pynput") is None)'])
  return found.status === 0 ? null : 'python3-pynput is not here'
}

/** One recorder: its process, and what it says when asked. */
interface Recorder {
  readonly pid: number
  /** The first thing that it said. */
  readonly first: Record<string, number>
  report(): Promise<Record<string, number>>
  stop(): Promise<void>
}

interface Measured {
  readonly cpuPercent: number
  readonly megabytes: number
  readonly lost: number
}

interface Session {
  readonly agent: Measured
  readonly peer: Measured
}

/** Sessions at a rate, measured once for all the figures that they give. */
const sessions = new Map<number, Promise<readonly Session[]>>()

function sessionsAt(perSecond: number): Promise<readonly Session[]> {
  const known = sessions.get(perSecond)
  if (known !== undefined) return known
  const measured = (async () => {
    const list: Session[] = []
    for (let round = 0; round < ROUNDS; round++) list.push(await session(perSecond))
    return list
  })()
  sessions.set(perSecond, measured)
  return measured
}

async function figures(perSecond: number, of: (measured: Measured) => number): Promise<Runs> {
  const list = await sessionsAt(perSecond)
  return { ours: list.map(({ agent }) => of(agent)), peer: list.map(({ peer }) => of(peer)) }
}

const cpuAt = (perSecond: number) => figures(perSecond, ({ cpuPercent }) => cpuPercent)
const lostAt = (perSecond: number) => figures(perSecond, ({ lost }) => lost)
const memory = () => figures(1_000, ({ megabytes }) => megabytes)

/** Both recorders at once on one desktop, under the same input. */
async function session(perSecond: number): Promise<Session> {
  return onDesktop(async (ground, window, folder, portal) => {
    const agent = await startAgent(ground, join(folder, 'device'), portal)
    const peer = await start(ground, PYTHON, [here('peers/pynput_recorder.py'), join(folder, 'peer.jsonl')])
    try {
      const spots = ['entry', 'search', 'save', 'cancel'].map((name) => window.widgets[name])
      await ground.click(window.widgets.entry ?? { x: 0, y: 0 })
      await inject(ground, perSecond, spots, WARM_SECONDS)
      // What is held for certainty comes a little later.
      await sleep(3_000)
      const before = [await agent.report(), await peer.report()] as const
      const cpuBefore = [cpuMs(agent.pid), cpuMs(peer.pid)] as const
      const startedMs = performance.now()
      const sent = await inject(ground, perSecond, spots, SECONDS)
      const tookMs = performance.now() - startedMs
      const cpuAfter = [cpuMs(agent.pid), cpuMs(peer.pid)] as const
      await sleep(3_000)
      const after = [await agent.report(), await peer.report()] as const
      const measured = (i: 0 | 1, pid: number): Measured => {
        const seen = (name: string) => (after[i][name] ?? 0) - (before[i][name] ?? 0)
        return {
          cpuPercent: ((cpuAfter[i] - cpuBefore[i]) / tookMs) * 100,
          megabytes: residentMegabytes(pid),
          lost: Math.abs((sent.clicks ?? 0) - seen('clicks')) + Math.abs((sent.keys ?? 0) - seen('keys')),
        }
      }
      return { agent: measured(0, agent.pid), peer: measured(1, peer.pid) }
    } finally {
      await peer.stop()
      await agent.stop()
    }
  })
}

/** Times that the main thread gave the processor away by itself, and was woken again; beside the same agent without a source. */
async function idleWakeups(): Promise<Runs> {
  const ours: number[] = []
  const peer: number[] = []
  await onDesktop(async (ground, _window, folder, portal) => {
    const agent = await startAgent(ground, join(folder, 'device'), portal)
    const blind = await startAgent(ground, join(folder, 'blind'), portal, ['blind'])
    await sleep(10_000)
    for (let round = 0; round < 2; round++) {
      const before = [wakeups(agent.pid), wakeups(blind.pid)] as const
      await sleep(IDLE_SECONDS * 1_000)
      ours.push(((wakeups(agent.pid) - before[0]) * 60) / IDLE_SECONDS)
      peer.push(((wakeups(blind.pid) - before[1]) * 60) / IDLE_SECONDS)
    }
    await blind.stop()
    await agent.stop()
  })
  return { ours, peer }
}

/** From the start of the process until input is seen under a lease: a device that has enrolled before. */
async function startToCapture(): Promise<Runs> {
  const ours: number[] = []
  await onDesktop(async (ground, _window, folder, portal) => {
    const dir = join(folder, 'device')
    await (await startAgent(ground, dir, portal)).stop()
    for (let round = 0; round < ROUNDS; round++) {
      const startedMs = performance.now()
      const agent = await startAgent(ground, dir, portal)
      ours.push((performance.now() - startedMs) / 1_000)
      await agent.stop()
    }
  })
  return { ours, peer: null }
}

async function onDesktop<T>(
  work: (ground: XGround, window: TestWindow, folder: string, portal: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-bench-agent-'))
  const portal = await startFakePortal({ nowMs: () => Date.now() })
  const ground = await startXGround()
  try {
    return await work(ground, await ground.openWindow('Orders'), folder, portal.url)
  } finally {
    await ground.stop()
    await portal.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function startAgent(ground: XGround, dir: string, portal: string, more: readonly string[] = []): Promise<Recorder> {
  return start(ground, process.execPath, [
    '--disable-warning=ExperimentalWarning',
    here('agent/recorder.child.ts'),
    dir,
    portal,
    ...more,
  ])
}

async function inject(
  ground: XGround,
  perSecond: number,
  spots: readonly unknown[],
  seconds: number,
): Promise<Readonly<Record<string, number>>> {
  const words = ['--disable-warning=ExperimentalWarning', here('agent/injector.child.ts'), ground.display]
  const child = spawn(process.execPath, [...words, String(perSecond), String(seconds), JSON.stringify(spots)], {
    env: ground.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return nextLine(child)
}

async function start(ground: XGround, command: string, words: readonly string[]): Promise<Recorder> {
  const child = spawn(command, words, { env: ground.env, stdio: ['pipe', 'pipe', 'inherit'] })
  const first = await nextLine(child)
  const gone = new Promise((resolve) => child.once('exit', resolve))
  return {
    pid: child.pid ?? 0,
    first,
    report: () => {
      const line = nextLine(child)
      child.stdin?.write('report\n')
      return line
    },
    stop: async () => {
      child.stdin?.end('stop\n')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(timer)
    },
  }
}

function nextLine(child: ChildProcess): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('the process has no output')
    const lines = createInterface({ input: child.stdout })
    lines.once('line', (line) => {
      resolve(JSON.parse(line))
      lines.close()
    })
    child.once('exit', () => reject(new Error('the process ended without a word')))
  })
}

/** Processor time of all threads of a process, to the nanosecond where the kernel counts so. */
function cpuMs(pid: number): number {
  return tasks(pid).reduce((ms, task) => ms + Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0)
}

function wakeups(pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (Number(kilobytes) * 1_024) / 1e6
}

function tasks(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`)
}
