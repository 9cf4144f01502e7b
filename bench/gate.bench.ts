/**
 * The gate and what it leaves, on simulated people with boxes: whether operations and targets survive, what a model learns beside one
 * that sees everything, who is told to be a member, and how long a whole report takes.
 */
import process from 'node:process'
import {
  asReleased,
  assessActions,
  EXAMPLE_LIMITS,
  membershipAttack,
  type NextAction,
  protectSegments,
  Random,
  SegmentCutter,
} from '@fairtrace/risk'
import type { Benchmark } from './benchmark.ts'
import { measureUtility, type Utility } from './utility/measure-utility.ts'
import { type Office, recordedOffice } from './utility/recorded-office.ts'

const MEMBERS: Office = { people: 120, sessionsEach: 6, actionsAbout: 40 }
/** As the report is promised for: episodes of about a dozen actions. */
const REPORTED: Office = { people: 1_000, sessionsEach: 50, actionsAbout: 12 }

export const benchmarks: readonly Benchmark[] = [
  utility('release.utility.hit', '%', 'higher', 97, ({ hits }) => 100 * hits),
  utility('release.utility.operations', '%', 'higher', 100, ({ operations }) => 100 * operations),
  utility(
    'release.utility.next',
    'points lost',
    'lower',
    2,
    lost(({ accuracy }) => accuracy),
  ),
  utility(
    'release.utility.f1',
    'points lost',
    'lower',
    2,
    lost(({ kindF1 }) => kindF1),
  ),
  {
    name: 'risk.membership',
    unit: '% told at 0.1 % false',
    better: 'lower',
    target: 0.3,
    peerName: 'everything in scope',
    run: async () => {
      const { segments } = cutOffice(MEMBERS)
      const told = (list: typeof segments) =>
        100 * (membershipAttack(asReleased(list, 1), new Random(1, 'membership'))?.tprAt001 ?? Number.NaN)
      return { ours: [told(protectSegments(segments, EXAMPLE_LIMITS, new Random(1, 'cap')))], peer: [told(segments)] }
    },
  },
  {
    name: 'risk.report',
    unit: 's',
    better: 'lower',
    target: 600,
    peerName: null,
    run: async () => {
      if (process.env.FAIRTRACE_BENCH_SLOW !== '1') return { reason: 'takes minutes: set FAIRTRACE_BENCH_SLOW=1' }
      const cutter = cutOffice(REPORTED)
      const startedMs = performance.now()
      assessActions(cutter, { protect: 'default', seed: 1 })
      return { ours: [(performance.now() - startedMs) / 1_000], peer: null }
    },
  },
]

function utility(
  name: string,
  unit: string,
  better: Benchmark['better'],
  target: number,
  read: (utility: Utility) => number,
): Benchmark {
  return { name, unit, better, target, peerName: null, run: async () => ({ ours: [read(measured())], peer: null }) }
}

function lost(read: (next: NextAction) => number): (utility: Utility) => number {
  return ({ unprotected, released }) => 100 * (read(unprotected) - read(released))
}

/** One measurement serves all the rows that read it. */
let held: Utility | null = null
function measured(): Utility {
  held ??= measureUtility()
  return held
}

function cutOffice(office: Office): SegmentCutter {
  const cutter = new SegmentCutter(EXAMPLE_LIMITS.segmentActionsMax)
  for (const { person, recording, shielded } of recordedOffice(office)) {
    cutter.push({
      person: String(person),
      recording: String(recording),
      task: null,
      outcome: null,
      actions: [...shielded],
    })
  }
  return cutter
}
