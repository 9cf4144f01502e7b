import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { Command } from 'commander'
import { dataOption } from '../data-dir.ts'
import { DEMO_CLOCK_START_MS, runCycle } from '../demo/cycle.ts'
import { CycleBar } from '../demo/cycle-bar.ts'
import { isCycleDone, markCycleDone, readPeople } from '../demo/people.ts'
import { ENTRY } from '../entry.ts'
import { printJson, runCommand, wholeNumber } from '../terminal.ts'

interface Options {
  readonly data: string
  readonly port: string
  readonly demo: boolean
  readonly participants: string
  readonly json?: boolean
}

export type { ENTRY }

/** `fairtrace start`: the embedded form, in the foreground, until Ctrl-C. */
export function startCommand(): Command {
  return new Command('start')
    .description(
      'Starts Fairtrace here: its database, every role as a process of its own, and, in a new data directory, a demonstration.',
    )
    .addOption(dataOption())
    .option('--port <port>', 'port of the portal; 0 takes a free one', '7400')
    .option('--no-demo', 'make a new data directory an empty installation instead of a demonstration')
    .option('--participants <count>', 'simulated participants of a new demonstration', '25')
    .option('--json', 'print addresses and sign-ins as JSON once it is ready')
    .action((options: Options) => runCommand(options, () => start(options)).then(() => process.exit()))
}

async function start(options: Options): Promise<void> {
  const port = wholeNumber('--port', options.port, 0, 65_535)
  const participants = wholeNumber('--participants', options.participants, 5, 1_000)
  const dir = new DataDir(options.data)
  const stopping = stopSignal()
  const bar = new CycleBar()
  const embedded = await startEmbedded({
    dir,
    kindIfNew: options.demo ? 'demonstration' : 'production',
    host: '127.0.0.1',
    port,
    entry: ENTRY,
    clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
    mustReset: () => dir.installation().kind === 'demonstration' && !isCycleDone(dir),
    onStep: (sentence) => bar.show(sentence, 0, 1),
  })
  try {
    const ended = await Promise.race([
      stopping,
      embedded.failed,
      bringUp(embedded, dir, participants, bar, options.json ?? false),
    ])
    if (ended instanceof FairtraceError) throw ended
    if (ended !== 'ready') return
    const failure = await Promise.race([stopping, embedded.failed])
    if (failure instanceof FairtraceError) throw failure
  } finally {
    process.stderr.write('Stopping …\n')
    await embedded.stop()
  }
}

async function bringUp(
  embedded: Embedded,
  dir: DataDir,
  participants: number,
  bar: CycleBar,
  json: boolean,
): Promise<'ready'> {
  if (dir.installation().kind === 'demonstration' && !isCycleDone(dir)) {
    await runCycle(embedded, dir, { participants, recordings: null, onStep: (...step) => bar.show(...step) })
    markCycleDone(dir)
  }
  bar.stop()
  await embedded.open()
  if (json) printJson(facts(embedded, dir))
  else console.log(welcome(embedded, dir))
  return 'ready'
}

function facts(embedded: Embedded, dir: DataDir) {
  const { kind, keys } = dir.installation()
  const { portalUrl, intakeUrl } = embedded
  const accounts =
    kind === 'demonstration'
      ? readPeople(dir).accounts.map(({ name, role, password }) => ({ name, role, password }))
      : []
  return { portalUrl, intakeUrl, ledgerUrl: `${portalUrl}/ledger`, dataDir: dir.root, kind, keys, accounts }
}

function welcome(embedded: Embedded, dir: DataDir): string {
  const { kind, keys } = dir.installation()
  const lines = [
    '',
    `Fairtrace is ready: ${embedded.portalUrl}`,
    '',
    `  Portal    ${embedded.portalUrl}`,
    `  Intake    ${embedded.intakeUrl}`,
    `  Ledger    ${embedded.portalUrl}/ledger/checkpoint`,
    `  Data      ${dir.root} (${kind})`,
    '',
  ]
  if (kind === 'demonstration') {
    lines.push(`  Sign in at ${embedded.portalUrl}/sign-in with one of:`)
    for (const { role, name, password } of readPeople(dir).accounts)
      lines.push(`    ${role.padEnd(22)} ${name.padEnd(14)} ${password}`)
  } else {
    lines.push('  This installation is empty. Its keys, for the charter:')
    const keeper =
      dir.keeper()?.key ?? 'none yet: another custodian runs `fairtrace keeper init`; nothing is held until then'
    for (const [name, key] of Object.entries({ ...keys, keeper })) lines.push(`    ${name.padEnd(8)} ${key}`)
  }
  return [...lines, '', '  Stop with Ctrl-C.', ''].join('\n')
}

/** Resolves at the first signal, or when the launcher is gone. Ctrl-C arrives twice (terminal and npm): once is enough. */
function stopSignal(): Promise<'stop'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('stop'))
    process.on('disconnect', () => resolve('stop'))
    process.channel?.unref()
  })
}
