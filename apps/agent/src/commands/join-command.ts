import { FairtraceError } from '@fairtrace/core'
import type { Command } from 'commander'
import { withAgent } from '../control/ask-agent.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand, localTime } from './common.ts'

interface Options extends DeviceOptions {
  readonly portal: string
  readonly code: string
}

/** Takes an invitation and shows the notice. It allows nothing by itself. */
export function joinCommand(): Command {
  return deviceCommand('join', 'Takes an invitation and shows you the notice. Nothing is recorded by that.')
    .requiredOption('--portal <url>', 'address of the portal, as your invitation has it')
    .requiredOption('--code <code>', 'the code of your invitation')
    .action((options: Options) => runCommand(options, () => join(options)))
}

async function join({ device, portal, code, json }: Options): Promise<void> {
  if (!URL.canParse(portal))
    throw new FairtraceError('USAGE', '--portal takes an address such as https://portal.example')
  const { notice, reflectionEndsAtMs } = await withAgent(device, (ask) => ask({ ask: 'join', portal, code }))
  if (json) return printJson({ notice, reflectionEndsAtMs })
  say(
    notice.text,
    '',
    `This was notice ${notice.version}. Nothing is recorded, and you need not do anything.`,
    `You can say yes from ${localTime(reflectionEndsAtMs)} on: \`fairtrace-agent consent\` asks you then, for each kind of input and each app.`,
  )
}
