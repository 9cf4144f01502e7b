import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { SAFEGUARDS } from '@fairtrace/server/assurance/safeguards'
import { Command } from 'commander'
import { readKeyFile } from '../charter/key-file.ts'
import { CycleBar } from '../demo/cycle-bar.ts'
import { DRILLS } from '../drill/catalogue.ts'
import type { Drill } from '../drill/drill.ts'
import { superuser } from '../drill/ground.ts'
import { type IncidentStory, replayIncident } from '../drill/incident.ts'
import { Plants } from '../drill/plants.ts'
import { announced, type DrillResult, requireDrill, runDrill, runUnannounced } from '../drill/run.ts'
import { runTwins, startThrowaway } from '../drill/twins.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly all?: boolean
  readonly data?: string
  readonly twins?: boolean
  readonly twin?: boolean
  readonly key?: string
  readonly nonce?: string
  readonly out?: string
  readonly json?: boolean
}

const DATA = ['--data <dir>', 'data directory in which Fairtrace runs; left out, a throwaway demonstration'] as const
const FAILED = 7

/** `fairtrace drill`: attacks the running system in earnest, and says whether its safeguards hold. */
export function drillCommand(): Command {
  const drill = new Command('drill')
    .description('Attacks the running system in earnest, cleans up, and says whether each safeguard holds.')
    .option('--all', 'every drill, and its twin: the same with the safeguard removed, which must go red')
    .option('--no-twins', 'leave the twins out')
    .option(...DATA)
    .option('--json', 'print the results as JSON')
    .action((options: Options) => runCommand(options, () => all(options)).then(() => process.exit()))
  drill
    .command('list')
    .description('Lists the drills and the safeguards that they attack.')
    .option('--json', 'print them as JSON')
    .action((_options: Options, command: Command) => runCommand(globals(command), async () => list(globals(command))))
  drill
    .command('run <id>')
    .description('Runs one drill.')
    .option('--twin', 'with its safeguard removed, in a throwaway demonstration')
    .option(...DATA)
    .option('--json', 'print the result as JSON')
    .action((id: string, _options: Options, command: Command) =>
      runCommand(globals(command), () => one(id, globals(command))).then(() => process.exit()),
    )
  drill
    .command('unannounced')
    .description('Lets a nonce of the worker representative’s pick a drill, and runs it.')
    .requiredOption('--key <file>', 'the key of the worker representative, {"name", "seed"} in JSON')
    .option('--nonce <text>', 'what they chose, 22 to 86 characters; random where it is left out')
    .option(...DATA)
    .option('--json', 'print the result as JSON')
    .action((_options: Options, command: Command) =>
      runCommand(globals(command), () => unannounced(globals(command))).then(() => process.exit()),
    )
  drill
    .command('incident')
    .description('Replays the incident that this was built against, from a planted exposure to the signed re-enabling.')
    .option('--out <dir>', 'where the record of the incident goes', 'incident')
    .option(...DATA)
    .option('--json', 'print what came of it as JSON')
    .action((_options: Options, command: Command) =>
      runCommand(globals(command), () => incident(globals(command))).then(() => process.exit()),
    )
  drill
    .command('clean')
    .description('Takes away what an interrupted drill left behind.')
    .option(...DATA)
    .option('--json', 'print how much as JSON')
    .action((_options: Options, command: Command) =>
      runCommand(globals(command), () => clean(globals(command))).then(() => process.exit()),
    )
  return drill
}

function globals(command: Command): Options {
  return command.optsWithGlobals<Options>()
}

async function all(options: Options): Promise<void> {
  if (!options.all) throw new FairtraceError('USAGE', 'give --all, or one of: list, run, clean')
  report(options, await runAll(DRILLS, options))
}

/** Twins first, so that the evidence of each drill can say what its twin showed. */
async function runAll(drills: readonly Drill[], { data, twins }: Options): Promise<readonly DrillResult[]> {
  const bar = new CycleBar()
  try {
    const shown = twins === false ? [] : await runTwins(drills, (...step) => bar.show(...step))
    return await onInstallation(data, bar, async (dir) => {
      const results: DrillResult[] = []
      for (const [i, { id }] of drills.entries()) {
        bar.show('Drills', i, drills.length)
        const twin = shown.find((result) => result.id === id)?.wentRed ?? null
        results.push(await runDrill(dir, announced(id), twin))
      }
      return results
    })
  } finally {
    bar.stop()
  }
}

async function one(id: string, options: Options): Promise<void> {
  const drill = requireDrill(id)
  const bar = new CycleBar()
  try {
    if (options.twin) {
      const [result] = await runTwins([drill], (...step) => bar.show(...step))
      bar.stop()
      if (options.json) printJson(result)
      else console.log(`${id}: ${result?.wentRed ? 'went red, as it must' : 'DID NOT GO RED'} (${result?.why})`)
      if (!result?.wentRed) process.exitCode = FAILED
      return
    }
    const result = await onInstallation(options.data, bar, (dir) => runDrill(dir, announced(id), null))
    bar.stop()
    report(options, [result])
  } finally {
    bar.stop()
  }
}

async function unannounced(options: Options): Promise<void> {
  const { key, data, nonce } = options
  if (key === undefined || data === undefined) throw new FairtraceError('USAGE', 'give --key and --data')
  const { name, seed } = await readKeyFile(key)
  report(options, [await runUnannounced(new DataDir(data), { name, seed }, nonce)])
}

async function incident(options: Options): Promise<void> {
  const bar = new CycleBar()
  try {
    const story = await onInstallation(options.data, bar, (dir) =>
      replayIncident(dir, options.out ?? 'incident', (...step) => bar.show(...step)),
    )
    bar.stop()
    if (options.json) printJson(story)
    else console.log(told(story))
  } finally {
    bar.stop()
  }
}

function told({ detectMs, reopened, unannounced: picked, state, epoch, files }: IncidentStory): string {
  return [
    `A copy with a wrong access list was found after ${detectMs} ms, and everything locked.`,
    `The first fix did not hold: the exposure was reopened ${reopened} time${reopened === 1 ? '' : 's'}, until the copy was gone.`,
    `Root cause recorded, everybody concerned told, the same fault drilled again; the representative’s nonce picked ${picked}.`,
    `Four people signed. The programme is ${state}, epoch ${epoch}.`,
    `The record: ${files.join(', ')}.`,
  ].join('\n')
}

async function onInstallation<T>(
  data: string | undefined,
  bar: CycleBar,
  work: (dir: DataDir) => Promise<T>,
): Promise<T> {
  if (data !== undefined) return work(new DataDir(data))
  const throwaway = await startThrowaway(undefined, (...step) => bar.show(...step))
  try {
    return await work(throwaway.dir)
  } finally {
    await throwaway.stop()
  }
}

async function clean(options: Options): Promise<void> {
  if (options.data === undefined) throw new FairtraceError('USAGE', 'name the installation with --data')
  const dir = new DataDir(options.data)
  const sql = superuser(dir, dir.runtime())
  try {
    const removed = await new Plants(dir, sql).removeAll()
    if (options.json) printJson({ removed })
    else console.log(removed === 0 ? 'Nothing was left.' : `${removed} plants were removed.`)
  } finally {
    await sql.end()
  }
}

function list(options: Options): void {
  if (options.json) {
    printJson({ safeguards: SAFEGUARDS.map(({ expects: _, ...safeguard }) => safeguard) })
    return
  }
  for (const { drill, promise, statement } of SAFEGUARDS)
    console.log(`${drill.padEnd(20)} promise ${promise}  ${statement}`)
}

function report(options: Options, results: readonly DrillResult[]): void {
  const failed = results.filter(({ passed, twin }) => !passed || twin === false)
  if (failed.length > 0) process.exitCode = FAILED
  if (options.json) {
    printJson({ drills: results })
    return
  }
  for (const { id, passed, twin, detectMs, containMs, why } of results) {
    const times = detectMs === null ? '' : `, found after ${detectMs} ms, contained after ${containMs ?? '?'} ms more`
    const without = twin === null ? '' : twin ? '; red without its safeguard' : '; NOT RED WITHOUT ITS SAFEGUARD'
    console.log(`${passed ? 'held  ' : 'FAILED'} ${id.padEnd(20)} ${why}${times}${without}`)
  }
  console.log(`${results.length - failed.length} of ${results.length} drills passed.`)
}
