/**
 * Incidents as the portal keeps them: one is opened for every lockdown, and a drill's is a rehearsal. The record grows by what the
 * ledger and the tables say; people add a root cause and let the notices go.
 */
import { randomBytes } from 'node:crypto'
import { FairtraceError, type IncidentCause, noticeText } from '@fairtrace/core'
import { z } from 'zod'
import { SAFEGUARDS } from '../assurance/safeguards.ts'
import { type Logged, logged, loggedIfPossible } from '../consent/logged.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { type IncidentRow, type SeenReader, storedCauseSchema } from './incident-row.ts'
import { incidentReport } from './report.ts'

export const INCIDENT_ENTRY = 'incident.opened'
const NOTICES_AT_ONCE = 5_000

const seenSchema = z.array(
  z.object({ who: z.string(), what: z.string(), through: z.string(), sinceMs: z.number().nullable() }),
)

interface StoredRow {
  readonly id: string
  readonly epoch: number
  readonly opened_at_ms: number
  readonly rehearsal: boolean
  readonly ledger_index: number | null
  readonly cause: unknown
  readonly approved_by: string | null
  readonly notified_at_ms: number | null
  readonly seen: unknown
}

/** Opens what no lockdown has yet, and keeps who could read what while it stands. The portal runs it from time to time. */
export async function keepIncidents(database: OpenDatabase, programme: Programme): Promise<void> {
  const { rows } = await database.pool.query<{ epoch: number; at_ms: number; rehearsal: boolean }>(
    `select l.epoch, min(l.at_ms) as at_ms, bool_and(l.drill is not null) as rehearsal
     from install.lockdowns l where not exists (select from incident.incidents i where i.epoch = l.epoch)
     group by l.epoch order by l.epoch`,
  )
  for (const { epoch, at_ms, rehearsal } of rows) {
    const id = randomBytes(16).toString('base64url')
    await database.pool.query(
      `insert into incident.incidents (id, epoch, opened_at_ms, rehearsal) values ($1, $2, $3, $4) on conflict do nothing`,
      [id, epoch, at_ms, rehearsal],
    )
  }
  // A lockdown that began as a drill's and became more is an incident.
  await database.pool.query(
    `update incident.incidents i set rehearsal = false where rehearsal
     and exists (select from install.lockdowns l where l.epoch = i.epoch and l.drill is null)`,
  )
  await logOpened(database, programme)
  await keepReaders(database)
}

async function logOpened(database: OpenDatabase, programme: Programme): Promise<void> {
  const { rows } = await database.pool.query<{ id: string; epoch: number; rehearsal: boolean }>(
    'select id, epoch, rehearsal from incident.incidents where ledger_index is null order by epoch',
  )
  for (const { id, epoch, rehearsal } of rows) {
    const detail = { programme: programme.id, incident: id, epoch, rehearsal }
    const entry = await loggedIfPossible(database, INCIDENT_ENTRY, detail)
    if (entry === null) return
    await database.pool.query('update incident.incidents set ledger_index = $2, salt = $3 where id = $1', [
      ...[id, entry.index, entry.salt],
    ])
  }
}

/** Adds whom the sentinel sees now and did not expect to every incident that is not over. */
async function keepReaders(database: OpenDatabase): Promise<void> {
  const { rows } = await database.pool.query<{ seen: unknown }>(
    `select coalesce(jsonb_agg(jsonb_build_object('who', r ->> 'who', 'what', r ->> 'what', 'through', r ->> 'through',
       'sinceMs', (r ->> 'sinceMs')::numeric)), '[]') as seen
     from (select jsonb_array_elements(rows) as r from sentinel.audience) as a
     where (r ->> 'expected')::boolean is false`,
  )
  const now = seenSchema.safeParse(rows[0]?.seen ?? [])
  if (!now.success || now.data.length === 0) return
  const { rows: open } = await database.pool.query<{ id: string; seen: unknown }>(
    `select i.id, i.seen from incident.incidents i
     where i.epoch >= coalesce((select max(epoch) from gate.openings), 0)`,
  )
  for (const { id, seen } of open) {
    const known = seenSchema.safeParse(seen)
    const before = known.success ? known.data : []
    const isKnown = (one: SeenReader) =>
      before.some(({ who, what, through }) => who === one.who && what === one.what && through === one.through)
    const added = now.data.filter((one) => !isKnown(one)).slice(0, 1_000)
    if (added.length === 0) continue
    await database.pool.query('update incident.incidents set seen = $2 where id = $1', [
      ...[id, JSON.stringify([...before, ...added])],
    ])
  }
}

/** Newest first. */
export async function listIncidents({ pool }: OpenDatabase): Promise<readonly IncidentRow[]> {
  const { rows } = await pool.query<StoredRow>('select * from incident.incidents order by epoch desc limit 1000')
  return rows.map(toIncident)
}

/** @throws `NOT_FOUND` */
export async function findIncident({ pool }: OpenDatabase, id: string): Promise<IncidentRow> {
  const { rows } = await pool.query<StoredRow>('select * from incident.incidents where id = $1', [id])
  const [row] = rows
  if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such incident')
  return toIncident(row)
}

/**
 * Records why it happened and what is done about it. Recorded again it is replaced, and logged again.
 * @param by a role, no person's name
 * @throws `NOT_FOUND`, `BODY_INVALID` for a safeguard that the catalogue lacks, `LEDGER_UNAVAILABLE`
 */
export async function recordCause(
  database: OpenDatabase,
  id: string,
  cause: IncidentCause,
  by: string,
): Promise<Logged> {
  const incident = await findIncident(database, id)
  const unknown = cause.safeguards.filter((one) => !SAFEGUARDS.some((safeguard) => safeguard.id === one))
  if (unknown.length > 0)
    throw new FairtraceError('BODY_INVALID', `safeguards: not in the catalogue: ${unknown.join(', ')}`)
  const stored = { ...cause, by, atMs: Date.now() }
  const entry = await logged(database, 'incident.cause', { incident: incident.id, cause: stored })
  await database.pool.query('update incident.incidents set cause = $2 where id = $1', [id, JSON.stringify(stored)])
  return entry
}

/**
 * Drafts a notice to everybody concerned, anew each time until they are sent. Everybody who has joined is concerned where a surface
 * with anybody's data was within reach: the portal can't list whose recordings the vault holds, and must not.
 * @returns the text, which is the same for everybody
 */
export async function draftNotices(database: OpenDatabase, programme: Programme, id: string): Promise<string> {
  const incident = await findIncident(database, id)
  const report = await incidentReport(database, programme, incident)
  const text = noticeText(report)
  if (incident.notifiedAtMs !== null) return text
  await database.pool.query(
    `insert into incident.notices (incident, pseudonym, text) select $1, pseudonym, $2 from consent.people
     on conflict (incident, pseudonym) do update set text = excluded.text where incident.notices.sent_at_ms is null`,
    [id, text],
  )
  return text
}

/**
 * Lets the notices go: from here on each person sees theirs. They are drafted once more, so that they say what is known now.
 * @param by name of the data-protection officer who approves them
 * @throws `NOT_FOUND`, `LEDGER_UNAVAILABLE`, and then none was sent
 */
export async function sendNotices(database: OpenDatabase, programme: Programme, id: string, by: string): Promise<void> {
  const incident = await findIncident(database, id)
  if (incident.notifiedAtMs !== null) return
  const text = await draftNotices(database, programme, id)
  // Without the number of people: the log is everybody's.
  await logged(database, 'incident.notices', { incident: id, text })
  const nowMs = Date.now()
  for (;;) {
    const { rowCount } = await database.pool.query(
      `update incident.notices set sent_at_ms = $2 where incident = $1 and pseudonym in
         (select pseudonym from incident.notices where incident = $1 and sent_at_ms is null limit $3)`,
      [id, nowMs, NOTICES_AT_ONCE],
    )
    if ((rowCount ?? 0) < NOTICES_AT_ONCE) break
  }
  await database.pool.query(
    'update incident.incidents set notified_at_ms = $2, approved_by = $3 where id = $1 and notified_at_ms is null',
    [id, nowMs, by],
  )
}

export interface OwnNotice {
  readonly incident: string
  readonly sentAtMs: number
  readonly text: string
}

/** Notices to one person that were sent, newest first. */
export async function ownNotices({ pool }: OpenDatabase, pseudonym: string): Promise<readonly OwnNotice[]> {
  const { rows } = await pool.query<{ incident: string; sent_at_ms: number; text: string }>(
    `select incident, sent_at_ms, text from incident.notices
     where pseudonym = $1 and sent_at_ms is not null order by sent_at_ms desc`,
    [pseudonym],
  )
  return rows.map(({ incident, sent_at_ms, text }) => ({ incident, sentAtMs: sent_at_ms, text }))
}

function toIncident(row: StoredRow): IncidentRow {
  const cause = storedCauseSchema.safeParse(row.cause)
  const seen = seenSchema.safeParse(row.seen)
  return {
    id: row.id,
    epoch: row.epoch,
    openedAtMs: row.opened_at_ms,
    isRehearsal: row.rehearsal,
    ledgerIndex: row.ledger_index,
    // Fails closed: what nobody could have recorded here is no root cause.
    cause: cause.success ? cause.data : null,
    approvedBy: row.approved_by,
    notifiedAtMs: row.notified_at_ms,
    seen: seen.success ? seen.data : [],
  }
}
