/** Computes an incident's report from the ledger and the tables. Nothing in it was typed but root cause and actions. */
import {
  type ExposedSurface,
  type IncidentEvent,
  type IncidentReport,
  reachOf,
  type Severity,
  shownCount,
} from '@fairtrace/core'
import { z } from 'zod'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { IncidentRow } from './incident-row.ts'

interface ExposureRow {
  readonly id: string
  readonly kind: string
  readonly severity: Severity
  readonly subject: string
  readonly found_at_ms: number
  readonly closed_at_ms: number | null
  readonly state: ExposedSurface['state']
  readonly reopened: number
  readonly drill: string | null
}

interface Interval {
  readonly fromMs: number
  readonly toMs: number
  readonly endedAtMs: number | null
  readonly opening: { readonly kind: string; readonly ledgerIndex: number } | null
}

const grantedSchema = z.object({ grant: z.object({ requester: z.object({ name: z.string() }) }) })

const UNKNOWNS = [
  'Who read a table, a file or a bucket past the keys is not recorded: only openings of keys stand in the ledger. Stored recordings are ciphertext; who consented, and what was asked for, is not.',
  'What somebody who could read a surface copied from it can’t be seen from here.',
] as const

export async function incidentReport(
  database: OpenDatabase,
  programme: Programme,
  incident: IncidentRow,
): Promise<IncidentReport> {
  const { pool } = database
  const { k } = programme.charter.release
  const interval = await intervalOf(database, incident)
  const { rows: exposures } = await pool.query<ExposureRow>(
    `select id, kind, severity, subject, found_at_ms, closed_at_ms, state, reopened, drill from install.exposures
     where found_at_ms >= $1 and found_at_ms < $2 and (drill is not null) = $3 order by found_at_ms, id limit 1000`,
    [interval.fromMs, interval.toMs, incident.isRehearsal],
  )
  const { rows: people } = await pool.query<{ n: number; drafted: number }>(
    `select (select count(*) from consent.people) as n,
       (select count(*) from incident.notices where incident = $1) as drafted`,
    [incident.id],
  )
  const surfaces = exposures.map((row) => surfaceOf(row, incident, people[0]?.n ?? 0, k))
  const since = surfaces.flatMap(({ fromMs, foundAtMs }) => [fromMs ?? foundAtMs])
  const reads = await readsIn(database, Math.min(incident.openedAtMs, ...since), interval.toMs, k)
  const isUnsure = surfaces.some(({ fromMs }) => fromMs === null)
  return {
    id: incident.id,
    programme: programme.id,
    title: programme.charter.title,
    isRehearsal: incident.isRehearsal,
    epoch: incident.epoch,
    openedAtMs: incident.openedAtMs,
    endedAtMs: interval.endedAtMs,
    timeline: await timelineOf(database, incident, exposures, interval),
    surfaces,
    reads,
    unknowns: [
      ...UNKNOWNS,
      ...(isUnsure ? ['Since when some surfaces could be read is not known: they were found, not seen to begin.'] : []),
    ],
    acknowledged: await acknowledgedAt(database, incident.epoch),
    cause: incident.cause,
    notices: {
      drafted: shownCount(people[0]?.drafted ?? 0, k),
      sentAtMs: incident.notifiedAtMs,
      approvedBy: incident.approvedBy,
    },
    madeAtMs: Date.now(),
  }
}

/** From when the programme last came to run before the lockdown, to when it came to run after it. */
async function intervalOf({ pool }: OpenDatabase, { epoch }: IncidentRow): Promise<Interval> {
  const { rows } = await pool.query<{ epoch: number; at_ms: number; kind: string; ledger_index: number }>(
    `(select epoch, at_ms, kind, ledger_index from gate.openings where epoch < $1 order by epoch desc limit 1)
     union all (select epoch, at_ms, kind, ledger_index from gate.openings where epoch > $1 order by epoch limit 1)`,
    [epoch],
  )
  const before = rows.find((row) => row.epoch < epoch)
  const after = rows.find((row) => row.epoch > epoch)
  return {
    fromMs: before?.at_ms ?? 0,
    toMs: after?.at_ms ?? Number.MAX_SAFE_INTEGER,
    endedAtMs: after?.at_ms ?? null,
    opening: after === undefined ? null : { kind: after.kind, ledgerIndex: after.ledger_index },
  }
}

function surfaceOf(row: ExposureRow, { seen }: IncidentRow, people: number, k: number): ExposedSurface {
  const readers = seen.filter(({ what }) => row.subject.includes(what))
  const known = readers.flatMap(({ sinceMs }) => (sinceMs === null ? [] : [sinceMs]))
  const couldRead = reachOf(row.subject, row.kind) === 'everybody' && row.drill === null ? people : 0
  return {
    id: row.id,
    kind: row.kind,
    severity: row.severity,
    surface: row.subject,
    drill: row.drill,
    fromMs: known.length === 0 ? null : Math.min(...known),
    foundAtMs: row.found_at_ms,
    closedAtMs: row.closed_at_ms,
    state: row.state,
    reopened: row.reopened,
    readers: readers.map(({ who, through }) => ({ who, through })),
    couldRead: shownCount(couldRead, k),
  }
}

async function readsIn(
  { pool }: OpenDatabase,
  fromMs: number,
  toMs: number,
  k: number,
): Promise<IncidentReport['reads']> {
  const { rows } = await pool.query<{ ledger_index: number; at_ms: number; detail: unknown; people: number }>(
    'select ledger_index, at_ms, detail, people from incident.openings_between($1, $2) limit 1000',
    [fromMs, toMs],
  )
  return rows.map(({ ledger_index, at_ms, detail, people }) => ({
    atMs: at_ms,
    ledgerIndex: ledger_index,
    // One's own view has no grant, and whose it was is nobody's business.
    who: grantedSchema.safeParse(detail).data?.grant.requester.name ?? 'a participant, of their own data',
    people: shownCount(people, k),
  }))
}

async function acknowledgedAt({ pool }: OpenDatabase, epoch: number): Promise<IncidentReport['acknowledged']> {
  const { rows } = await pool.query<{ point: string; role: string; has: boolean }>(
    `select distinct p ->> 'point' as point, p ->> 'role' as role,
       exists (select from install.acknowledgements a where a.epoch = $1 and a.point = p ->> 'point') as has
     from install.lockdowns l cross join lateral jsonb_array_elements(l.points) as p
     where l.epoch = $1 order by 2, 1`,
    [epoch],
  )
  const missing = rows.filter(({ has }) => !has).map(({ role }) => role)
  return { points: rows.length - missing.length, of: rows.length, missing }
}

async function timelineOf(
  { pool }: OpenDatabase,
  incident: IncidentRow,
  exposures: readonly ExposureRow[],
  { endedAtMs, opening, toMs }: Interval,
): Promise<readonly IncidentEvent[]> {
  const { rows: lockdowns } = await pool.query<{ at_ms: number; reason: string }>(
    'select at_ms, reason from install.lockdowns where epoch = $1 order by number limit 100',
    [incident.epoch],
  )
  const { rows: acknowledgements } = await pool.query<{ at_ms: number; role: string }>(
    `select (extract(epoch from at) * 1000)::bigint as at_ms, role from install.acknowledgements
     where epoch = $1 order by at limit 1000`,
    [incident.epoch],
  )
  const { rows: drills } = await pool.query<{ registered_at_ms: number; drill: string; state: string; index: number }>(
    `select registered_at_ms, drill, state, ledger_index as index from assurance.drills
     where registered_at_ms >= $1 and registered_at_ms < $2 order by registered_at_ms limit 1000`,
    [incident.openedAtMs, toMs],
  )
  const { rows: statements } = await pool.query<{ drawn_at_ms: number; signed: number }>(
    `select drawn_at_ms, jsonb_array_length(signatures) as signed from gate.statements
     where (statement ->> 'epoch')::int = $1 order by drawn_at_ms limit 100`,
    [incident.epoch],
  )
  const said = (atMs: number, what: string, ledgerIndex: number | null = null): IncidentEvent => ({
    atMs,
    what,
    ledgerIndex,
  })
  return [
    ...exposures.flatMap((one) => [
      said(one.found_at_ms, `Found: ${one.kind}, ${one.subject}`),
      ...(one.closed_at_ms === null ? [] : [said(one.closed_at_ms, `Closed: ${one.kind}, ${one.subject}`)]),
    ]),
    ...lockdowns.map(({ at_ms, reason }) => said(at_ms, `Locked: ${reason}`, incident.ledgerIndex)),
    ...acknowledgements.map(({ at_ms, role }) => said(at_ms, `Acknowledged by ${role}`)),
    ...drills.map(({ registered_at_ms, drill, state, index }) =>
      said(registered_at_ms, `Drill ${drill}: ${state}`, index),
    ),
    ...statements.map(({ drawn_at_ms, signed }) =>
      said(drawn_at_ms, `Statement for the gate, with ${signed} signatures`),
    ),
    ...(incident.cause === null ? [] : [said(incident.cause.atMs, 'Root cause recorded')]),
    ...(incident.notifiedAtMs === null ? [] : [said(incident.notifiedAtMs, 'Notices sent')]),
    ...(endedAtMs === null || opening === null
      ? []
      : [
          said(
            endedAtMs,
            opening.kind === 'drill' ? 'Put back after the drill' : 'Re-enabled by the gate',
            opening.ledgerIndex,
          ),
        ]),
  ].toSorted((a, b) => a.atMs - b.atMs)
}
