import type { Command } from 'commander'
import { withAgent } from '../control/ask-agent.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

/** One action, without a question: as easy as it can be. */
export function withdrawCommand(): Command {
  return deviceCommand(
    'withdraw',
    'Withdraws, at once: nothing is recorded, what waits is deleted, what is stored becomes unreadable.',
  ).action((options: DeviceOptions) =>
    runCommand(options, async () => {
      const { receipt } = await withAgent(options.device, (ask) => ask({ ask: 'withdraw' }))
      if (options.json) return printJson({ receipt })
      say(
        'You withdrew. What waited here is deleted, and the keys to what is stored are destroyed within a minute.',
        `Keep this receipt:\n${receipt}`,
      )
    }),
  )
}
