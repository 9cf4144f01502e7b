/** What every command of the agent takes, and the words that several of them use. */
import { Command } from 'commander'
import { defaultDeviceDir } from '../paths.ts'

export interface DeviceOptions {
  readonly device: string
  readonly json?: boolean
}

export function deviceCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--device <dir>', 'folder of this device', defaultDeviceDir())
    .option('--json', 'print JSON')
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })

/** A moment in the person's own time zone. */
export function localTime(ms: number): string {
  return TIME.format(ms)
}
