/**
 * The record of a lockdown: what happened, whose data was within whose reach, and what was done. Numbers are computed from the ledger
 * and the tables, never typed; texts are people's. What nobody can know is said, not guessed.
 */
import { z } from 'zod'
import type { Severity } from './exposure.ts'

/** How many people, as others may see it: in steps of k from k up, so that nobody's part can be read off it. */
export type PeopleCount = { readonly atLeast: number } | { readonly fewerThan: number }

/** @param k of the charter's releases */
export function shownCount(people: number, k: number): PeopleCount {
  // Stated as what we show, so that a NaN is hidden.
  return people >= k ? { atLeast: Math.floor(people / k) * k } : { fewerThan: k }
}

export function countWords(count: PeopleCount): string {
  return 'atLeast' in count ? `at least ${count.atLeast} people` : `fewer than ${count.fewerThan} people, or nobody`
}

/** Whose data a surface holds. What isn't known to hold nobody's counts as everybody's. */
export type Reach = 'everybody' | 'nobody'

const PERSONAL_LESS: readonly RegExp[] = [
  /^(?:build|process|watch|sentinel|scanner) /,
  /^(?:table|view) (?:install|ledger|gate|assurance|sentinel)\./,
]

export function reachOf(subject: string, kind: string): Reach {
  if (kind === 'watch-silent' || kind === 'build-unreviewed' || kind === 'ledger-split') return 'nobody'
  return PERSONAL_LESS.some((pattern) => pattern.test(subject)) ? 'nobody' : 'everybody'
}

export const incidentCauseSchema = z.strictObject({
  /** What made it possible, in words. No person's name belongs in it. */
  text: z.string().trim().min(20).max(5_000),
  /** Safeguards that should have held it: their drills have to pass before the gate opens. */
  safeguards: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{1,63}$/))
    .min(1)
    .max(50),
  actions: z
    .array(
      z.strictObject({
        what: z.string().trim().min(1).max(500),
        /** A role or a team. */
        owner: z.string().trim().min(1).max(120),
        dueOn: z.iso.date(),
      }),
    )
    .min(1)
    .max(50),
})
export type IncidentCause = z.infer<typeof incidentCauseSchema>

export interface IncidentEvent {
  readonly atMs: number
  readonly what: string
  /** Of its entry in the ledger, where there is one that says so. */
  readonly ledgerIndex: number | null
}

export interface ExposedSurface {
  /** Id of the exposure. */
  readonly id: string
  readonly kind: string
  readonly severity: Severity
  /** A surface and a name of it. */
  readonly surface: string
  readonly drill: string | null
  /** Since when somebody could read it; null if nothing tells. */
  readonly fromMs: number | null
  readonly foundAtMs: number
  /** When a probe found it closed; null while it is open. */
  readonly closedAtMs: number | null
  readonly state: 'open' | 'contained' | 'closed' | 'false-alarm'
  readonly reopened: number
  readonly readers: readonly { readonly who: string; readonly through: string }[]
  readonly couldRead: PeopleCount
}

export interface IncidentReport {
  readonly id: string
  readonly programme: string
  readonly title: string
  /** A drill's lockdown: what happened was planted. */
  readonly isRehearsal: boolean
  readonly epoch: number
  readonly openedAtMs: number
  /** When the programme ran again; null while it doesn't. */
  readonly endedAtMs: number | null
  readonly timeline: readonly IncidentEvent[]
  readonly surfaces: readonly ExposedSurface[]
  readonly reads: readonly {
    readonly atMs: number
    readonly ledgerIndex: number
    readonly who: string
    readonly people: PeopleCount
  }[]
  readonly unknowns: readonly string[]
  /** Server processes, by signed acknowledgement of the lockdown. */
  readonly acknowledged: { readonly points: number; readonly of: number; readonly missing: readonly string[] }
  readonly cause: (IncidentCause & { readonly by: string; readonly atMs: number }) | null
  readonly notices: {
    readonly drafted: PeopleCount
    readonly sentAtMs: number | null
    readonly approvedBy: string | null
  }
  readonly madeAtMs: number
}

/** What is told to one person concerned, in plain words. It says nothing of anybody else. */
export function noticeText(report: Pick<IncidentReport, 'title' | 'openedAtMs' | 'surfaces' | 'isRehearsal'>): string {
  const surfaces = report.surfaces.filter(
    ({ state, surface, kind }) => state !== 'false-alarm' && reachOf(surface, kind) === 'everybody',
  )
  const from = surfaces.flatMap(({ fromMs }) => (fromMs === null ? [] : [fromMs]))
  const isSinceKnown = surfaces.length > 0 && from.length === surfaces.length
  const whole = surfaces.every(({ closedAtMs }) => closedAtMs !== null)
  const to = Math.max(...surfaces.map(({ closedAtMs }) => closedAtMs ?? 0))
  return [
    report.isRehearsal ? 'This is a rehearsal: what it is about was planted, and no data of yours was exposed.' : null,
    `On ${dayAndTime(report.openedAtMs)} the programme “${report.title}” locked itself.`,
    surfaces.length === 0
      ? 'Nothing that holds your data is known to have been open to anybody else.'
      : 'More people or programs than the charter allows could have reached a place where data about you is kept.',
    surfaces.length === 0
      ? null
      : `The places: ${surfaces.map(({ surface }) => surface).join('; ')}. ${
          isSinceKnown ? `They could be reached from ${dayAndTime(Math.min(...from))}` : 'Since when, we do not know'
        }${whole ? `, and no longer after ${dayAndTime(to)}.` : '. It is not closed yet.'}`,
    surfaces.length === 0
      ? null
      : 'Stored recordings are encrypted; reaching the place is not the same as reading them. Whether a recording of yours was opened stands under “Who has seen it?” on this page, with its proof.',
    'Nothing is recorded until four people, your representatives among them, have signed that it is mended. You need not do anything. You can withdraw at any time, and what is stored about you is destroyed then.',
  ]
    .filter((line) => line !== null)
    .join('\n\n')
}

export function dayAndTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
