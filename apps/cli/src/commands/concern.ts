/**
 * `fairtrace concern`: what a participant does about concerns, from their own device.
 *
 * `list` asks nobody: it shows what the device read when it last did its work. `raise`, `join` and `leave` send a token and no
 * sign-in. Tokens come with the device's own work, so that nobody fetches them because of a concern.
 */
import process from 'node:process'
import { text as readAll } from 'node:stream/consumers'
import { CONCERN_TEXT_MAX, FairtraceError } from '@fairtrace/core'
import { type DeviceConcerns, type KnownConcern, openDevice } from '@fairtrace/device'
import { Command } from 'commander'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly device: string
  readonly server?: string
  readonly json?: boolean
}

export function concernCommand(): Command {
  const command = new Command('concern').description('Reads, raises, joins or leaves a concern, without being named.')
  add(command, 'list', 'show the concerns, as this device last read them').action((options: Options) =>
    runCommand(options, () => onDevice(options, (concerns) => list(concerns, options))),
  )
  add(command, 'raise', `raise a concern; its text, at most ${CONCERN_TEXT_MAX} characters, is read by others`)
    .argument('[text]', 'the text; left out or -, it is read from standard input')
    .action((text: string | undefined, options: Options) =>
      runCommand(options, () => onDevice(options, (concerns) => raise(concerns, text, options))),
    )
  add(command, 'join', 'support a concern').argument('<concern>', 'as `list` shows it').action(supporting('join'))
  add(command, 'leave', 'take your support back')
    .argument('<concern>', 'as `list` shows it')
    .action(supporting('leave'))
  return command
}

function add(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .requiredOption('--device <dir>', 'folder of the device')
    .option('--server <url>', 'where Fairtrace runs, if not where the device joined')
    .option('--json', 'print what happened as JSON')
}

function supporting(what: 'join' | 'leave') {
  return (concern: string, options: Options) =>
    runCommand(options, () =>
      onDevice(options, async (concerns) => {
        await concerns[what](concern)
        if (options.json) printJson({ concern, [what === 'join' ? 'joined' : 'left']: true })
        else process.stdout.write(`${what === 'join' ? 'You support it.' : 'You no longer support it.'} ${UNWRITTEN}\n`)
      }),
    )
}

const UNWRITTEN = 'This device keeps no note of it.'

async function onDevice(options: Options, work: (concerns: DeviceConcerns) => Promise<void> | void): Promise<void> {
  const device = await openDevice(options.device, {
    clock: { nowMs: () => Date.now() },
    ...(options.server === undefined ? {} : { serverUrl: options.server }),
  })
  try {
    await work(device.concerns())
  } finally {
    await device.close()
  }
}

async function list(concerns: DeviceConcerns, { json }: Options): Promise<void> {
  const known = await concerns.list()
  const digests = [...(await concerns.keyDigests())].map(([round, digest]) => ({ round, digest }))
  if (json) {
    printJson({ concerns: known, keys: digests })
    return
  }
  const say = (line: string) => process.stdout.write(`${line}\n`)
  if (known.length === 0) say('No concern is known here.')
  for (const concern of known) say(describe(concern))
  if (digests.length > 0) say('Keys of the tokens, the same for everybody; compare them with others:')
  for (const { round, digest } of digests) say(`  ${round}  ${digest}`)
}

async function raise(concerns: DeviceConcerns, given: string | undefined, { json }: Options): Promise<void> {
  const text = (given === undefined || given === '-' ? await readAll(process.stdin) : given).trim()
  if (text.length === 0 || text.length > CONCERN_TEXT_MAX) {
    throw new FairtraceError('USAGE', `the text has ${text.length} characters; 1 to ${CONCERN_TEXT_MAX} are taken`)
  }
  const concern = await concerns.raise(text)
  if (json) printJson({ concern, joined: true })
  else process.stdout.write(`It is raised as ${concern}, and you support it. Others read it. ${UNWRITTEN}\n`)
}

function describe({ concern, raisedOn, text, state, supporters, isOverdue, hasPaused, answer }: KnownConcern): string {
  const facts = [
    supporters === null ? 'few supporters' : `at least ${supporters} supporters`,
    isOverdue ? 'answer overdue' : STATES[state],
    ...(hasPaused ? ['paused the programme'] : []),
  ]
  const lines = [`${concern}  ${raisedOn}  ${facts.join(', ')}`, indent(text)]
  if (answer !== null) lines.push('  Answer of the worker representatives:', indent(answer))
  return lines.join('\n')
}

const STATES: Readonly<Record<KnownConcern['state'], string>> = {
  open: 'open',
  'in-review': 'answer due',
  answered: 'answered',
}

/** What others wrote can't steer the terminal. */
function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line.replace(/\p{Cc}/gu, ' ')}`)
    .join('\n')
}
