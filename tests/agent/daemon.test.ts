/** The agent as a process: alone, deaf to others, quiet when it ends. Without a display, which it has to stand too. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { SelfAnswer, StatusAnswer } from '../../apps/agent/src/control/answers.ts'
import { askDaemon } from '../../apps/agent/src/control/ask-agent.ts'
import { controlAddress } from '../../apps/agent/src/paths.ts'
import { AgentCommands } from './agent-commands.ts'
import { until } from './x-ground.ts'

describe('the agent’s process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-daemon-'))
  const device = join(folder, 'device')
  const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run') }
  const agent = new AgentCommands(device, env)

  beforeAll(() => {
    mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 })
    vi.stubEnv('XDG_RUNTIME_DIR', env.XDG_RUNTIME_DIR)
  })
  afterEach(() => agent.run('stop'))
  afterAll(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const self = (): Promise<SelfAnswer> => askDaemon(device)({ ask: 'self' })

  it.each([
    ['a debugger', '--inspect=127.0.0.1:0'],
    ['heap snapshots', '--heapsnapshot-signal=SIGUSR2'],
    ['code of others', '--require=/dev/null'],
  ])('does not run where Node’s options bring %s', async (_what, options) => {
    const exposed = new AgentCommands(device, { ...env, NODE_OPTIONS: options })
    const { status, stderr } = await exposed.run('start')
    expect([status, stderr]).toEqual([6, expect.stringContaining('AGENT_EXPOSED')])
    const running = await agent.json<StatusAnswer>('status')
    expect(running.running).toBe(false)
  })

  it('is one for its device, which nobody else then opens', async () => {
    await agent.json('start')
    const { pid } = await self()
    await agent.json('start')
    expect((await self()).pid).toBe(pid)
    const second = await agent.run('run')
    expect([second.status, second.stderr]).toEqual([10, expect.stringContaining('OUTBOX_IN_USE')])
    const elsewhere = new AgentCommands(device, { ...env, XDG_RUNTIME_DIR: folder })
    const other = await elsewhere.run('status')
    expect([other.status, other.stderr]).toEqual([10, expect.stringContaining('OUTBOX_IN_USE')])
  })

  it('listens on a socket that only its owner may open, in a folder that only they may enter', async () => {
    await agent.json('start')
    const address = controlAddress(device)
    expect(statSync(address).mode & 0o777).toBe(0o600)
    expect(statSync(join(address, '..')).mode & 0o077).toBe(0)
    expect(statSync(device).mode & 0o077).toBe(0)
    expect(statSync(join(device, 'agent.log')).mode & 0o077).toBe(0)
  })

  it('refuses a request that is none, and goes on', async () => {
    await agent.json('start')
    for (const line of [
      'nonsense',
      '{}',
      '{"ask":"nothing"}',
      '{"ask":"delete","recording":"../../etc"}',
      'null',
      '[]',
    ]) {
      expect(JSON.parse(await sendLine(controlAddress(device), line)), line).toMatchObject({
        error: { code: 'BODY_INVALID' },
      })
    }
    expect((await askDaemon(device)({ ask: 'status' })).running).toBe(true)
  })

  it('cuts off who sends without an end', async () => {
    await agent.json('start')
    expect(await sendLine(controlAddress(device), 'x'.repeat(1_000_000))).toBe('')
    expect((await askDaemon(device)({ ask: 'status' })).running).toBe(true)
  })

  it('ends in good order at a signal, and leaves no socket', async () => {
    await agent.json('start')
    const { pid } = await self()
    process.kill(pid, 'SIGTERM')
    await until(() => !existsSync(`/proc/${pid}`), 10_000)
    expect(existsSync(controlAddress(device))).toBe(false)
    expect(readFileSync(join(device, 'agent.log'), 'utf8')).toMatch(/has stopped\n$/)
  })

  it('starts again after kill -9, over the socket that was left', async () => {
    await agent.json('start')
    const { pid } = await self()
    process.kill(pid, 'SIGKILL')
    await until(() => !existsSync(`/proc/${pid}`), 10_000)
    expect(existsSync(controlAddress(device))).toBe(true)
    expect((await agent.json<StatusAnswer>('start')).running).toBe(true)
    expect((await self()).pid).not.toBe(pid)
  })
})

function sendLine(address: string, line: string): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(address, () => socket.write(`${line}\n`))
    socket.on('data', (chunk: Buffer) => {
      received += chunk
    })
    // Cut off while it still wrote: what an attacker would see.
    socket.on('error', () => resolve(received))
    socket.on('close', () => resolve(received))
  })
}
