import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import type { Command } from 'commander'
import type { ReviewAnswer } from '../control/answers.ts'
import { withAgent } from '../control/ask-agent.ts'
import { runReview } from '../review/run-review.ts'
import { moment, saysRecording } from '../review/says-recording.ts'
import { printJson, runCommand, say, wholeNumber } from '../terminal.ts'
import { type DeviceOptions, deviceCommand } from './common.ts'

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
    .action((options: DeviceOptions & { text?: boolean }) =>
      runCommand(options, () =>
        withAgent(options.device, async (ask) => {
          if (options.json) return printJson(await ask({ ask: 'review' }))
          if (options.text || !process.stdin.isTTY || !process.stdout.isTTY) return print(await ask({ ask: 'review' }))
          return runReview(ask)
        }),
      ),
    )
  command.addCommand(
    deviceCommand('delete', 'Deletes a recording, or some of its actions. Deleted is gone.')
      .argument('<recording>', 'id of the recording; `review --json` and `review --text` have it')
      .option('--from <number>', 'first action to delete, as numbered; the first one if left out')
      .option('--to <number>', 'last action to delete, as numbered; the last one if left out')
      .action((id: string, options: PartOptions) => runCommand(options, () => deleteSome(id, options))),
  )
  command.addCommand(
    deviceCommand('release', 'Lets a recording leave before your time to review is over.')
      .argument('<recording>', 'id of the recording, or `all`')
      .action((id: string, options: DeviceOptions) => runCommand(options, () => release(id, options))),
  )
  return command
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
