import { FairtraceError, TASK_OUTCOMES } from '@fairtrace/core'
import type { Command } from 'commander'
import type { Ask } from '../control/answers.ts'
import { withAgent } from '../control/ask-agent.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

interface Options extends DeviceOptions {
  readonly none?: boolean
  readonly outcome?: string
}

export function taskCommand(): Command {
  return deviceCommand('task', 'Chooses a task to show, or says how the chosen one ended.')
    .argument('[task]', 'id of a task of the charter')
    .option('--none', 'work without a task from here on')
    .option('--outcome <outcome>', `how the chosen task ended: ${TASK_OUTCOMES.join(' or ')}`)
    .action((task: string | undefined, options: Options) =>
      runCommand(options, () => withAgent(options.device, (ask) => choose(ask, task, options))),
    )
}

async function choose(ask: Ask, task: string | undefined, { none, outcome, json }: Options): Promise<void> {
  if ([task !== undefined, none === true, outcome !== undefined].filter(Boolean).length > 1) {
    throw new FairtraceError('USAGE', 'give a task, --none or --outcome')
  }
  if (outcome !== undefined) {
    const known = TASK_OUTCOMES.find((one) => one === outcome)
    if (known === undefined) throw new FairtraceError('USAGE', `an outcome is ${TASK_OUTCOMES.join(' or ')}`)
    const { recording } = await ask({ ask: 'finish-task', outcome: known })
    if (json) return printJson({ task: null, outcome, recording })
    return say(recording === null ? 'The task is over; no recording of it waits here.' : `Marked: ${outcome}.`)
  }
  if (task !== undefined || none) await ask({ ask: 'task', task: task ?? null })
  const { tasks, task: now } = await ask({ ask: 'choices' })
  if (json) return printJson({ task: now, tasks })
  say(now === null ? 'No task is chosen. The charter has:' : `The chosen task is ${now}. The charter has:`)
  say(...tasks.map(({ id, instruction }) => `  ${id}: ${instruction}`))
}
