import type { Command } from 'commander'
import type { StatusAnswer } from '../control/answers.ts'
import { withAgent } from '../control/ask-agent.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

export function statusCommand(): Command {
  return deviceCommand('status', 'Says in one sentence what the agent does now, and what waits here.').action(
    (options: DeviceOptions) =>
      runCommand(options, async () => {
        const status = await withAgent(options.device, (ask) => ask({ ask: 'status' }))
        if (options.json) return printJson(status)
        sayStatus(status)
      }),
  )
}

export function pauseCommand(): Command {
  return pausing('pause', 'Stops recording at once, until you resume. Nobody is told.')
}

export function resumeCommand(): Command {
  return pausing('resume', 'Ends your pause.')
}

function pausing(name: 'pause' | 'resume', description: string): Command {
  return deviceCommand(name, description).action((options: DeviceOptions) =>
    runCommand(options, async () => {
      const status = await withAgent(options.device, (ask) => ask({ ask: name }))
      if (options.json) return printJson(status)
      sayStatus(status)
    }),
  )
}

function sayStatus({ says, waiting, task, alerts }: StatusAnswer): void {
  say(...alerts, says)
  if (task !== null) say(`The chosen task is ${task}.`)
  const { recordings, actions, sealedBatches } = waiting
  if (recordings > 0) {
    say(
      `${count(recordings, 'recording')} with ${count(actions, 'action')} wait here; \`fairtrace-agent review\` shows them.`,
    )
  }
  if (sealedBatches > 0) say(`${count(sealedBatches, 'sealed batch', 'sealed batches')} wait for the network.`)
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}
