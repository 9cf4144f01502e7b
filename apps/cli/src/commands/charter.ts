import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import process from 'node:process'
import {
  type Charter,
  charterHash,
  describeCharter,
  FairtraceError,
  isFairtraceError,
  parseCharter,
} from '@fairtrace/core'
import { Command } from 'commander'
import { printJson, runCommand } from '../terminal.ts'

/** `fairtrace charter check FILE`: what a charter means, or everything that is wrong with it. */
export function charterCommand(): Command {
  const command = new Command('charter').description('Works with charters, the documents that define a programme.')
  command
    .command('check')
    .description('Says in plain sentences what a charter means, or names every fault with its line.')
    .argument('<file>', 'the charter, a YAML file')
    .option('--json', 'print JSON')
    .action((file: string, options: { json?: boolean }) =>
      runCommand(options, () => check(file, options.json === true)),
    )
  return command
}

async function check(file: string, json: boolean): Promise<void> {
  const text = await readText(file)
  const charter = parseOrList(text, basename(file), json)
  const hash = charterHash(charter)
  const says = describeCharter(charter)
  if (json) printJson({ valid: true, programme: charter.programme, version: charter.version, hash, says })
  else process.stdout.write(`${[...says, `Valid. Hash ${hash}`].join('\n')}\n`)
}

/** The faults go to standard output, one a line, so that an editor or a pipe can use them. */
function parseOrList(text: string, file: string, json: boolean): Charter {
  try {
    return parseCharter(text, file)
  } catch (error) {
    if (!isFairtraceError(error) || json) throw error
    const faults = error.message.split('\n')
    process.stdout.write(`${faults.join('\n')}\n`)
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
    throw new FairtraceError('CHARTER_INVALID', `the charter has ${count}`, { cause: error })
  }
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (cause) {
    throw new FairtraceError('CHARTER_UNREADABLE', 'the charter can not be read as a text file', { cause })
  }
}
