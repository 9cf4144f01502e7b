import process from 'node:process'
import type { Command } from 'commander'
import { askDaemon, isAgentRunning, withAgent } from '../control/ask-agent.ts'
import { checkPortal } from '../doctor/check-portal.ts'
import {
  type Check,
  checkAccessibility,
  checkDisk,
  checkDisplay,
  checkDumps,
  checkFolder,
  checkIndicator,
  checkKeyring,
  checkLease,
  checkService,
} from '../doctor/checks.ts'
import { systemKeyring } from '../keyring.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

const MARKS: Readonly<Record<Check['result'], string>> = { ok: '✓', look: '·', wrong: '✗' }
/** Something that it needs is not there. */
const EXIT_WRONG = 6

export function doctorCommand(): Command {
  return deviceCommand(
    'doctor',
    'Looks at everything that recording needs, and says what to do about what is wrong.',
  ).action((options: DeviceOptions) =>
    runCommand(options, async () => {
      const checks = await examine(options.device)
      if (options.json) printJson({ checks })
      else for (const { name, result, says, advice } of checks) sayCheck(name, result, says, advice)
      if (checks.some(({ result }) => result === 'wrong')) process.exitCode = EXIT_WRONG
    }),
  )
}

async function examine(device: string): Promise<readonly Check[]> {
  const status = await withAgent(device, (ask) => ask({ ask: 'status' }))
  const self = (await isAgentRunning(device)) ? await askDaemon(device)({ ask: 'self' }) : null
  const context = { device, status, self, hasKeyring: (await systemKeyring()) !== null }
  return [
    checkDisplay(),
    checkAccessibility(),
    checkIndicator(context),
    checkKeyring(context),
    checkFolder(context),
    checkDisk(context),
    ...(await checkPortal(status.portal)),
    checkLease(context),
    checkService(context),
    checkDumps(context),
  ]
}

function sayCheck(name: string, result: Check['result'], says: string, advice: string | null): void {
  say(`${MARKS[result]} ${name.padEnd(14)} ${says}`)
  if (advice !== null) say(`${' '.repeat(17)}${advice}`)
}
