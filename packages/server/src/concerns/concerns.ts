/**
 * Raising, joining, leaving and answering. Nothing here knows a person: whoever presents a token is one of those who hold
 * one, and no address, time or session is looked at or kept; a concern has a date, a support has nothing.
 */
import { createHash } from 'node:crypto'
import {
  CONCERN_SLOTS,
  type ConcernToken,
  concernRound,
  concernThresholds,
  FairtraceError,
  oldestLiveRound,
} from '@fairtrace/core'
import { sql, type Transaction } from 'kysely'
import type { ProgrammeReader } from '../consent/programme.ts'
import { newId128 } from '../consent/secrets.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Tables } from '../store/tables.ts'
import type { ConcernKeys } from './concern-keys.ts'
import type { ConcernConsequences } from './consequences.ts'

const DAY_MS = 86_400_000

export interface ConcernParts {
  readonly database: OpenDatabase
  readonly programmes: ProgrammeReader
  readonly concernKeys: ConcernKeys
  readonly consequences: ConcernConsequences
}

export interface RaisedConcern {
  readonly concern: string
  readonly round: string
  readonly slot: number
}

/**
 * Raises a concern on a free place of the current round. The same token with the same text again is the same concern.
 * @throws `CONCERN_TOKEN_INVALID`, `CONCERN_ROUND_FULL`, `PROGRAMME_NOT_RUNNING` once it is closed
 */
export async function raiseConcern(
  parts: ConcernParts,
  { round, text, token }: { readonly round: string; readonly text: string; readonly token: ConcernToken },
  nowMs: number,
): Promise<RaisedConcern> {
  const programme = await requireOpenProgramme(parts)
  if (round !== concernRound(nowMs)) throw new FairtraceError('CONCERN_TOKEN_INVALID', 'the token is of another round')
  await parts.concernKeys.requireToken(programme.id, round, 'raise', token)
  const tokenHash = hashToken(token)
  return await parts.database.db.transaction().execute(async (trx) => {
    // Two that are raised at once get two places.
    await sql`select pg_advisory_xact_lock(hashtext('fairtrace concerns'))`.execute(trx)
    const before = await trx
      .selectFrom('consent.concerns')
      .select(['id', 'slot', 'text'])
      .where('raise_token_hash', '=', tokenHash)
      .executeTakeFirst()
    if (before !== undefined) {
      if (before.text !== text) throw new FairtraceError('CONCERN_TOKEN_INVALID', 'the token was used before')
      return { concern: before.id, round, slot: before.slot }
    }
    const { taken } = await trx
      .selectFrom('consent.concerns')
      .select((eb) => eb.fn.countAll<number>().as('taken'))
      .where('round', '=', round)
      .executeTakeFirstOrThrow()
    if (taken >= CONCERN_SLOTS) throw new FairtraceError('CONCERN_ROUND_FULL', `${taken} concerns stand this month`)
    const concern = newId128()
    await trx
      .insertInto('consent.concerns')
      .values({
        id: concern,
        round,
        slot: taken,
        raise_token_hash: tokenHash,
        raised_on: new Date(nowMs).toISOString().slice(0, 'yyyy-mm-dd'.length),
        text,
        review_due_at_ms: null,
        pause: null,
        logged: '[]',
        answer: null,
      })
      .execute()
    return { concern, round, slot: taken }
  })
}

/**
 * Adds a support. Twice with one token is once; what the number of supporters now asks for is done before this returns.
 * @throws `NOT_FOUND`, `CONCERN_TOKEN_INVALID`, `PROGRAMME_NOT_RUNNING` once it is closed
 */
export async function joinConcern(
  parts: ConcernParts,
  concern: string,
  token: ConcernToken,
  nowMs: number,
): Promise<void> {
  const programme = await requireSupport(parts, concern, token, nowMs)
  const { database, consequences } = parts
  await database.db.transaction().execute(async (trx) => {
    // Of two that come at once, the second sees the first: a threshold is crossed once.
    await trx.selectFrom('consent.concerns').select('id').where('id', '=', concern).forUpdate().execute()
    await trx
      .insertInto('consent.concern_supports')
      .values({ concern, token_hash: hashToken(token) })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await markThresholds(trx, programme, concern, nowMs)
  })
  await consequences.pauseWhereDue()
}

/**
 * Takes a support back. What it had led to stays: a review, and a pause, end by people who answer for it.
 * @throws `NOT_FOUND`, `CONCERN_TOKEN_INVALID`, `PROGRAMME_NOT_RUNNING` once it is closed
 */
export async function leaveConcern(
  parts: ConcernParts,
  concern: string,
  token: ConcernToken,
  nowMs: number,
): Promise<void> {
  await requireSupport(parts, concern, token, nowMs)
  await parts.database.db
    .deleteFrom('consent.concern_supports')
    .where('concern', '=', concern)
    .where('token_hash', '=', hashToken(token))
    .execute()
}

/** A worker representative's answer, for everybody inside to read. @throws `NOT_FOUND` */
export async function answerConcern(parts: ConcernParts, concern: string, answer: string): Promise<void> {
  const { numUpdatedRows } = await parts.database.db
    .updateTable('consent.concerns')
    .set({ answer, state: 'answered' })
    .where('id', '=', concern)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new FairtraceError('NOT_FOUND', 'there is no such concern')
  await parts.consequences.logAnswer(concern, answer)
}

/** Writes down what the number of supporters asks for; `consequences.ts` does it, also after a crash in between. */
async function markThresholds(
  trx: Transaction<Tables>,
  programme: Programme,
  concern: string,
  nowMs: number,
): Promise<void> {
  const { review, pause, reviewDeadlineMs } = concernThresholds(programme.charter)
  const { supporters } = await trx
    .selectFrom('consent.concern_supports')
    .select((eb) => eb.fn.countAll<number>().as('supporters'))
    .where('concern', '=', concern)
    .executeTakeFirstOrThrow()
  // An answer that came before the review doesn't replace it.
  if (supporters >= review) {
    await trx
      .updateTable('consent.concerns')
      .set({ state: 'in-review', review_due_at_ms: endOfDayMs(nowMs) + reviewDeadlineMs })
      .where('id', '=', concern)
      .where('review_due_at_ms', 'is', null)
      .execute()
  }
  if (supporters >= pause) {
    await trx
      .updateTable('consent.concerns')
      .set({ pause: 'due' })
      .where('id', '=', concern)
      .where('pause', 'is', null)
      .execute()
  }
}

async function requireSupport(
  parts: ConcernParts,
  concern: string,
  token: ConcernToken,
  nowMs: number,
): Promise<Programme> {
  const programme = await requireOpenProgramme(parts)
  const row = await parts.database.db
    .selectFrom('consent.concerns')
    .select(['round', 'slot'])
    .where('id', '=', concern)
    .where('round', '>=', oldestLiveRound(nowMs))
    .executeTakeFirst()
  if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such concern, or it is too old to join')
  await parts.concernKeys.requireToken(programme.id, row.round, row.slot, token)
  return programme
}

async function requireOpenProgramme({ programmes }: ConcernParts): Promise<Programme> {
  const programme = await programmes.require()
  if (programme.state === 'closed') throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'the programme is closed')
  return programme
}

/** A deadline to the millisecond would say when the support came that brought it about. */
function endOfDayMs(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
}

/** Of the nonce's bytes alone: neither another spelling of them nor another signature over them makes a second person. */
function hashToken({ nonce }: ConcernToken): string {
  return createHash('sha256').update(nonce, 'base64url').digest('base64url')
}
