/**
 * `fairtrace shield`: what would leave of a recording. Actions go to standard output as JSON lines, counts to standard
 * error; nothing of the recording is printed but what the shield lets out.
 */
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import process from 'node:process'
import {
  type Action,
  createShield,
  DROP_REASONS,
  type DropReason,
  defaultShieldSettings,
  FairtraceError,
  parseCharter,
  type Shield,
  type ShieldSettings,
  shieldSettings,
} from '@fairtrace/core'
import { type Problem, REPLAY_FORMATS, type ReplayFormat, type ReplayReport, replayFile } from '@fairtrace/device'
import { Command, Option } from 'commander'
import { printJson, progress, runCommand } from '../terminal.ts'

interface Options {
  readonly format: ReplayFormat
  readonly charter?: string
  readonly app: string
  readonly scrollDirection: '1' | '-1'
  readonly window?: string
  readonly person?: string
  readonly session?: string
  readonly stats?: boolean
  readonly json?: boolean
}

/** What was counted; `dropped` and `problems` name the first lines concerned. */
interface ShieldSummary {
  readonly lines: number
  readonly inputEvents: number
  readonly actions: number
  readonly actionBytes: number
  readonly byKind: Readonly<Record<string, number>>
  readonly dropped: readonly {
    readonly reason: DropReason
    readonly count: number
    readonly firstLines: readonly number[]
  }[]
  readonly problems: readonly Problem[]
  readonly seconds: number
}

const FIRST_LINES = 5

export function shieldCommand(): Command {
  return new Command('shield')
    .description('Shows what would leave of a recording: input events in, actions as JSON lines out.')
    .argument('<recording>', 'a file, plain or gzip; - for standard input')
    .addOption(
      new Option('--format <format>', 'how it was recorded').choices([...REPLAY_FORMATS]).makeOptionMandatory(),
    )
    .option('--charter <file>', "shield as this charter says; the design's default levels without one")
    .option('--app <id>', 'the app that it was recorded in', 'desktop:recording')
    .addOption(
      new Option('--scroll-direction <direction>', '-1 for natural scrolling').choices(['1', '-1']).default('1'),
    )
    .option('--window <width>x<height>', 'size of what was recorded, in pixels')
    .option('--person <id>', 'only this person of a CSV of many')
    .option('--session <id>', 'only this session or section of a CSV')
    .option('--stats', 'print totals alone')
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      '\nCounts go to standard error; with --stats they go to standard output, and actions nowhere.',
    )
    .action((path: string, options: Options) => runCommand(options, () => shieldRecording(path, options)))
}

async function shieldRecording(path: string, options: Options): Promise<void> {
  const settings = await readSettings(options)
  const output = new ActionOutput(options.stats === true)
  const drops = new DropLines()
  const shield = createShield(settings, (reason) => drops.add(reason))
  const window = parseWindow(options.window)
  // Nobody knows how long standard input is.
  const bar = path === '-' ? null : progress('shield', (await stat(path)).size)
  const startedMs = performance.now()
  const batch: Action[] = []
  const drain = () => {
    output.add(batch)
    batch.length = 0
  }
  let report: ReplayReport
  try {
    report = await replayFile(
      path,
      options.format,
      {
        app: options.app,
        scrollDirection: options.scrollDirection === '-1' ? -1 : 1,
        ...(window === null ? {} : { window }),
        ...(options.person === undefined ? {} : { person: options.person }),
        ...(options.session === undefined ? {} : { session: options.session }),
        betweenChunks: (bytes) => {
          bar?.update(bytes)
          drain()
          return output.isFull ? output.drained() : undefined
        },
      },
      (event, line) => {
        drops.line = line
        shield.push(event, batch)
      },
    )
    shield.end(batch)
    drain()
    await output.drained()
  } finally {
    bar?.stop()
  }
  const seconds = (performance.now() - startedMs) / 1_000
  printSummary(summaryOf(report, shield, drops, output.bytes, seconds), options)
  if (report.end !== 'whole') {
    throw new FairtraceError('INPUT_TRUNCATED', `the recording is ${report.end} after line ${report.lines}`)
  }
}

/** @throws `CHARTER_UNREADABLE`, `CHARTER_INVALID`, `USAGE` */
async function readSettings(options: Options): Promise<ShieldSettings> {
  if (options.charter === undefined) return defaultShieldSettings([options.app])
  const yaml = await readFile(options.charter, 'utf8').catch((cause: unknown) => {
    throw new FairtraceError('CHARTER_UNREADABLE', "the charter can't be read", { cause })
  })
  const settings = shieldSettings(parseCharter(yaml, options.charter))
  if (!settings.apps.has(options.app)) {
    throw new FairtraceError(
      'USAGE',
      `the charter does not list the app ${options.app}; name one that it lists with --app`,
    )
  }
  return settings
}

function parseWindow(text: string | undefined): { readonly width: number; readonly height: number } | null {
  if (text === undefined) return null
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text)
  const [width, height] = [Number(match?.[1]), Number(match?.[2])]
  if (!(width > 0 && height > 0)) throw new FairtraceError('USAGE', 'write a window as 1366x768')
  return { width, height }
}

/** Lines on standard output, at the reader's pace. A reader that has had enough ends the program quietly. */
class ActionOutput {
  bytes = 0
  readonly #isSilent: boolean
  #isFull = false
  #failure: Error | null = null

  constructor(isSilent: boolean) {
    this.#isSilent = isSilent
    process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EPIPE') process.exit(0)
      this.#failure = cause
    })
  }

  get isFull(): boolean {
    return this.#isFull
  }

  add(actions: readonly Action[]): void {
    let text = ''
    for (const action of actions) text += `${JSON.stringify(action)}\n`
    if (text === '') return
    this.bytes += Buffer.byteLength(text)
    if (!this.#isSilent) this.#isFull = !process.stdout.write(text)
  }

  /** Resolves when everything was taken. @throws what the system said, such as a full disk */
  async drained(): Promise<void> {
    if (this.#isFull) await once(process.stdout, 'drain')
    this.#isFull = false
    if (this.#failure !== null) throw this.#failure
  }
}

/** Which lines the shield dropped something of. */
class DropLines {
  line = 0
  readonly #byReason = new Map<DropReason, number[]>()

  add(reason: DropReason): void {
    const lines = this.#byReason.get(reason) ?? []
    if (lines.length < FIRST_LINES) this.#byReason.set(reason, [...lines, this.line])
  }

  of(reason: DropReason): readonly number[] {
    return this.#byReason.get(reason) ?? []
  }
}

function summaryOf(
  report: ReplayReport,
  shield: Shield,
  drops: DropLines,
  actionBytes: number,
  seconds: number,
): ShieldSummary {
  const { actions, dropped } = shield.counts
  return {
    lines: report.lines,
    inputEvents: report.inputEvents,
    actions: Object.values(actions).reduce((sum, count) => sum + count, 0),
    actionBytes,
    byKind: Object.fromEntries(Object.entries(actions).filter(([, count]) => count > 0)),
    dropped: DROP_REASONS.filter((reason) => dropped[reason] > 0).map((reason) => ({
      reason,
      count: dropped[reason],
      firstLines: drops.of(reason),
    })),
    problems: report.problems,
    seconds: Math.round(seconds * 1_000) / 1_000,
  }
}

function printSummary(summary: ShieldSummary, options: Options): void {
  const stream = options.stats === true ? process.stdout : process.stderr
  if (options.json === true) {
    if (options.stats === true) printJson(summary)
    else stream.write(`${JSON.stringify(summary)}\n`)
    return
  }
  const kinds = Object.entries(summary.byKind).map(([kind, count]) => `${count} ${kind}`)
  stream.write(
    `${summary.lines} lines, ${summary.inputEvents} input events → ${summary.actions} actions (${summary.actionBytes} bytes)\n`,
  )
  if (kinds.length > 0) stream.write(`  ${kinds.join(', ')}\n`)
  for (const { reason, count, firstLines } of summary.dropped) {
    stream.write(
      `  dropped by the shield, ${reason}: ${count} (line ${firstLines.join(', ')}${count > firstLines.length ? ', …' : ''})\n`,
    )
  }
  for (const { reason, count, firstLines } of summary.problems) {
    stream.write(
      `  not understood, ${reason}: ${count} (line ${firstLines.join(', ')}${count > firstLines.length ? ', …' : ''})\n`,
    )
  }
}
