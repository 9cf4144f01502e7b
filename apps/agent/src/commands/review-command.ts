import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import type { Command } from 'commander'
import type { ReviewAnswer } from '../control/answers.ts'
import { withAgent } from '../control/ask-agent.ts'
import { runReview } from '../review/run-review.ts'
import { moment, saysRecording } from '../review/says-recording.ts'
import { printJson, runCommand, say, wholeNumber } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

interface ReviewOptions extends DeviceOptions {
  readonly text?: boolean
}
interface PartOptions extends DeviceOptions {
  readonly from?: string
  readonly to?: string
}

/** Reads what would leave; `delete` and `release` do from a script what keys do on the screen. */
export function reviewCommand(): Command {
  const command = deviceCommand(
    'review',
    'Shows what would leave, as sentences; delete any part of it, or release it early.',
  )
    .option('--text', 'print it all instead of opening the screen')
    .action((options: ReviewOptions) => runCommand(options, () => show(options)))
  // Their `--device` and `--json` are those of `review`.
  command
    .command('delete')
    .description('Deletes a recording, or some of its actions. Deleted is gone.')
    .configureHelp({ showGlobalOptions: true })
    .argument('<recording>', 'id of the recording; `review --json` and `review --text` have it')
    .option('--from <number>', 'first action to delete, as numbered; the first one if left out')
    .option('--to <number>', 'last action to delete, as numbered; the last one if left out')
    .action((id: string, _own: unknown, self: Command) => {
      const options = self.optsWithGlobals<PartOptions>()
      return runCommand(options, () => deleteSome(id, options))
    })
  command
    .command('release')
    .description('Lets a recording leave before your time to review is over.')
    .configureHelp({ showGlobalOptions: true })
    .argument('<recording>', 'id of the recording, or `all`')
    .action((id: string, _own: unknown, self: Command) => {
      const options = self.optsWithGlobals<DeviceOptions>()
      return runCommand(options, () => release(id, options))
    })
  return command
}

async function show({ device, json, text }: ReviewOptions): Promise<void> {
  await withAgent(device, async (ask) => {
    if (json) return printJson(await ask({ ask: 'review' }))
    if (text || !process.stdin.isTTY || !process.stdout.isTTY) return print(await ask({ ask: 'review' }))
    return runReview(ask)
  })
}

function print({ recordings, sealedBatches, breaks, nowMs }: ReviewAnswer): void {
  say(recordings.length === 0 ? 'Nothing waits here.' : 'What waits here. Nothing of it has left this computer.')
  for (const recording of recordings) {
    say('', saysRecording(recording, nowMs), `  id ${recording.id}`)
    say(...recording.sentences.map((sentence, i) => `  ${i + 1}. ${sentence}`))
  }
  if (sealedBatches > 0) say('', `${sealedBatches} sealed and on the way.`)
  if (breaks.length > 0) say('', 'Why nothing was recorded for a while (this never leaves):')
  say(...breaks.map(({ atMs, reason }) => `  ${moment(atMs, nowMs)}: ${reason}`))
}

async function deleteSome(id: string, { device, from, to, json }: PartOptions): Promise<void> {
  await withAgent(device, async (ask) => {
    const { recordings } = await ask({ ask: 'review' })
    const found = recordings.find((recording) => recording.id === id)
    if (found === undefined) throw new FairtraceError('NOT_FOUND', 'no such recording waits here')
    const count = found.sentences.length
    if (from === undefined && to === undefined) {
      await ask({ ask: 'delete', recording: id })
    } else {
      const first = from === undefined ? 1 : wholeNumber('--from', from, 1, count)
      const last = to === undefined ? count : wholeNumber('--to', to, first, count)
      await ask({ ask: 'delete-part', recording: id, from: first - 1, to: last })
    }
    if (json) printJson({ deleted: true })
    else say('Deleted.')
  })
}

async function release(id: string, { device, json }: DeviceOptions): Promise<void> {
  const { released } = await withAgent(device, async (ask) => {
    if (id === 'all') return ask({ ask: 'release', recordings: null })
    const { recordings } = await ask({ ask: 'review' })
    const found = recordings.find((recording) => recording.id === id)
    if (found === undefined) throw new FairtraceError('NOT_FOUND', 'no such recording waits here')
    return ask({ ask: 'release', recordings: [id] })
  })
  if (json) printJson({ released })
  else
    say(
      released === 0
        ? 'Nothing is held that could be released.'
        : `Released ${released}; it leaves with the next upload.`,
    )
}
