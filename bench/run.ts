/** Runs benchmarks one after the other, so that none shares the machine with another, and isolates their failures. */
import process from 'node:process'
import type { Benchmark } from './benchmark.ts'
import { type Outcome, type Row, rowOf } from './report.ts'

/** @param say called before each benchmark with its place in the run, and after it with the seconds it took */
export async function runBenchmarks(
  chosen: readonly Benchmark[],
  say: (line: string, done: boolean) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const [i, benchmark] of chosen.entries()) {
    const place = `[${i + 1}/${chosen.length}] ${benchmark.name}`
    const startedMs = performance.now()
    say(place, false)
    const row = rowOf(benchmark, await outcomeOf(benchmark))
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
    say(row.ours === null ? `${place}: not run after ${seconds} s: ${row.reason}` : `${place}: ${seconds} s`, true)
    rows.push(row)
  }
  return rows
}

/** What one benchmark gave; an error, also one that nobody awaited, is the reason why it gave nothing. */
async function outcomeOf(benchmark: Benchmark): Promise<Outcome> {
  const { promise: stray, reject } = Promise.withResolvers<never>()
  // A rejection that a benchmark left behind would end the process, and with it the figures of all the others.
  process.on('unhandledRejection', reject)
  process.on('uncaughtException', reject)
  try {
    return await Promise.race([benchmark.run(), stray])
  } catch (error) {
    return { reason: `failed: ${error instanceof Error ? error.message : String(error)}` }
  } finally {
    process.off('unhandledRejection', reject)
    process.off('uncaughtException', reject)
  }
}
