/** The process that holds the device: source, service, control channel, review page, indicator, all of it until told to stop. */

import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@fairtrace/core'
import { createDeviceService, type DeviceState, describeState, type InputSource, openDevice } from '@fairtrace/device'
import { AGENT_BUILD } from '../build.ts'
import { startControlServer } from '../control/control-server.ts'
import { openDesktop } from '../desktop/desktop.ts'
import { systemKeyring } from '../keyring.ts'
import { type ReviewPage, startReviewPage } from '../page/page-server.ts'
import { controlAddress, sessionDir } from '../paths.ts'
import { asFairtraceError } from '../terminal.ts'
import { Agent } from './agent.ts'

export interface DaemonOptions {
  readonly dir: string
  readonly clock: Clock
  readonly openSource: () => Promise<InputSource>
  /** One line at a time: starts, stops and problems, never what is recorded nor when. */
  readonly log: (line: string) => void
}

export interface Daemon {
  readonly agent: Agent
  /** Resolves once somebody asked it to stop. */
  readonly asked: Promise<void>
  stop(): Promise<void>
}

/** @throws `OUTBOX_IN_USE` where another process holds the folder, `OUTBOX_CORRUPT`, `DATA_DIR_UNUSABLE` */
export async function startDaemon({ dir, clock, openSource, log }: DaemonOptions): Promise<Daemon> {
  const startedAtMs = clock.nowMs()
  const keyring = await systemKeyring()
  // First the folder: whoever holds it is the agent of this device, alone.
  const device = await openDevice(dir, { clock, build: AGENT_BUILD, ...(keyring === null ? {} : { keyring }) })
  const source = await openSource()
  const service = createDeviceService({ device, source, clock })
  const desktop = await openDesktop({ togglePause: () => void toggle(), openPage: () => void showPage() })
  let askToStop: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    askToStop = resolve
  })
  const agent: Agent = new Agent({
    device,
    service,
    clock,
    daemon: {
      openPage: () => page.mint(),
      stop: () => askToStop(),
      self: () => ({
        pid: process.pid,
        startedAtMs,
        residentBytes: process.memoryUsage.rss(),
        cpuMs: Math.round((process.cpuUsage().user + process.cpuUsage().system) / 1_000),
        indicator: desktop.indicator,
        shortcut: desktop.shortcut,
      }),
    },
  })
  const page: ReviewPage = await startReviewPage({ ask: agent.ask, clock })
  const control = await startControlServer(controlAddress(dir), agent.ask)
  let lastProblem: string | null = null
  const unlisten = service.onChange(tell)
  await service.start()
  tell(service.state)
  log(`fairtrace-agent runs (process ${process.pid})`)

  async function toggle(): Promise<void> {
    const { state } = service
    try {
      if (state.state === 'paused' && state.by === 'you') await service.resume()
      else await service.pause()
    } catch (cause) {
      // The pause itself holds without a network; what the portal did not hear, the next call of it will say.
      log(`pause or resume: ${asFairtraceError(cause).code}`)
    }
  }

  async function showPage(): Promise<void> {
    const { showInBrowser } = await import('../page/show.ts')
    showInBrowser(page.mint(), sessionDir(dir))
  }

  function tell(state: DeviceState): void {
    const sentence = describeState(state, clock.nowMs())
    desktop.show(state)
    const problem = state.state === 'blind' ? state.problem : state.state === 'stopped' ? state.code : null
    if (problem !== null && problem !== lastProblem) {
      desktop.notify('Fairtrace does not record', sentence)
      log(`problem: ${problem}`)
    }
    lastProblem = problem
  }

  return {
    agent,
    asked,
    async stop() {
      unlisten()
      // In this order: nothing is captured any more, what is pending is written, then nobody can ask, then the folder closes.
      await service.stop()
      await source.close()
      await page.stop()
      await Promise.race([control.stop(), sleep(1_000)])
      desktop.close()
      await device.close()
      log('fairtrace-agent has stopped')
    },
  }
}
