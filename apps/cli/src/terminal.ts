/** What every command shares: the agent's way to say what went wrong and to print JSON, and how a command shows that it works. */
import process from 'node:process'
import { Presets, SingleBar } from 'cli-progress'

export { asFairtraceError, printJson, runCommand, wholeNumber } from 'fairtrace-agent/terminal'

export interface Progress {
  update(done: number): void
  stop(): void
}

/** A progress bar on standard error where a terminal is there, else nothing: pipes and logs stay clean. */
export function progress(label: string, total: number): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined }
  const bar = new SingleBar(
    { format: `${label} {bar} {percentage}% · {eta_formatted} left`, stream: process.stderr, hideCursor: true },
    Presets.shades_classic,
  )
  bar.start(Math.max(total, 1), 0)
  return { update: (done) => bar.update(done), stop: () => bar.stop() }
}
