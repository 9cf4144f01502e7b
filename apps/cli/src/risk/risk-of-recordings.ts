/** Risk of recordings as they were made by others: attacked raw, shielded and capped, or behind a control. */
import { join } from 'node:path'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { replayFile } from '@fairtrace/device'
import { assessRecordings, plotReports, type RecordingFormat, type RecordingsReport, worst } from '@fairtrace/risk'
import { printJson, progress } from '../terminal.ts'
import { textOf, writeText } from './files.ts'
import type { RiskOptions } from './risk-options.ts'

const FILES: Readonly<Record<RecordingFormat, string>> = {
  sapimouse: 'sapimouse/mouse.csv.gz',
  keystrokes: 'aalto-keystrokes/keystrokes.csv.gz',
  commands: 'purdue-unix/commands_8users.txt.gz',
}

export async function riskOfRecordings(
  format: RecordingFormat,
  path: string | undefined,
  options: RiskOptions,
): Promise<void> {
  const file = path ?? recordingOf(format)
  const bar = progress('attack', 1_000)
  let report: RecordingsReport
  try {
    report = await assessRecordings(await textOf(file), {
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
  if (options.plot !== undefined) await writeText(options.plot, await plotReports([report]))
  if (options.json === '-') printJson(report)
  else {
    if (options.json !== undefined) await writeText(options.json, `${JSON.stringify(report, null, 2)}\n`)
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
