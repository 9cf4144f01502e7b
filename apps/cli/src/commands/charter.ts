import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, relative, resolve } from 'node:path'
import process from 'node:process'
import {
  type Charter,
  charterHash,
  describeCharter,
  FairtraceError,
  isFairtraceError,
  parseCharter,
} from '@fairtrace/core'
import { DataDir, SERVER_BUILD } from '@fairtrace/server'
import { Command } from 'commander'
import { charterInForce, handInTo, type Outcome, type PortalPlace, proposeTo } from '../charter/charter-portal.ts'
import { DEVICE_BUILDS } from '../charter/device-builds.ts'
import { parseGroups } from '../charter/groups.ts'
import { readKeyFile } from '../charter/key-file.ts'
import { planChange, planLines } from '../charter/plan.ts'
import { signCharter } from '../charter/sign-charter.ts'
import { charterTemplate } from '../charter/template.ts'
import { dataOption } from '../data-dir.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Json {
  readonly json?: boolean
}

const SCHEMA = new URL('../../../../docs/charter.schema.json', import.meta.url).pathname
const SESSION_HELP = 'session of a signed-in programme owner; FAIRTRACE_SESSION does as well'

/** `fairtrace charter …`: the document that defines a programme, from its first line to its signatures. */
export function charterCommand(): Command {
  const command = new Command('charter').description('Works with charters, the documents that define a programme.')
  command
    .command('init')
    .description('Writes a charter with comments, to be filled in.')
    .argument('[file]', 'where to; never over a file that is there', 'charter.yaml')
    .option('--data <dir>', 'data directory whose public keys belong in it')
    .option('--json', 'print JSON')
    .action((file: string, options: Json & { data?: string }) => runCommand(options, () => init(file, options)))
  command
    .command('check')
    .description('Says in plain sentences what a charter means, or names every fault with its line.')
    .argument('<file>', 'the charter, a YAML file')
    .option('--json', 'print JSON')
    .action((file: string, options: Json) => runCommand(options, () => check(file, options.json === true)))
  command
    .command('plan')
    .description(
      'Shows what a change would do: what widens, for whom, who could read before and after, what it waits for.',
    )
    .argument('<charter...>', 'the old charter and the new one; or the new one alone, against what is in force')
    .option('--groups <file>', 'people by group, as lists of names or numbers, in JSON or YAML')
    .addOption(dataOption())
    .option('--server <url>', 'portal whose charter in force is the old one')
    .option('--json', 'print JSON')
    .action((files: string[], options: Json & PortalPlace & { groups?: string }) =>
      runCommand(options, () => plan(files, options)),
    )
  command
    .command('apply')
    .description('Proposes a charter to a portal. What only narrows holds at once; anything more waits for signatures.')
    .argument('<file>', 'the charter, a YAML file')
    .addOption(dataOption())
    .option('--server <url>', 'portal to send it to')
    .option('--session <token>', SESSION_HELP)
    .option('--json', 'print JSON')
    .action((file: string, options: Json & PortalPlace) => runCommand(options, () => apply(file, options)))
  command
    .command('sign')
    .description('Signs a charter with a software key: for demonstrations and tests, which have no passkeys.')
    .argument('<file>', 'the charter, a YAML file')
    .requiredOption('--key <file>', 'the key, {"name", "seed"} in JSON')
    .option('--data <dir>', 'hand the signature in where this data directory runs')
    .option('--server <url>', 'hand the signature in at this portal')
    .option('--json', 'print JSON')
    .action((file: string, options: Json & PortalPlace & { key: string }) =>
      runCommand(options, () => signFile(file, options)),
    )
  return command
}

async function init(file: string, options: Json & { data?: string }): Promise<void> {
  const schema = relative(dirname(resolve(file)), SCHEMA)
  const dir = options.data === undefined ? null : new DataDir(options.data)
  const keys = dir === null ? null : { ...dir.installation().keys, keeper: dir.keeper()?.key ?? null }
  const text = charterTemplate({ schema, keys, deviceBuilds: DEVICE_BUILDS, serverBuild: SERVER_BUILD })
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    if (isThere) throw new FairtraceError('USAGE', 'the file is there already; nothing was written', { cause })
    throw cause
  }
  if (options.json) printJson({ written: resolve(file) })
  else process.stdout.write(`Wrote ${file}. Fill it in, then run: fairtrace charter check ${file}\n`)
}

async function check(file: string, json: boolean): Promise<void> {
  const charter = parseOrList(await readText(file), basename(file), json)
  const hash = charterHash(charter)
  const says = describeCharter(charter)
  if (json) printJson({ valid: true, programme: charter.programme, version: charter.version, hash, says })
  else process.stdout.write(`${[...says, `Valid. Hash ${hash}`].join('\n')}\n`)
}

async function plan(files: readonly string[], options: Json & PortalPlace & { groups?: string }): Promise<void> {
  const [first, second] = files
  if (first === undefined || files.length > 2) throw new FairtraceError('USAGE', 'give one charter or two')
  const json = options.json === true
  const groups = options.groups === undefined ? {} : parseGroups(await readText(options.groups))
  const next = parseOrList(await readText(second ?? first), basename(second ?? first), json)
  const { charter, participants } =
    second === undefined
      ? await charterInForce(options)
      : { charter: parseOrList(await readText(first), basename(first), json), participants: null }
  const planned = planChange(charter, next, groups, participants)
  if (json) printJson(planned)
  else process.stdout.write(`${planLines(planned).join('\n')}\n`)
}

async function apply(file: string, options: Json & PortalPlace): Promise<void> {
  const yaml = await readText(file)
  parseOrList(yaml, basename(file), options.json === true)
  const session = options.session ?? process.env.FAIRTRACE_SESSION
  const outcome = await proposeTo({ ...options, ...(session === undefined ? {} : { session }) }, yaml)
  if (options.json) printJson(outcome)
  else process.stdout.write(`${outcomeSentence(outcome)}\n`)
}

async function signFile(file: string, options: Json & PortalPlace & { key: string }): Promise<void> {
  const charter = parseOrList(await readText(file), basename(file), options.json === true)
  const { name, seed } = await readKeyFile(options.key)
  const signed = signCharter(charterHash(charter), name, seed)
  const isHandedIn = options.data !== undefined || options.server !== undefined
  const outcome = isHandedIn ? await handInTo(options, signed) : null
  if (options.json) printJson({ ...signed, outcome })
  else if (outcome === null) process.stdout.write(`${JSON.stringify(signed)}\n`)
  else process.stdout.write(`${name} has signed. ${outcomeSentence(outcome)}\n`)
}

function outcomeSentence({ change }: Outcome): string {
  if (change === null) return 'The charter is in force, and signed.'
  const missing = change.missing.map(({ role, name }) => name ?? role).join(', ')
  if (change.missing.length > 0) return `Charter ${change.hash} (version ${change.version}) waits for: ${missing}.`
  const from = new Date(change.takesEffectAtMs ?? 0).toISOString()
  return `Everybody has signed. It takes effect at ${from}, for those who agree to it.`
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
