/** One report on one file of recordings: protected as asked, attacked in every way, and held against what is to be reached. */
import { type AssessOptions, assess, type Figure, worst } from '../assess.ts'
import { RISK_VERSION } from '../version.ts'
import { encodeCommands, encodeKeystrokes, encodeMouse, type ReplayEvents } from './encode.ts'
import { parseProtection } from './protection.ts'
import { RECORDINGS_REPORT, type RecordingsReport, type Verdict } from './report.ts'
import type { RecordingFormat } from './rows.ts'

export interface RecordingsOptions {
  readonly format: RecordingFormat
  /** As `parseProtection` reads it. */
  readonly protect: string
  readonly seed: number
  /** Only the first so many people of the file. */
  readonly peopleMax: number
  readonly replay: ReplayEvents
  readonly attackers?: AssessOptions['attackers']
  readonly onProgress?: (share: number) => void
}

/** Times that everything is cut into enrolment and test. Two sessions allow two, for example. */
const FOLDS: Readonly<Record<RecordingFormat, number>> = { keystrokes: 3, sapimouse: 2, commands: 4 }
const AMOUNTS = [1, 5, 10, 20, 'all'] as const

/**
 * @param text the whole file, inflated
 * @throws `INPUT_UNREADABLE`, `USAGE`
 */
export async function assessRecordings(text: string, options: RecordingsOptions): Promise<RecordingsReport> {
  const { format, seed } = options
  const protection = parseProtection(options.protect)
  const encoded =
    format === 'commands'
      ? encodeCommands(text, protection, options)
      : await (format === 'keystrokes' ? encodeKeystrokes : encodeMouse)(text, protection, options)
  const figures = assess(encoded.encodings, {
    seed,
    people: encoded.people,
    folds: FOLDS[format],
    amounts: AMOUNTS,
    ...(options.attackers === undefined ? {} : { attackers: options.attackers }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  })
  const isProtected = protection.is !== 'none'
  return RECORDINGS_REPORT.parse({
    version: 1,
    risk: RISK_VERSION,
    format,
    protect: options.protect,
    seed,
    people: encoded.people,
    chance: 1 / encoded.people,
    units: encoded.encodings[0]?.samples.length ?? 0,
    kept: encoded.kept,
    verdicts: isProtected ? targetsOf(format, figures, encoded.people, encoded.kept) : floorsOf(format, figures),
    figures,
  })
}

/** What the attackers must reach where nothing is protected: one that doesn't proves nothing by failing elsewhere. */
function floorsOf(format: RecordingFormat, figures: readonly Figure[]): Verdict[] {
  const floors = { keystrokes: [5, 0.85], sapimouse: ['all', 0.75], commands: [5, 0.9] } as const
  const [amount, floor] = floors[format]
  const found = worst(figures, amount, ({ rank1 }) => rank1)?.rank1 ?? 0
  return [{ name: 'floor of rank-1', amount, value: found, limit: floor, holds: found >= floor }]
}

/** What a protection must not exceed, in times chance where it is about finding somebody. */
function targetsOf(format: RecordingFormat, figures: readonly Figure[], people: number, kept: number): Verdict[] {
  switch (format) {
    case 'keystrokes':
      return [
        ...rankVerdicts(figures, 5, people, 2),
        atMost('area under the curve', 5, worst(figures, 5, ({ auc }) => auc)?.auc, 0.55),
        atLeast('equal error rate', 5, worst(figures, 5, ({ eer }) => -eer)?.eer, 0.45),
      ]
    case 'sapimouse':
      return [
        ...rankVerdicts(figures, 1, people, 3),
        atMost('area under the curve', 1, worst(figures, 1, ({ auc }) => auc)?.auc, 0.6),
      ]
    case 'commands':
      return [
        ...rankVerdicts(figures, 1, people, 1.5),
        ...rankVerdicts(figures, 10, people, 2),
        atLeast('share of the data kept', 'all', kept, 0.5),
      ]
  }
}

/** The least multiple of chance that a cohort must be able to show: with fewer people nothing can be said. */
const SHOWN_MAX = 3

function rankVerdicts(figures: readonly Figure[], amount: number, people: number, limit: number): Verdict[] {
  const found = worst(figures, amount, ({ rank1 }) => rank1)
  const upper = worst(figures, amount, ({ rank1Upper }) => rank1Upper)
  const shown = worst(figures, amount, ({ smallestShown }) => smallestShown)?.smallestShown ?? Number.POSITIVE_INFINITY
  // A cohort can't show less than chance itself shows in it.
  const upperLimit = Math.max(limit, upper?.smallestShown ?? limit)
  return [
    atMost('rank-1 in times chance', amount, found === null ? undefined : found.rank1 * people, limit),
    atMost(
      'exact upper end, in times chance',
      amount,
      upper === null ? undefined : upper.rank1Upper * people,
      upperLimit,
    ),
    atMost('smallest advantage that could show, in times chance', amount, shown, SHOWN_MAX),
  ]
}

/** A figure that is missing holds nothing: fail closed. */
function atMost(name: string, amount: Verdict['amount'], value: number | undefined, limit: number): Verdict {
  return { name, amount, value: value ?? null, limit, holds: value !== undefined && value <= limit }
}

function atLeast(name: string, amount: Verdict['amount'], value: number | undefined, limit: number): Verdict {
  return { name, amount, value: value ?? null, limit, holds: value !== undefined && value >= limit }
}
