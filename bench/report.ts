/**
 * The rows of `npm run bench`: one figure each, as the table prints them and as `--json` writes them.
 *
 * ```json
 * {"name":"shield.throughput.motion","unit":"events/s","better":"higher","ours":1210000,"peer":98000,
 *  "peerName":"Python reduction","ratio":12.35,"spread":0.04,"runs":5,"target":1000000,"met":true}
 * ```
 */
import type { Benchmark, Runs } from './benchmark.ts'

export interface Row {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** Medians of the runs. `null`: not run, or no peer. */
  readonly ours: number | null
  readonly peer: number | null
  readonly peerName: string | null
  /** How many times better than the peer we are, whichever way `better` points: above 1 we win. `null`: no peer. */
  readonly ratio: number | null
  /** (max − min) / median of our runs. `null`: not run, or a median of 0. */
  readonly spread: number | null
  /** How many of our runs stand behind the median. */
  readonly runs: number
  readonly target: number | null
  /** Whether the median reaches the target. `null`: not run, or no target; `reason` says which. */
  readonly met: boolean | null
  readonly reason?: string
}

export type Outcome = Runs | { readonly reason: string }

/** Sums up the runs of one benchmark. Never throws: figures that are no numbers become a row that says so. */
export function rowOf(benchmark: Benchmark, outcome: Outcome): Row {
  const { name, unit, better, target, peerName } = benchmark
  const unrun = (reason: string): Row => ({
    ...{ name, unit, better, ours: null, peer: null, peerName },
    ...{ ratio: null, spread: null, runs: 0, target, met: null, reason },
  })
  if ('reason' in outcome) return unrun(outcome.reason)
  if (outcome.ours.length === 0) return unrun('it ran, but returned no figure')
  const figures = outcome.peer === null ? outcome.ours : [...outcome.ours, ...outcome.peer]
  if (!figures.every(Number.isFinite)) return unrun('it returned a figure that is not a finite number')

  const ours = median(outcome.ours)
  const peer = outcome.peer === null || outcome.peer.length === 0 ? null : median(outcome.peer)
  const row = {
    ...{ name, unit, better, ours, peer, peerName },
    ratio: ratioOf(better, ours, peer),
    spread: ours === 0 ? null : (Math.max(...outcome.ours) - Math.min(...outcome.ours)) / Math.abs(ours),
    ...{ runs: outcome.ours.length, target },
  }
  if (target === null) return { ...row, met: null, reason: 'no target: reported only' }
  return { ...row, met: better === 'higher' ? ours >= target : ours <= target }
}

/** The rows as an aligned table; a reason stands under its row. */
export function tableOf(rows: readonly Row[]): string {
  const header = ['name', 'ours', 'unit', 'peer', 'ratio', 'spread', 'runs', 'target', 'met']
  const lines = rows.map((row) => [
    row.name,
    figure(row.ours),
    row.unit,
    row.peer === null ? '–' : `${figure(row.peer)} (${row.peerName ?? 'unnamed'})`,
    row.ratio === null ? '–' : `${figure(row.ratio)} ×`,
    row.spread === null ? '–' : `${(row.spread * 100).toFixed(0)} %`,
    String(row.runs),
    row.target === null ? '–' : `${row.better === 'higher' ? '≥' : '≤'} ${figure(row.target)}`,
    row.met === null ? '–' : row.met ? 'yes' : 'NO',
  ])
  const widths = header.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)))
  const print = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 1 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  const body = lines.flatMap((line, i) => {
    const row = rows[i]
    return row?.ours === null && row.reason !== undefined ? [print(line), `  not run: ${row.reason}`] : [print(line)]
  })
  return [print(header), print(widths.map((width) => '-'.repeat(width))), ...body].join('\n')
}

function ratioOf(better: 'higher' | 'lower', ours: number, peer: number | null): number | null {
  if (peer === null) return null
  const [over, under] = better === 'higher' ? [ours, peer] : [peer, ours]
  return under === 0 ? null : over / under
}

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  return (lower + upper) / 2
}

/** Whole numbers with thousands apart; four digits that matter below a thousand. */
function figure(value: number | null): string {
  if (value === null) return '–'
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(4)))
}
