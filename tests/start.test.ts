/** Start and stop as an operator meets them: through npm, with signals, with a directory, port or disk that isn't free. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { eventually, isPortOpen, processTree, stillRunning } from '@fairtrace/testing/harness'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const isRoot = process.getuid?.() === 0

let folder: string
let started: ChildProcess[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-start-'))
  started = []
})
afterEach(async () => {
  for (const child of started) child.kill('SIGKILL')
  await eventually(() => started.every(({ pid }) => stillRunning([pid ?? 0]).length === 0), 5_000)
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
})

interface Running {
  readonly child: ChildProcess
  readonly port: number
  /** Every process of it, from npm down to PostgreSQL's own. */
  readonly pids: readonly number[]
}

/** Starts an empty installation through npm and waits until it answers. */
async function start(data: string, port: number): Promise<Running> {
  const child = spawn('npm', ['start', '--', '--no-demo', '--data', data, '--port', String(port)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const ready = await eventually(async () => child.exitCode !== null || (await isReady(port)), 60_000)
  if (!ready || child.exitCode !== null) throw new Error(`did not start: ${said.slice(-500)}`)
  return { child, port, pids: processTree(child.pid ?? 0) }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).status === 200
  } catch {
    // Nothing listens yet.
    return false
  }
}

async function expectNothingLeft({ pids, port }: Running): Promise<void> {
  await eventually(() => stillRunning(pids).length === 0, 20_000)
  expect(stillRunning(pids)).toEqual([])
  expect(await isPortOpen(port)).toBe(false)
}

function runStart(args: readonly string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, ['scripts/run.mjs', 'apps/cli/src/main.ts', 'start', '--no-demo', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

describe('fairtrace start', () => {
  it('refuses a port in use in one sentence', async () => {
    const server = createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const { status, stderr } = runStart(['--data', join(folder, 'data'), '--port', String(port)])
    server.close()
    expect(status).toBe(11)
    expect(stderr).toMatch(/Port \d+ .*in use.*--port/)
  })

  it('refuses a folder that holds something else', () => {
    writeFileSync(join(folder, 'thesis.txt'), 'not ours')
    const { status, stderr } = runStart(['--data', folder, '--port', '0'])
    expect(status).toBe(14)
    expect(stderr).toContain('DATA_DIR_UNUSABLE')
  })

  it.skipIf(!isRoot)('refuses a full disk in one sentence (needs root to mount one)', () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk])
    try {
      const { status, stderr } = runStart(['--data', join(disk, 'data'), '--port', '0'])
      expect(status).toBe(12)
      expect(stderr).toContain('DISK_FULL')
    } finally {
      execFileSync('umount', [disk])
    }
  })

  it('refuses a clock that was put into a production directory', async () => {
    const data = join(folder, 'data')
    const running = await start(data, await freePort())
    running.child.kill('SIGTERM')
    await expectNothingLeft(running)
    writeFileSync(join(data, 'clock.json'), JSON.stringify({ offsetMs: -86_400_000 }))
    const { status, stderr } = runStart(['--data', data, '--port', '0'])
    expect(status).toBe(16)
    expect(stderr).toContain('CLOCK_NOT_DEMONSTRATION')
  })

  it('runs in a directory of mode 0700, refuses a second process on it, and leaves nothing after SIGTERM to npm', async () => {
    const locked = join(folder, 'locked')
    mkdirSync(locked, { mode: 0o700 })
    const running = await start(join(locked, 'data'), await freePort())
    const page = await fetch(`http://127.0.0.1:${running.port}/`)
    expect(page.headers.get('content-type')).toContain('text/html')
    const second = runStart(['--data', join(locked, 'data'), '--port', '0'])
    expect([second.status, second.stderr]).toEqual([10, expect.stringContaining('DATA_IN_USE')])
    running.child.kill('SIGTERM')
    await expectNothingLeft(running)
  })

  it('keeps its data, and leaves nothing after a Ctrl-C that arrives twice', async () => {
    const data = join(folder, 'data')
    const port = await freePort()
    const first = await start(data, port)
    interruptTwice(first)
    await expectNothingLeft(first)
    const again = await start(data, port)
    interruptTwice(again)
    await expectNothingLeft(again)
  })

  it.each(['the launcher', 'the supervisor'] as const)(
    'leaves nothing when %s is killed with kill -9, and starts again at once',
    async (who) => {
      const data = join(folder, 'data')
      const port = await freePort()
      const running = await start(data, port)
      // npm, then the launcher under the Node at hand, then the supervisor under Node 24.
      const ours = running.pids.filter((pid) => /apps\/cli\/src\/main\.ts start/.test(commandOf(pid)))
      const victim = who === 'the launcher' ? ours[0] : ours.at(-1)
      if (victim === undefined) throw new Error('not found')
      process.kill(victim, 'SIGKILL')
      await expectNothingLeft(running)
      const again = await start(data, port)
      again.child.kill('SIGTERM')
      await expectNothingLeft(again)
    },
  )

  it('starts a role again that was killed', async () => {
    const running = await start(join(folder, 'data'), await freePort())
    const intake = running.pids.find((pid) => /serve --role intake/.test(commandOf(pid)))
    if (intake === undefined) throw new Error('no intake')
    process.kill(intake, 'SIGKILL')
    const revived = await eventually(
      () =>
        processTree(running.child.pid ?? 0).some((pid) => pid !== intake && /serve --role intake/.test(commandOf(pid))),
      15_000,
    )
    expect(revived).toBe(true)
    running.child.kill('SIGTERM')
    await expectNothingLeft(running)
  })
})

function interruptTwice({ child, pids }: Running): void {
  // A terminal sends it to npm and to the launcher; npm passes it on once more.
  child.kill('SIGINT')
  const launcher = pids.find((pid) => /scripts\/run\.mjs/.test(commandOf(pid)))
  if (launcher !== undefined) process.kill(launcher, 'SIGINT')
}

function commandOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    // It has ended since.
    return ''
  }
}
