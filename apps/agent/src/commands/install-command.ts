import type { Command } from 'commander'
import { installService, uninstallService } from '../service/service.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

export function installCommand(): Command {
  return deviceCommand(
    'install',
    'Lets the agent start with your desktop session, as a service of your own account.',
  ).action((options: DeviceOptions) =>
    runCommand(options, () => {
      const installed = installService(options.device)
      if (options.json) return printJson(installed)
      say(`Written: ${installed.file}`)
      say(installed.next ?? 'It starts with your session from now on; `fairtrace-agent start` starts it now.')
    }),
  )
}

export function uninstallCommand(): Command {
  return deviceCommand(
    'uninstall',
    'Takes the service away again. What waits here stays; consent is not touched.',
  ).action((options: DeviceOptions) =>
    runCommand(options, () => {
      const removed = uninstallService()
      if (options.json) return printJson({ removed })
      say(removed ? 'The service is gone.' : 'There was no service.')
    }),
  )
}
