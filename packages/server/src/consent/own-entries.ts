/**
 * What stands in the ledger about one person, for that person: their decisions, and the openings of what is stored about them.
 *
 * The portal asks for one person at a time, through a function of the vault's schema: it can't list who was opened.
 */
import { FairtraceError, grantSchema } from '@fairtrace/core'
import { z } from 'zod'
import { ledgerProof } from '../ledger/proof.ts'
import type { OpenDatabase } from '../store/database.ts'
import { DECISION_ENTRY, type LoggedKind } from './decision-batches.ts'

/** One opening that concerned this person. */
export interface OwnAccess {
  /** Of its entry in the ledger. */
  readonly index: number
  readonly atMs: number
  /** By name; null if it was the person themself. */
  readonly who: string | null
  readonly purpose: string | null
  readonly reason: string | null
  readonly approvers: readonly string[]
  /** What was opened: for which release, and how many of this person's content keys. */
  readonly what: { readonly release: string | null; readonly keys: number }
}

interface NoticeRow {
  readonly ledger_index: number
  readonly at_ms: number
  readonly type: string
  readonly salt: string
  readonly detail: unknown
  readonly keys: number
}

/** What the vault commits to, as far as it is shown; the proof carries all of it. */
const grantedSchema = z.object({ grant: grantSchema, approvers: z.array(z.string()) })

/** Newest first. */
export async function ownAccesses(database: OpenDatabase, pseudonym: string): Promise<readonly OwnAccess[]> {
  const rows = await notices(database, pseudonym)
  return rows.map(({ ledger_index, at_ms, detail, keys }) => {
    const granted = grantedSchema.safeParse(detail)
    const common = { index: ledger_index, atMs: at_ms }
    if (!granted.success) {
      return { ...common, who: null, purpose: null, reason: null, approvers: [], what: { release: null, keys } }
    }
    const { grant, approvers } = granted.data
    const release = grant.scope.kind === 'recordings' ? grant.scope.releaseName : grant.scope.release
    const { purpose, reason, requester } = grant
    return { ...common, who: requester.name, purpose, reason, approvers, what: { release, keys } }
  })
}

/**
 * The `.tlog-proof` of an opening that concerned this person, with what it commits to.
 * @throws `NOT_FOUND` if there is none, or it concerned others: one answer
 */
export async function ownAccessProof(database: OpenDatabase, pseudonym: string, index: number): Promise<string> {
  const row = (await notices(database, pseudonym)).find(({ ledger_index }) => ledger_index === index)
  if (row === undefined) throw new FairtraceError('NOT_FOUND', 'no opening of that number concerned you')
  return await ledgerProof(database, index, row.salt, { type: row.type, detail: row.detail })
}

async function notices(database: OpenDatabase, pseudonym: string): Promise<readonly NoticeRow[]> {
  const { rows } = await database.pool.query<NoticeRow>(
    'select * from vault.accesses_of($1) order by ledger_index desc',
    [pseudonym],
  )
  return rows
}

export interface OwnDecision {
  readonly version: number
  readonly kind: LoggedKind
  /** Of its entry; null until the ledger has given it a place. */
  readonly index: number | null
}

export async function ownDecisions(database: OpenDatabase, pseudonym: string): Promise<readonly OwnDecision[]> {
  const { rows } = await database.pool.query<OwnDecision>(
    `select l.version, l.kind, e.idx as index
     from consent.logged_decisions l left join ledger.entries e on e.inbox_id = l.inbox_id
     where l.pseudonym = $1 order by l.version, l.kind`,
    [pseudonym],
  )
  return rows
}

/** @throws `NOT_FOUND` if it isn't in the ledger yet; it will be after the next of the fixed times */
export async function ownDecisionProof(
  database: OpenDatabase,
  pseudonym: string,
  version: number,
  kind: LoggedKind,
): Promise<string> {
  const { rows } = await database.pool.query<{ index: number; salt: string; detail: unknown }>(
    `select e.idx as index, l.salt, l.detail
     from consent.logged_decisions l join ledger.entries e on e.inbox_id = l.inbox_id
     where l.pseudonym = $1 and l.version = $2 and l.kind = $3`,
    [pseudonym, version, kind],
  )
  const [row] = rows
  if (row === undefined) throw new FairtraceError('NOT_FOUND', 'that decision is not in the ledger yet')
  return await ledgerProof(database, row.index, row.salt, { type: DECISION_ENTRY, detail: row.detail })
}
