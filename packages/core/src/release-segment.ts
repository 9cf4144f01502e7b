/**
 * A segment as a release holds it, and how it is read from the rows of a release's table (Parquet or CSV), one row an action.
 *
 * ```json
 * {"name":"0f…32 hexadecimal digits","app":"desktop:orders","task":"enter-order","outcome":"done","actions":[{"kind":"press","key":"enter"}]}
 * ```
 * Nothing links two segments: no person, recording, device, time or order among them. A `CandidateSegment` exists inside the
 * builder alone, where attackers are trained against the truth before anything is published.
 */
import { type Action, actionSchema, GRID, type Target } from './action.ts'
import type { TaskOutcome } from './envelope.ts'
import { FairtraceError } from './errors.ts'

/** A `switch` is no step of a release: the segment's app says where it led. */
export type ReleasedAction = Exclude<Action, { kind: 'switch' }>

export interface ReleasedSegment {
  /** Random, another one in every release: 32 hexadecimal digits. */
  readonly name: string
  /** As the charter lists it, or null where the source could not name it. */
  readonly app: string | null
  /** Id of the charter's task that the person chose to show, or null. */
  readonly task: string | null
  /** How the task ended, where the segment ends with it and enough people ended it so; else null: an excerpt. */
  readonly outcome: TaskOutcome | null
  readonly actions: readonly ReleasedAction[]
}

/** What the risk gate is trained on: whose it is, from which recording, where among the person's. Never written anywhere. */
export interface CandidateSegment extends ReleasedSegment {
  /** From 0, without holes, in an order by chance. */
  readonly person: number
  /** From 0 over all people. */
  readonly recording: number
  /** Position in the release: its record order is something that an attacker sees. */
  readonly order: number
  /** How much it takes up in the release, as far as an attacker could tell. */
  readonly bytes: number
}

/** One row of the release's table, by column; absent columns and null are the same. Numbers may be bigint, as readers give them. */
export type ReleaseRow = Readonly<Record<string, unknown>>

/**
 * Joins rows into segments. Rows of a segment lie side by side, in order of `step`.
 * @throws `RELEASE_SHARD_MISMATCH` for rows that are no release's
 */
export async function* readSegments(
  rows: AsyncIterable<ReleaseRow> | Iterable<ReleaseRow>,
): AsyncGenerator<ReleasedSegment> {
  let segment: Omit<ReleasedSegment, 'actions'> | null = null
  let actions: ReleasedAction[] = []
  for await (const row of rows) {
    const name = textOf(row, 'segment')
    if (name === null) throw notARow('has no segment')
    if (segment === null || segment.name !== name) {
      if (segment !== null) yield { ...segment, actions }
      segment = { name, app: textOf(row, 'app'), task: textOf(row, 'task'), outcome: outcomeOf(row) }
      actions = []
    }
    if (numberOf(row, 'step') !== actions.length) throw notARow('is out of order')
    actions.push(actionOf(row))
  }
  if (segment !== null) yield { ...segment, actions }
}

/** @throws `RELEASE_SHARD_MISMATCH` */
export function actionOf(row: ReleaseRow): ReleasedAction {
  const parsed = actionSchema.safeParse(rawAction(row))
  if (!parsed.success || parsed.data.kind === 'switch') throw notARow('holds no action')
  return parsed.data
}

function rawAction(row: ReleaseRow): unknown {
  const kind = textOf(row, 'kind')
  const button = textOf(row, 'button')
  switch (kind) {
    case 'hover':
      return { kind, target: targetOf(row, '') }
    case 'click':
      return { kind, button, count: numberOf(row, 'count'), target: targetOf(row, '') }
    case 'drag':
      return { kind, button, from: targetOf(row, ''), to: targetOf(row, 'to_') }
    case 'scroll':
      return { kind, direction: textOf(row, 'direction'), amount: numberOf(row, 'amount'), target: targetOf(row, '') }
    case 'press':
      return { kind, key: textOf(row, 'key') }
    case 'hotkey':
      return { kind, keys: (textOf(row, 'keys') ?? '').split('+') }
    default:
      return { kind, text: textOf(row, 'text_kind'), length: textOf(row, 'length') }
  }
}

function targetOf(row: ReleaseRow, prefix: string): Target | null {
  const cell = numberOf(row, `${prefix}cell`)
  if (cell !== null) return { cell: [cell % GRID.columns, Math.floor(cell / GRID.columns)] }
  const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((edge) => numberOf(row, `${prefix}${edge}`) ?? -1)
  const label = textOf(row, `${prefix}label`)
  const role = textOf(row, `${prefix}role`) as Extract<Target, { box: unknown }>['role'] | null
  if (role === null) return null
  const box: [number, number, number, number] = [x ?? -1, y ?? -1, width ?? -1, height ?? -1]
  return label === null ? { role, box } : { role, label, box }
}

function outcomeOf(row: ReleaseRow): TaskOutcome | null {
  const outcome = textOf(row, 'outcome')
  return outcome === 'done' || outcome === 'not-done' ? outcome : null
}

function textOf(row: ReleaseRow, column: string): string | null {
  const value = row[column]
  return typeof value === 'string' && value !== '' ? value : null
}

function numberOf(row: ReleaseRow, column: string): number | null {
  const value = row[column]
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : null
}

function notARow(what: string): FairtraceError {
  return new FairtraceError('RELEASE_SHARD_MISMATCH', `a row of the release ${what}`)
}
