/** `fairtrace risk`: trains attackers on a file of recordings, raw or protected, and says how well people can be found in it. */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { gunzipSync } from 'node:zlib'
import { FairtraceError } from '@fairtrace/core'
import { replayFile } from '@fairtrace/device'
import {
  assessRecordings,
  CONTROLS,
  plotReports,
  RECORDING_FORMATS,
  type RecordingFormat,
  type RecordingsReport,
  worst,
} from '@fairtrace/risk'
import { Command, Option } from 'commander'
import { printJson, progress, runCommand, wholeNumber } from '../terminal.ts'

interface Options {
  readonly format: RecordingFormat
  readonly protect: string
  readonly people?: number
  readonly seed: number
  readonly json?: string
  readonly plot?: string
}

const FILES: Readonly<Record<RecordingFormat, string>> = {
  sapimouse: 'sapimouse/mouse.csv.gz',
  keystrokes: 'aalto-keystrokes/keystrokes.csv.gz',
  commands: 'purdue-unix/commands_8users.txt.gz',
}

export function riskCommand(): Command {
  return new Command('risk')
    .description('Trains attackers on recordings, raw or protected, and says how well people can be found in them.')
    .argument('[recordings]', 'a file of many people, plain or gzip; the one below FAIRTRACE_RECORDINGS if left out')
    .addOption(
      new Option('--format <format>', 'how it was recorded').choices([...RECORDING_FORMATS]).makeOptionMandatory(),
    )
    .option(
      '--protect <levels>',
      `none, default, levels (pointer=cell,keyboard=kind,cap=keys), or a control that must fail (${CONTROLS.join(', ')})`,
      'default',
    )
    .option('--people <count>', 'only the first so many people', (text: string) =>
      wholeNumber('--people', text, 2, 1_000_000),
    )
    .option(
      '--seed <number>',
      'the same seed gives the same report',
      (text: string) => wholeNumber('--seed', text, 0, 2 ** 31 - 1),
      1,
    )
    .option('--json <file>', 'write the whole report there; - for standard output')
    .option('--plot <file>', 'draw attack success against amount of data there, as SVG')
    .action((path: string | undefined, options: Options) =>
      // The report's own --json is a file: a refusal is said in words.
      runCommand({ json: options.json === '-' }, () => risk(path, options)),
    )
}

async function risk(path: string | undefined, options: Options): Promise<void> {
  const { format } = options
  const file = path ?? recordingOf(format)
  const bar = progress('attack', 1_000)
  let report: RecordingsReport
  try {
    report = await assessRecordings(textOf(file), {
      format,
      protect: options.protect,
      seed: options.seed,
      peopleMax: options.people ?? Number.POSITIVE_INFINITY,
      replay: async (onEvent) => {
        if (format !== 'commands') await replayFile(file, format, {}, onEvent)
      },
      onProgress: (share) => bar.update(Math.round(share * 1_000)),
    })
  } finally {
    bar.stop()
  }
  if (options.plot !== undefined) await write(options.plot, await plotReports([report]))
  if (options.json === '-') printJson(report)
  else {
    if (options.json !== undefined) await write(options.json, `${JSON.stringify(report, null, 2)}\n`)
    print(report)
  }
  // As `verify`: what doesn't hold is an answer, and scripts hear of it.
  if (report.verdicts.some(({ holds }) => !holds)) process.exitCode = 1
}

function recordingOf(format: RecordingFormat): string {
  const root = process.env.FAIRTRACE_RECORDINGS
  if (root === undefined) throw new FairtraceError('USAGE', 'name a file, or set FAIRTRACE_RECORDINGS')
  return join(root, FILES[format])
}

/** @throws `INPUT_UNREADABLE` */
function textOf(file: string): string {
  try {
    const bytes = readFileSync(file)
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (cause) {
    throw new FairtraceError('INPUT_UNREADABLE', 'the recordings cannot be read, or are damaged', { cause })
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (cause) {
    throw new FairtraceError('USAGE', `${file} cannot be written`, { cause })
  }
}

function print({ format, protect, people, kept, verdicts, figures }: RecordingsReport): void {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  say(`${format}, protected by: ${protect}. ${people} people, ${(100 * kept).toFixed(0)} % of the data.`)
  for (const amount of new Set(figures.map((figure) => figure.amount))) {
    const best = worst(figures, amount, ({ rank1 }) => rank1)
    if (best === null) continue
    const times = (best.rank1 * people).toFixed(1)
    say(`  ${amount} linked: rank-1 ${(100 * best.rank1).toFixed(1)} % (${times} times chance) by ${best.attacker}`)
  }
  for (const { name, amount, value, limit, holds } of verdicts) {
    say(`${holds ? 'holds' : 'FAILS'}  ${name} (${amount}): ${value?.toFixed(3) ?? 'none'}, limit ${limit.toFixed(3)}`)
  }
}
