/** Risk of recordings of actions: the builder's gate, run over any file of them. */
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import {
  ACTION_PROTECTIONS,
  type ActionProtection,
  type ActionsReport,
  assessActions,
  EXAMPLE_LIMITS,
  GATE_SENTENCES,
  parseActionPart,
  plotCandidate,
  SegmentCutter,
  worst,
} from '@fairtrace/risk'
import { printJson, progress } from '../terminal.ts'
import { linesOf, writeText } from './files.ts'
import type { RiskOptions } from './risk-options.ts'

export async function riskOfActions(path: string | undefined, options: RiskOptions): Promise<void> {
  if (path === undefined) throw new FairtraceError('USAGE', 'name a file of actions')
  const protect = protectionOf(options.protect)
  const cutter = new SegmentCutter(EXAMPLE_LIMITS.segmentActionsMax, options.people)
  let number = 0
  for await (const line of linesOf(path)) {
    number++
    if (line.trim() !== '') cutter.push(parseActionPart(line, number))
  }
  const bar = progress('attack', 1_000)
  let result: ActionsReport
  try {
    const onProgress = (share: number) => bar.update(Math.round(share * 1_000))
    result = assessActions(cutter, { protect, seed: options.seed, onProgress })
  } finally {
    bar.stop()
  }
  if (options.plot !== undefined) await writeText(options.plot, await plotCandidate(result.report))
  if (options.json === '-') printJson(result)
  else {
    if (options.json !== undefined) await writeText(options.json, `${JSON.stringify(result, null, 2)}\n`)
    print(result)
  }
  // As `verify`: a gate that stays closed is an answer, and scripts hear of it.
  if (result.gate === 'closed') process.exitCode = 1
}

function protectionOf(text: string): ActionProtection {
  const found = ACTION_PROTECTIONS.find((one) => one === text)
  if (found === undefined) throw new FairtraceError('USAGE', 'of actions, --protect takes none or default')
  return found
}

function print({ protect, gate, reasons, report }: ActionsReport): void {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const { people, figures, utility, membership } = report
  const kept = utility.kept === null ? 'none' : `${(100 * utility.kept).toFixed(0)} %`
  say(`actions, protected by: ${protect}. ${people} people attacked, ${kept} of the data.`)
  for (const amount of new Set(figures.map((figure) => figure.amount))) {
    const best = worst(figures, amount, ({ rank1 }) => rank1)
    if (best === null) continue
    const [times, upper] = [best.rank1 * people, best.rank1Upper * people].map((one) => one.toFixed(1))
    say(`  ${amount} linked: ${times} times chance by ${best.attacker}, at most ${upper}`)
  }
  if (membership !== null) {
    say(`  membership: ${(100 * membership.tprAt001).toFixed(2)} % recognised where 0.1 % are wrongly`)
  }
  say(`${gate === 'passed' ? 'holds' : 'FAILS'}  the gate, by the limits of a fresh charter`)
  for (const reason of reasons) say(`  ${GATE_SENTENCES[reason]}`)
}
