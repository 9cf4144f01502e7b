import process from 'node:process'
import { Command } from 'commander'
import { endGrant, eraseReport, initKeeper, pinCharter, showStatus } from '../keeper/custodian.ts'
import { runKeeper } from '../keeper/run-keeper.ts'
import { runCommand } from '../terminal.ts'

const ABOUT = `
The keeper is the second custodian. It holds one half of the key to every person's stored recordings; the vault holds the other.
Nothing that is stored can be read without both. Whoever runs the keeper (the data-protection officer, or the worker
representative) runs it on a machine of their own, on which nobody who operates Fairtrace can sign in.

What it does by itself, for each request of the vault: it checks that two approvers signed the grant with their passkeys, that the
grant has not ended, that the opening stands in the public log, and that the log was not rewritten. It logs what it was asked, by
kind and outcome, and never sees a recording.

  1. fairtrace keeper init      makes it, and prints its public key, which the charter has to name (keys.keeper)
  2. fairtrace keeper pin       gives it the charter in force with its two signatures
  3. fairtrace keeper run       answers the vault, until it is stopped

Keep the passphrase to yourself, apart from the folder: without it the folder is useless, and without either of them nothing that
is stored can ever be read again. Make no backup of the folder: a backup would bring back shares that were destroyed because
somebody withdrew. If the keeper is lost, what is stored is lost with it; that is what it is for.

The passphrase is asked for, or read from the file that --passphrase-file names, or from the environment variable
FAIRTRACE_KEEPER_PASSPHRASE.`

interface Shared {
  readonly keeper: string
  readonly passphraseFile?: string
  readonly json?: boolean
}

/** `fairtrace keeper init|pin|run|status|end-grant|erase-report`. */
export function keeperCommand(): Command {
  return new Command('keeper')
    .description('Runs the second custodian, without whose share nothing that is stored opens.')
    .addHelpText('after', ABOUT)
    .addCommand(
      shared('init', 'Makes a keeper in an empty folder, and prints its public key for the charter.').action(
        (options: Shared) => runCommand(options, () => initKeeper(options)),
      ),
    )
    .addCommand(
      shared('pin', 'Gives a new keeper the charter that it goes by from here on.')
        .requiredOption('--charter <file>', 'the charter in force, a YAML file')
        .requiredOption('--approvals <file>', 'its signatures: a JSON list of what `fairtrace charter sign` prints')
        .action((options: Shared & { charter: string; approvals: string }) =>
          runCommand(options, () => pinCharter(options)),
        ),
    )
    .addCommand(
      shared('run', 'Answers the vault and cosigns the ledger, until Ctrl-C.')
        .option('--host <address>', 'where to listen; put TLS in front where others can listen in', '127.0.0.1')
        .option('--port <port>', 'port to listen on; 0 takes a free one', '7440')
        .option('--demonstration', 'make one by itself, with its passphrase beside it: for a demonstration alone')
        .option('--clock-offset <ms>', 'how far a demonstration runs behind the system clock', '0')
        .action((options: Shared & { host: string; port: string; demonstration?: boolean; clockOffset: string }) =>
          runCommand(options, () => runKeeper(options)).then(() => {
            // One that did not start has timers open; the reason has been said.
            if (process.exitCode) process.exit()
          }),
        ),
    )
    .addCommand(
      shared('status', 'Says what the keeper holds and has seen; it must not be running.').action((options: Shared) =>
        runCommand(options, () => showStatus(options)),
      ),
    )
    .addCommand(
      shared('end-grant', 'Ends a grant for good, whatever the vault says; the keeper must not be running.')
        .argument('<hash>', 'of the grant, as the portal shows it')
        .action((hash: string, options: Shared) => runCommand(options, () => endGrant(hash, options))),
    )
    .addCommand(
      shared('erase-report', 'Says of how many people the shares were destroyed; who they were nobody keeps.').action(
        (options: Shared) => runCommand(options, () => eraseReport(options)),
      ),
    )
}

function shared(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--keeper <folder>', "the keeper's own folder", 'fairtrace-keeper')
    .option('--passphrase-file <file>', 'file whose first line is the passphrase')
    .option('--json', 'print JSON')
}
