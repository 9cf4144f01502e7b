import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { DataDir, startEmbedded } from '@fairtrace/server'
import { Command } from 'commander'
import { type CycleReport, DEMO_CLOCK_START_MS, runCycle } from '../demo/cycle.ts'
import { CycleBar } from '../demo/cycle-bar.ts'
import { ENTRY } from '../entry.ts'
import { printJson, runCommand, wholeNumber } from '../terminal.ts'

interface Options {
  readonly json?: boolean
  readonly participants: string
  readonly keep?: string
  readonly recordings?: string
}

/** `fairtrace demo`: one whole cycle in a folder that is gone afterwards. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Runs one whole cycle in a temporary folder: charter, consent, capture, shield, seal, vault, grant, release.',
    )
    .option('--participants <count>', 'simulated participants', '25')
    .option('--keep <dir>', 'use this new folder and keep it')
    .option('--recordings <dir>', 'let the participants replay these real recordings besides')
    .option('--json', 'print the figures as JSON')
    .action((options: Options) => runCommand(options, () => demo(options)).then(() => process.exit()))
}

async function demo(options: Options): Promise<void> {
  const participants = wholeNumber('--participants', options.participants, 5, 1_000)
  const parent = options.keep === undefined ? mkdtempSync(join(tmpdir(), 'fairtrace-demo-')) : null
  const dir = new DataDir(options.keep ?? join(parent ?? '', 'data'))
  const startedMs = performance.now()
  try {
    const bar = new CycleBar()
    const embedded = await startEmbedded({
      dir,
      kindIfNew: 'demonstration',
      host: '127.0.0.1',
      port: 0,
      entry: ENTRY,
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
      onStep: (sentence) => bar.show(sentence, 0, 1),
    })
    const stop = () => void embedded.stop().then(() => process.exit(130))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
    try {
      const startSeconds = (performance.now() - startedMs) / 1000
      const report = await runCycle(embedded, dir, {
        participants,
        recordings: options.recordings ?? null,
        onStep: (...step) => bar.show(...step),
      })
      bar.stop()
      print(options, participants, report, startSeconds, (performance.now() - startedMs) / 1000)
      if (!report.release.ledgerVerified || !report.release.releaseVerified) process.exitCode = 4
    } finally {
      bar.stop()
      await embedded.stop()
    }
  } finally {
    if (parent !== null) rmSync(parent, { recursive: true, force: true })
  }
}

function print(
  options: Options,
  participants: number,
  report: CycleReport,
  startSeconds: number,
  totalSeconds: number,
): void {
  const round = (seconds: number) => Math.round(seconds * 100) / 100
  const { inputEvents, actions, batches, sealedBytes, segments, release } = report
  const figures = {
    participants,
    inputEvents,
    actions,
    batches,
    segments,
    releaseEpisodes: release.episodes,
    releaseActions: release.actions,
    ledgerSize: release.ledgerSize,
    ledgerVerified: release.ledgerVerified,
    releaseVerified: release.releaseVerified,
    bytes: { sealed: sealedBytes, release: release.bytes },
    seconds: { start: round(startSeconds), ...report.seconds, total: round(totalSeconds) },
  }
  if (options.json) {
    printJson(figures)
    return
  }
  const n = (value: number) => value.toLocaleString('en')
  console.log(
    [
      `${n(participants)} simulated people consented, after 14 days to think about it.`,
      `${n(inputEvents)} input events in memory became ${n(actions)} actions; the rest never reached a disk.`,
      `${n(batches)} sealed batches (${n(sealedBytes)} bytes) left their devices after the review and went into ${n(segments)} segments.`,
      `A grant with two approvals released ${n(release.episodes)} task segments with ${n(release.actions)} actions (${n(release.bytes)} bytes).`,
      `The ledger has ${n(release.ledgerSize)} entries and ${release.ledgerVerified ? 'verifies' : 'DOES NOT VERIFY'}; the release ${release.releaseVerified ? 'verifies' : 'DOES NOT VERIFY'}.`,
      `It took ${round(totalSeconds)} s.`,
    ].join('\n'),
  )
}
