/**
 * How decisions reach the ledger: at fixed times of the clock, as many entries each time, real or not.
 *
 * Whoever watches the log grow learns what time it is and nothing else. Dummies are commitments like any other, to which nobody has
 * the opening. What doesn't fit waits for the next time, in the order of decision, and the log grows no faster for it. Nothing
 * waits for the log: a decision holds from the moment it is made.
 */
import { hash, randomBytes, randomInt } from 'node:crypto'
import { LEDGER_SALT_BYTES, ledgerEntry } from '@fairtrace/core'
import type { PoolClient } from 'pg'
import type { OpenDatabase } from '../store/database.ts'
import { consentEventSchema, receiptOf } from './state.ts'

export const DECISION_ENTRY = 'consent.decision'
/** Multiples of this since 1970, by the installation's clock: midnight, six, noon and six, UTC. */
export const DECISIONS_EVERY_MS = 6 * 3_600_000
export const DECISIONS_PER_BATCH = 256

const LAST_PERIOD = 'select max(period) as last from consent.decision_batches'

/** Consent that was given, changed or withdrawn; or keys that are destroyed, by the vault's word. Pauses are nobody's business. */
export type LoggedKind = 'decision' | 'erasure'

/** What an entry commits to: the person's own, and opened to them alone. */
export interface DecisionDetail {
  readonly programme: string
  readonly pseudonym: string
  /** Number of the decision, as on its receipt. */
  readonly version: number
  readonly state: 'given' | 'withdrawn' | 'erased'
  readonly atMs: number | null
  /** SHA-256 of the receipt, base64url; null for an erasure. */
  readonly receipt: string | null
}

interface Waiting {
  readonly pseudonym: string
  readonly version: number
  readonly at_ms: number
  readonly event: unknown
  readonly kind: LoggedKind
}

/**
 * Enters the batch that is due, if one is. Any number of portals may call it: one of them does it. A process that was away past
 * several times enters one batch, not several.
 * @returns whether a batch was entered
 */
export async function enterDecisions(database: OpenDatabase, programme: string, nowMs: number): Promise<boolean> {
  const period = Math.floor(nowMs / DECISIONS_EVERY_MS)
  // Looked at first without a lock: most of the time nothing is due.
  const { rows } = await database.pool.query<{ last: number | null }>(LAST_PERIOD)
  if ((rows[0]?.last ?? -1) >= period) return false
  const client = await database.pool.connect()
  let isBroken = true
  try {
    await client.query('begin')
    const isDue = await takePeriod(client, period)
    if (isDue) await enter(client, programme)
    await client.query('commit')
    isBroken = false
    if (isDue) await client.query(`select pg_notify('fairtrace_ledger_inbox', '')`)
    return isDue
  } finally {
    // Rolled back by closing: the batch is entered as a whole or by the next call.
    client.release(isBroken)
  }
}

/** The first look of all only starts the count, so that an installation doesn't begin with a batch. */
async function takePeriod(client: PoolClient, period: number): Promise<boolean> {
  await client.query('lock table consent.decision_batches in exclusive mode')
  const { rows } = await client.query<{ last: number | null }>(LAST_PERIOD)
  const last = rows[0]?.last ?? null
  // Stated as what we accept: a clock that went back enters nothing.
  if (last !== null && !(last < period)) return false
  await client.query('insert into consent.decision_batches values ($1)', [period])
  return last !== null
}

async function enter(client: PoolClient, programme: string): Promise<void> {
  const { rows } = await client.query<Waiting>(
    `select e.pseudonym, e.version, e.at_ms, e.event, k.kind
     from consent.events e
     cross join (values ('decision'), ('erasure')) k (kind)
     where e.event ->> 'kind' in ('given', 'withdrawn')
       and (k.kind = 'decision' or (e.event ->> 'kind' = 'withdrawn' and not exists (
         select from vault.erasure_requests r where r.pseudonym = e.pseudonym and r.version = e.version)))
       and not exists (select from consent.logged_decisions l
         where l.pseudonym = e.pseudonym and l.version = e.version and l.kind = k.kind)
     order by e.at_ms, e.pseudonym, e.version, k.kind limit ${DECISIONS_PER_BATCH}`,
  )
  const real = rows.map((row) => sealed(detailOf(row, programme), row))
  const dummies = Array.from({ length: DECISIONS_PER_BATCH - real.length }, () => sealed({}, null))
  const batch = shuffled([...real, ...dummies])
  const { rows: placed } = await client.query<{ id: number }>(
    `insert into ledger.inbox (entry)
     select entry from unnest($1::text[]) with ordinality as t (entry, place) order by place returning id`,
    [batch.map(({ entry }) => entry)],
  )
  const kept = batch.flatMap(({ row, salt, detail }, place) =>
    row === null ? [] : [{ ...row, salt, detail, id: placed[place]?.id }],
  )
  await client.query(
    `insert into consent.logged_decisions (pseudonym, version, kind, inbox_id, salt, detail)
     select * from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::text[], $6::jsonb[])`,
    [
      kept.map(({ pseudonym }) => pseudonym),
      kept.map(({ version }) => version),
      kept.map(({ kind }) => kind),
      kept.map(({ id }) => id),
      kept.map(({ salt }) => salt),
      kept.map(({ detail }) => JSON.stringify(detail)),
    ],
  )
}

function detailOf({ pseudonym, version, at_ms, event, kind }: Waiting, programme: string): DecisionDetail {
  if (kind === 'erasure') return { programme, pseudonym, version, state: 'erased', atMs: null, receipt: null }
  const parsed = consentEventSchema.parse(event)
  const receipt = receiptOf(parsed)
  return {
    programme,
    pseudonym,
    version,
    state: parsed.kind === 'withdrawn' ? 'withdrawn' : 'given',
    atMs: at_ms,
    receipt: receipt === null ? null : hash('sha256', receipt, 'base64url'),
  }
}

function sealed(detail: DecisionDetail | Record<string, never>, row: Waiting | null) {
  const salt = randomBytes(LEDGER_SALT_BYTES)
  return { row, detail, salt: salt.toString('base64url'), entry: ledgerEntry(DECISION_ENTRY, detail, salt) }
}

/** So that a place within the batch tells nothing either. */
function shuffled<T>(list: readonly T[]): T[] {
  const mixed = [...list]
  for (let i = mixed.length - 1; i > 0; i--) {
    const other = randomInt(i + 1)
    const [a, b] = [mixed[i], mixed[other]]
    if (a !== undefined && b !== undefined) [mixed[i], mixed[other]] = [b, a]
  }
  return mixed
}
