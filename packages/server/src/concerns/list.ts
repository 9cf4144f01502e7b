/** What everybody inside may read of concerns. The number of supporters moves in steps of k, and is hidden below it. */
import { concernThresholds, oldestLiveRound } from '@fairtrace/core'
import { sql } from 'kysely'
import { shownTotal } from '../consent/decide.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { type ConcernEntry, parseEntries } from './consequences.ts'

export interface ListedConcern {
  readonly concern: string
  readonly round: string
  readonly slot: number
  /** A day, such as `2026-11-23`. */
  readonly raisedOn: string
  readonly text: string
  readonly state: 'open' | 'in-review' | 'answered'
  /** At least so many; null below k. */
  readonly supporters: number | null
  readonly reviewDueAtMs: number | null
  /** The deadline has passed and there is no answer. */
  readonly isOverdue: boolean
  /** Whether it has forced a pause, or will as soon as there is something to pause. */
  readonly hasPaused: boolean
  readonly answer: string | null
  readonly isJoinable: boolean
  readonly logged: readonly ConcernEntry[]
}

/** Newest first. */
export async function listConcerns(
  { db }: OpenDatabase,
  { charter }: Programme,
  nowMs: number,
): Promise<readonly ListedConcern[]> {
  const rows = await db
    .selectFrom('consent.concerns')
    .select((eb) => [
      'id',
      'round',
      'slot',
      'text',
      'state',
      'review_due_at_ms',
      'pause',
      'logged',
      'answer',
      sql<string>`raised_on::text`.as('raised_on'),
      eb
        .selectFrom('consent.concern_supports')
        .select((count) => count.fn.countAll<number>().as('supporters'))
        .whereRef('concern', '=', 'consent.concerns.id')
        .as('supporters'),
    ])
    .orderBy('round', 'desc')
    .orderBy('slot', 'desc')
    .limit(LIST_MAX)
    .execute()
  const oldest = oldestLiveRound(nowMs)
  return rows.map((row) => ({
    concern: row.id,
    round: row.round,
    slot: row.slot,
    raisedOn: row.raised_on,
    text: row.text,
    state: row.state,
    supporters: shownTotal(row.supporters ?? 0, charter.release.k),
    reviewDueAtMs: row.review_due_at_ms,
    isOverdue: row.state === 'in-review' && row.review_due_at_ms !== null && nowMs > row.review_due_at_ms,
    hasPaused: row.pause !== null,
    answer: row.answer,
    isJoinable: row.round >= oldest,
    logged: parseEntries(row.logged),
  }))
}

/** The thresholds as everybody may read them. */
export function shownThresholds({ charter }: Programme) {
  const { review, pause, reviewDeadlineMs } = concernThresholds(charter)
  return { review, pause, reviewDeadlineMs, shownFrom: charter.release.k }
}

const LIST_MAX = 1_000
