import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { ROLES, type RoleName, serveRole } from '@fairtrace/server'
import { Command, Option } from 'commander'
import { dataOption } from '../data-dir.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly role: RoleName
  readonly data: string
  readonly host: string
  readonly port: string
  readonly json?: boolean
}

/** `fairtrace serve --role intake`: one role on the database of a data directory in which Fairtrace runs. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('Runs one role as a process of its own. `fairtrace start` runs them all.')
    .addOption(new Option('--role <role>', 'which role').choices([...ROLES]).makeOptionMandatory())
    .addOption(dataOption())
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', '0')
    .option('--json', 'print role and address as JSON')
    .action((options: Options) =>
      runCommand(options, async () => {
        const port = Number(options.port)
        if (!Number.isInteger(port) || port < 0 || port > 65_535)
          throw new FairtraceError('USAGE', `${options.port} is no port`)
        const address = await serveRole({ role: options.role, dataDir: options.data, host: options.host, port })
        if (options.json) printJson({ role: options.role, address })
        else if (process.stdout.isTTY)
          console.log(address === null ? `The ${options.role} runs.` : `The ${options.role} listens at ${address}`)
      }).then(() => {
        // A role that did not start has pools and timers open; the reason has been said.
        if (process.exitCode) process.exit()
      }),
    )
}
