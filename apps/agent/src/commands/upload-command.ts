import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import type { Command } from 'commander'
import { withAgent } from '../control/ask-agent.ts'
import { printJson, runCommand, say } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

/** What leaves does so by itself once a day, at a random time, so that the network tells nobody when a person worked. */
export function uploadCommand(): Command {
  return deviceCommand(
    'upload',
    'Sends what you released, and what you had your time to review, now instead of later today.',
  ).action((options: DeviceOptions) =>
    runCommand(options, async () => {
      const sent = await withAgent(options.device, (ask) => ask({ ask: 'upload' }))
      if (sent.stopped !== null) throw new FairtraceError(codeOf(sent.stopped), 'what waits could not be sent')
      if (options.json) return printJson(sent)
      say(sent.uploaded === 0 ? 'Nothing was due.' : `Sent ${sent.uploaded} sealed, ${sent.bytes} bytes.`)
    }),
  )
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'SERVER_REFUSED'
}
