/** `fairtrace`: finds the command and runs it. Each command is loaded only when it is asked for. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Command } from 'commander'

interface Entry {
  readonly summary: string
  load(): Promise<Command>
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  start: {
    summary: 'start Fairtrace here, with everything it needs, and a demonstration',
    load: async () => (await import('./commands/start.ts')).startCommand(),
  },
  demo: {
    summary: 'run one whole cycle in a temporary folder: charter, consent, capture, release',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  shield: {
    summary: 'show what would leave of a recording: input events in, actions out',
    load: async () => (await import('./commands/shield.ts')).shieldCommand(),
  },
  replay: {
    summary: 'capture a recording on an enrolled device, and upload what is due',
    load: async () => (await import('./commands/replay.ts')).replayCommand(),
  },
  consent: {
    summary: 'show and change your own consent: give, pause, withdraw, receipts, tasks',
    load: async () => (await import('./commands/consent.ts')).consentCommand(),
  },
  agent: {
    summary: 'the desktop agent: join, choose, record, review, pause, withdraw',
    load: async () => (await import('fairtrace-agent')).agentCommand('agent'),
  },
  release: {
    summary: 'build, show and export releases',
    load: async () => (await import('./commands/release.ts')).releaseCommand(),
  },
  room: {
    summary: 'run programs on a release in the training room, review what they write',
    load: async () => (await import('./commands/room.ts')).roomCommand(),
  },
  model: {
    summary: 'list the models that left the training room, and what they cost',
    load: async () => (await import('./commands/model.ts')).modelCommand(),
  },
  risk: {
    summary: 'train attackers on recordings, and say how well people can be found in them',
    load: async () => (await import('./commands/risk.ts')).riskCommand(),
  },
  verify: {
    summary: 'check a release, a receipt, a proof or a ledger, offline',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  witness: {
    summary: 'watch a ledger, cosign it, and keep evidence if it ever lies',
    load: async () => (await import('./commands/witness.ts')).witnessCommand(),
  },
  access: {
    summary: 'show who can read what and why, ask for access, list and end grants',
    load: async () => (await import('./commands/access.ts')).accessCommand(),
  },
  audience: {
    summary: 'show who can read what, through which path and since when, and what nobody declared',
    load: async () => (await import('./commands/audience.ts')).audienceCommand(),
  },
  charter: {
    summary: 'write, check, plan, propose and sign a charter',
    load: async () => (await import('./commands/charter.ts')).charterCommand(),
  },
  gate: {
    summary: 'show what the gate lacks, sign its statement as one of the quorum, open it',
    load: async () => (await import('./commands/gate.ts')).gateCommand(),
  },
  lockdown: {
    summary: 'lock everything at once, and see who has stopped',
    load: async () => (await import('./commands/lockdown.ts')).lockdownCommand(),
  },
  incident: {
    summary: 'show the records of lockdowns, record causes, send notices, export',
    load: async () => (await import('./commands/incident.ts')).incidentCommand(),
  },
  catalogue: {
    summary: "extract an app's interface labels for a charter, for a person to review",
    load: async () => (await import('./commands/catalogue.ts')).catalogueCommand(),
  },
  concern: {
    summary: 'read, raise, join or leave a concern, without being named',
    load: async () => (await import('./commands/concern.ts')).concernCommand(),
  },
  vault: {
    summary: 'check everything that is stored against what the vault wrote',
    load: async () => (await import('./commands/vault.ts')).vaultCommand(),
  },
  assurance: {
    summary: 'show and export the case that the safeguards work, with its evidence',
    load: async () => (await import('./commands/assurance.ts')).assuranceCommand(),
  },
  drill: {
    summary: 'attack the running system in earnest, and see whether its safeguards hold',
    load: async () => (await import('./commands/drill.ts')).drillCommand(),
  },
  keeper: {
    summary: 'run the second custodian, without whose share nothing that is stored opens',
    load: async () => (await import('./commands/keeper.ts')).keeperCommand(),
  },
  sweep: {
    summary: 'show which places are swept for copies, how long ago, and sweep now',
    load: async () => (await import('./commands/sweep.ts')).sweepCommand(),
  },
  honey: {
    summary: 'let honey participants take part, whom only the scanner knows from others',
    load: async () => (await import('./commands/honey.ts')).honeyCommand(),
  },
  serve: {
    summary: 'run one role as a process of its own',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
  },
}

// Whatever a command writes is its account's alone, libraries' files included.
process.umask(0o077)

const version = String(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version)
const program = new Command('fairtrace')
  .description(
    'Collects how people use their computers to train AI agents, without exposing how any one of them works.',
  )
  .version(version)
  .showHelpAfterError('Run with --help to see what this command takes.')

// The launcher's IPC channel is our lifeline; alone it keeps nothing alive. `start` and `serve` end in good order themselves.
const name = process.argv[2] ?? ''
if (name !== 'start' && name !== 'serve') process.on('disconnect', () => process.exit(1))
if (name !== 'serve') process.channel?.unref()

const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (entry) program.addCommand(exitWithUsage(await entry.load()))
else for (const [other, { summary }] of Object.entries(COMMANDS)) program.command(other).description(summary)

exitWithUsage(program)
try {
  await program.parseAsync()
} catch (error) {
  // Commander has printed what is wrong, or the help that was asked for.
  if (!isCommanderExit(error)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
}

/** Wrong arguments end with 2 everywhere; commander's own default is 1. */
function exitWithUsage(command: Command): Command {
  command.exitOverride()
  for (const child of command.commands) exitWithUsage(child)
  return command
}

function isCommanderExit(error: unknown): error is { exitCode: number } {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number' && 'code' in error
}
