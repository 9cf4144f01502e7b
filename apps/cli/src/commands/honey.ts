/** `fairtrace honey plant`: honey participants take part, step by step, as everybody does. */
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { HONEY_PEOPLE_MAX } from '@fairtrace/server/sentinel/honey/honey-ids'
import { Command } from 'commander'
import { dataOption } from '../data-dir.ts'
import { type HoneyReport, tendHoney } from '../honey/tend-honey.ts'
import { printJson, runCommand, wholeNumber } from '../terminal.ts'

interface Options {
  readonly data: string
  readonly count: string
  readonly invitations?: string
  readonly json?: boolean
}

export function honeyCommand(): Command {
  const command = new Command('honey').description(
    'Looks after honey participants, whom only the scanner knows from others.',
  )
  command
    .command('plant')
    .description(
      'Lets honey participants join, consent, work and upload, whatever is due now. Run it daily; nobody waits less than others.',
    )
    .addOption(dataOption())
    .option('--count <people>', 'how many there shall be', '3')
    .option('--invitations <file>', 'invitation codes, one a line; a demonstration makes its own')
    .option('--json', 'print JSON')
    .action((options: Options) =>
      runCommand(options, async () => {
        const count = wholeNumber('--count', options.count, 1, HONEY_PEOPLE_MAX)
        const dir = new DataDir(options.data)
        const { honeyKey } = dir.secrets('scanner')
        if (honeyKey === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the scanner has no honey key')
        const report = await tendHoney(dir, honeyKey, count, options.invitations ?? null)
        if (options.json) printJson(report)
        else process.stdout.write(describe(report))
        const [first] = report.failed
        if (first !== undefined) process.exitCode = new FairtraceError(first.code, first.message).exitCode
      }),
    )
  return command
}

function describe(report: HoneyReport): string {
  const { people, joined, reflecting, consented, captured, uploaded, failed } = report
  const lines = [
    `${people} honey participants: ${joined} joined, ${consented} consented, ${captured} recordings made, ${uploaded} batches sent now.`,
    ...(reflecting === 0 ? [] : [`${reflecting} wait for the end of their reflection period.`]),
    ...failed.map(
      ({ person, code, message }) =>
        `${person === null ? 'NOT DONE' : `NOT DONE, number ${person}`}: ${message} (${code})`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
