import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError } from '@fairtrace/core'
import type { Command } from 'commander'
import { askDaemon, isAgentRunning } from '../control/ask-agent.ts'
import { ENTRY, NODE_FLAGS } from '../entry.ts'
import { isServiceInstalled, startService } from '../service/service.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

const START_MS_MAX = 15_000
const STOP_MS_MAX = 15_000

/** The process itself: what a service manager starts. */
export function daemonCommand(): Command {
  return deviceCommand('daemon', 'Runs the agent in this process; `start` and `install` use it.').action(
    ({ device }: DeviceOptions) =>
      runCommand({}, async () => {
        const { runDaemon } = await import('../daemon/daemon-main.ts')
        await runDaemon(device)
      }).then(() => process.exit()),
  )
}

export function runAgentCommand(): Command {
  return deviceCommand('run', 'Runs the agent here, in the foreground, until Ctrl-C.').action(
    (options: DeviceOptions) =>
      runCommand(options, async () => {
        const child = spawn(process.execPath, daemonArguments(options.device), { stdio: 'inherit' })
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
        process.exitCode = await new Promise<number>((resolve) => {
          child.on('error', () => resolve(1))
          child.on('exit', (code) => resolve(code ?? 1))
        })
      }),
  )
}

export function startCommand(): Command {
  return deviceCommand('start', 'Starts the agent in the background.').action((options: DeviceOptions) =>
    runCommand(options, async () => {
      if (!(await isAgentRunning(options.device))) await start(options.device)
      const status = await askDaemon(options.device)({ ask: 'status' })
      if (options.json) return printJson(status)
      say(...status.alerts, status.says)
    }),
  )
}

export function stopCommand(): Command {
  return deviceCommand('stop', 'Stops the agent. What waits stays.').action((options: DeviceOptions) =>
    runCommand(options, async () => {
      const wasRunning = await isAgentRunning(options.device)
      if (wasRunning) {
        const ask = askDaemon(options.device)
        const { pid } = await ask({ ask: 'self' })
        await ask({ ask: 'stop' })
        await untilGone(pid)
      }
      if (options.json) return printJson({ stopped: wasRunning })
      say(wasRunning ? 'Stopped. Nothing is recorded; what waits here stays.' : 'The agent did not run.')
    }),
  )
}

async function start(device: string): Promise<void> {
  if (isServiceInstalled(device) && startService()) return untilAnswers(device, () => null)
  mkdirSync(device, { recursive: true, mode: 0o700 })
  const logFile = join(device, 'agent.log')
  const log = openSync(logFile, 'w', 0o600)
  const child = spawn(process.execPath, daemonArguments(device), { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  let exited: number | null = null
  child.on('exit', (code) => {
    exited = code ?? 1
  })
  await untilAnswers(device, () => (exited === null ? null : readFileSync(logFile, 'utf8')))
  child.unref()
}

/** @param failure what the process said if it has ended, else null */
async function untilAnswers(device: string, failure: () => string | null): Promise<void> {
  const deadline = Date.now() + START_MS_MAX
  while (!(await isAgentRunning(device))) {
    const said = failure()
    if (said !== null) throw refusal(said)
    if (Date.now() > deadline) throw new FairtraceError('AGENT_NOT_RUNNING', 'the agent did not start in time')
    await sleep(50)
  }
}

/** The daemon's last line is its refusal, with the code at its end. */
function refusal(log: string): FairtraceError {
  const last = log.trim().split('\n').at(-1) ?? ''
  return new FairtraceError('AGENT_NOT_RUNNING', `the agent ended at once: ${last.slice(0, 300)}`)
}

async function untilGone(pid: number): Promise<void> {
  const deadline = Date.now() + STOP_MS_MAX
  while (isAlive(pid)) {
    if (Date.now() > deadline) throw new FairtraceError('AGENT_NOT_RUNNING', `process ${pid} does not end`)
    await sleep(50)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // It has ended.
    return false
  }
}

function daemonArguments(device: string): string[] {
  return [...NODE_FLAGS, ENTRY, 'daemon', '--device', device]
}
