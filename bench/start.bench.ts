/** How long people wait: for the demonstration, for the first start of a fresh clone, for every start after it. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from './benchmark.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const START_MS_MAX = 240_000
const PORT = 7_455

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'demo.seconds',
    unit: 's, 25 participants',
    better: 'lower',
    target: 60,
    peerName: null,
    run: async () => ({ ours: [demoSeconds(), demoSeconds(), demoSeconds()], peer: null }),
  },
  {
    name: 'start.first',
    unit: 's, fresh clone, packages cached',
    better: 'lower',
    target: 90,
    peerName: null,
    run: () => inFolder(async (folder) => ({ ours: [await firstStart(folder)], peer: null })),
  },
  {
    name: 'start.again',
    unit: 's, data kept',
    better: 'lower',
    target: 5,
    peerName: null,
    run: () =>
      inFolder(async (folder) => {
        await startSeconds(ROOT, join(folder, 'data'))
        const ours: number[] = []
        for (let run = 0; run < 5; run++) ours.push(await startSeconds(ROOT, join(folder, 'data')))
        return { ours, peer: null }
      }),
  },
]

function demoSeconds(): number {
  const startMs = performance.now()
  const { status } = spawnSync(process.execPath, ['scripts/run.mjs', 'apps/cli/src/main.ts', 'demo', '--json'], {
    cwd: ROOT,
    stdio: 'ignore',
  })
  if (status !== 0) throw new Error(`the demonstration ended with ${status}`)
  return (performance.now() - startMs) / 1000
}

async function firstStart(folder: string): Promise<number> {
  const clone = join(folder, 'clone')
  const { status } = spawnSync('git', ['clone', '--quiet', ROOT, clone], { stdio: 'ignore' })
  if (status !== 0) throw new Error('there is no repository to clone')
  return startSeconds(clone, join(folder, 'data'))
}

/** From `npm start` to the first 200, then stops it. */
async function startSeconds(root: string, data: string): Promise<number> {
  const startMs = performance.now()
  const child = spawn('npm', ['start', '--', '--data', data, '--port', String(PORT)], { cwd: root, stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  try {
    while (!(await isReady())) {
      if (child.exitCode !== null || performance.now() - startMs > START_MS_MAX) throw new Error('it did not start')
      await sleep(50)
    }
    return (performance.now() - startMs) / 1000
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

async function isReady(): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${PORT}/healthz`)).status === 200
  } catch {
    // Nothing listens yet.
    return false
  }
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}
