/** What the gate judges by, read and verified now: rows are believed only as far as their signatures go. */
import {
  type Evidence,
  evidenceEndsAtMs,
  type GateFacts,
  type GateSignature,
  type GateStatement,
  gateSignatureSchema,
  gateStatementSchema,
} from '@fairtrace/core'
import { missingForCharterInForce } from '../consent/charters.ts'
import { SERVER_BUILD } from '../runtime/build.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { evidenceDigest, type IssuedEvidence, readEvidence, standings } from './evidence.ts'
import { SAFEGUARDS } from './safeguards.ts'

export interface StoredStatement {
  readonly hash: string
  readonly statement: GateStatement
  readonly signatures: readonly GateSignature[]
  readonly drawnAtMs: number
}

/** @param nowMs by the installation's clock, by which evidence expires */
export async function gateFacts(database: OpenDatabase, programme: Programme, nowMs: number): Promise<GateFacts> {
  const { charter } = programme
  const issued = await readEvidence(database, charter)
  const evidence = new Map(
    standings(issued, charter, nowMs).flatMap(({ safeguard, state, newest }) =>
      state === 'fresh' && newest !== null ? [[safeguard.id, evidenceDigest(newest.jws)] as const] : [],
    ),
  )
  const stored = await newestStatement(database)
  return {
    nowMs,
    programme: programme.id,
    state: programme.state,
    epoch: programme.epoch,
    charterHash: programme.charterHash,
    missingApprovals: await missingForCharterInForce(database, programme),
    builds: await runningBuilds(database),
    safeguards: SAFEGUARDS.map(({ id }) => id),
    evidence,
    hasUnannounced: issued.some(({ evidence: one }) => isUnannounced(one, programme, nowMs)),
    exposures: await openExposures(database),
    incidents: await openIncidents(database, issued, programme, nowMs),
    statement: stored?.statement ?? null,
    signatures: stored?.signatures ?? [],
    asks: await whatItAsks(database, programme),
  }
}

/** The newest that was drawn up: an older one can't be signed any more. */
export async function newestStatement({ db }: OpenDatabase): Promise<StoredStatement | null> {
  const row = await db
    .selectFrom('gate.statements')
    .selectAll()
    .orderBy('drawn_at_ms', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return null
  const statement = gateStatementSchema.safeParse(row.statement)
  const signatures = gateSignatureSchema.array().safeParse(row.signatures)
  // Fails closed: what can't be read says nothing.
  if (!statement.success || !signatures.success) return null
  return { hash: row.hash, statement: statement.data, signatures: signatures.data, drawnAtMs: row.drawn_at_ms }
}

/** Of this process, and of every other that was heard of lately. A row without a signature can only close the gate. */
async function runningBuilds({ pool }: OpenDatabase): Promise<readonly string[]> {
  const { rows } = await pool.query<{ build: string }>(
    `select distinct build from install.points where left_at is null and seen_at > clock_timestamp() - interval '10 seconds'`,
  )
  return [...new Set([SERVER_BUILD, ...rows.map(({ build }) => build)])].toSorted()
}

async function openExposures({ pool }: OpenDatabase): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from install.exposures where state in ('open', 'contained') order by found_at_ms, id`,
  )
  return rows.map(({ id }) => id)
}

function counts(one: Evidence, { charter, id }: Programme, nowMs: number): boolean {
  return one.passed && one.programme === id && one.endedAtMs <= nowMs && nowMs < evidenceEndsAtMs(one, charter)
}

function isUnannounced(one: Evidence, programme: Programme, nowMs: number): boolean {
  return one.nonce !== null && counts(one, programme, nowMs)
}

interface IncidentRow {
  readonly id: string
  readonly epoch: number
  readonly opened_at_ms: number
  readonly cause: { readonly safeguards?: readonly string[] } | null
  readonly notified_at_ms: number | null
  readonly kinds: readonly string[]
}

/** Incidents since the programme last came to run through the gate, rehearsals apart. */
async function openIncidents(
  { pool }: OpenDatabase,
  issued: readonly IssuedEvidence[],
  programme: Programme,
  nowMs: number,
): Promise<GateFacts['incidents']> {
  const { rows } = await pool.query<IncidentRow>(
    `select i.id, i.epoch, i.opened_at_ms, i.cause, i.notified_at_ms,
       coalesce((select jsonb_agg(distinct e.kind) from install.exposures e
         where e.state <> 'false-alarm' and e.found_at_ms >= coalesce(
           (select max(o.at_ms) from gate.openings o where o.epoch < i.epoch), 0)), '[]') as kinds
     from incident.incidents i
     where not i.rehearsal and i.epoch > coalesce((select max(epoch) from gate.openings where kind = 'quorum'), -1)
     order by i.epoch`,
  )
  const runs = await drilledFaults(pool)
  const passed = issued.filter(({ evidence }) => counts(evidence, programme, nowMs))
  return rows.map(({ id, epoch, opened_at_ms, cause, notified_at_ms, kinds }) => {
    const since = passed.filter(({ evidence }) => evidence.epoch >= epoch)
    const safeguards = cause?.safeguards ?? []
    const isNamedDrilled =
      safeguards.length > 0 && safeguards.every((one) => since.some(({ evidence }) => evidence.safeguard === one))
    const isDrilled = (kind: string) => {
      const planting = runs.filter(({ expected }) => expected.includes(kind))
      // A fault that no drill plants is tested by the safeguards that the root cause names.
      if (planting.length === 0) return isNamedDrilled
      return planting.some(
        (run) =>
          run.registeredAtMs > opened_at_ms && since.some(({ evidence }) => evidence.drillEntry === run.ledgerIndex),
      )
    }
    return {
      id,
      hasRootCause: cause !== null,
      isDrilledSince: kinds.every(isDrilled) && isNamedDrilled,
      areNoticesSent: notified_at_ms !== null,
    }
  })
}

async function drilledFaults(pool: OpenDatabase['pool']) {
  const { rows } = await pool.query<{ expected: readonly { kind: string }[]; index: number; at: number }>(
    'select expected, ledger_index as index, registered_at_ms as at from assurance.drills',
  )
  return rows.map(({ expected, index, at }) => ({
    expected: expected.map(({ kind }) => kind),
    ledgerIndex: index,
    registeredAtMs: at,
  }))
}

async function whatItAsks({ pool }: OpenDatabase, programme: Programme): Promise<GateFacts['asks']> {
  const { rows } = await pool.query<{ kind: string; was_locked: boolean; stands: boolean }>(
    `select i.kind,
       exists (select from install.lockdowns where drill is null)
         or exists (select from gate.openings where kind = 'quorum') as was_locked,
       coalesce((select ended_at_ms is null from gate.openings order by epoch desc limit 1), false) as stands
     from install.installation i`,
  )
  const [row] = rows
  if (row === undefined || programme.state === 'locked') return 'all'
  if (row.kind === 'demonstration' && programme.charter.demonstration && !row.was_locked) return 'demonstration'
  return programme.state !== 'approved' && row.stands ? 'unsigned' : 'all'
}
