import type { Command } from 'commander'
import { askDaemon } from '../control/ask-agent.ts'
import { showInBrowser } from '../page/show.ts'
import { sessionDir } from '../paths.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

export function openCommand(): Command {
  return deviceCommand('open', 'Opens the review page in your browser.')
    .option('--print', 'print the address instead; it works once, for two minutes')
    .action((options: DeviceOptions & { print?: boolean }) =>
      runCommand(options, async () => {
        const { url } = await askDaemon(options.device)({ ask: 'open' })
        if (options.json) return printJson({ url })
        if (options.print || !showInBrowser(url, sessionDir(options.device))) return say(url)
        say('The review page opens in your browser.')
      }),
    )
}
