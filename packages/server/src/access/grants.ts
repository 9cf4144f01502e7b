/**
 * The life of grants as the portal keeps it: asked for, approved or refused, ended, and listed until governance retention is over.
 *
 * None of these rows opens anything: vault and keeper check every signature themselves. What is refused here is refused early, so
 * that people hear of it with a reason.
 */
import { randomBytes } from 'node:crypto'
import {
  APPROVER_ROLES,
  type ApproverRole,
  type Assertion,
  activationSchema,
  approvalSchema,
  type Charter,
  type Clock,
  FairtraceError,
  foldedName,
  type Grant,
  type GrantScope,
  grantHash,
  grantSchema,
  isAsserted,
} from '@fairtrace/core'
import { sql } from 'kysely'
import { z } from 'zod'
import { verifyPasskey } from '../runtime/passkey-signature.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { type AccessPolicies, type Person, resourceOf } from './access-policies.ts'
import { type GrantRecord, type GrantState, grantState, LIVE_STATES } from './grant-state.ts'

/** A request that nobody approves for so long lapses. */
const APPROVE_WITHIN_MS = 7 * 24 * 3_600_000
/** Requests of one account that wait at the same time. */
const WAITING_PER_ACCOUNT_MAX = 20

export interface Requester extends Person {
  /** Digest of the provider and its name for them. */
  readonly account: string
}

export interface GrantWish {
  readonly scope: GrantScope
  readonly purpose: string
  readonly reason: string
  readonly lengthMs: number
  readonly recipientKey: string
}

export interface ShownGrantRecord extends GrantRecord {
  readonly hash: string
  readonly state: GrantState
}

/** A row with what the vault wrote beside it. */
const rowSchema = z.object({
  document: grantSchema,
  account: z.string(),
  approvals: z.array(approvalSchema.extend({ role: z.enum(APPROVER_ROLES), atMs: z.int() })),
  refusal: z.object({ by: z.string(), reason: z.string(), atMs: z.int() }).nullable(),
  activation: activationSchema.nullable(),
  activation_state: z.string().nullable(),
  activation_code: z.string().nullable(),
  ended: z.object({ by: z.string(), atMs: z.int() }).nullable(),
})

export class Grants {
  readonly #database: OpenDatabase
  readonly #clock: Clock

  constructor(database: OpenDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /**
   * @throws `ACCESS_DENIED` if the policies don't let this person ask; `GRANT_INVALID` if too many of theirs wait
   */
  async request(programme: Programme, policies: AccessPolicies, who: Requester, wish: GrantWish): Promise<Grant> {
    const resource = resourceOf(wish)
    const asked = { purpose: wish.purpose, lengthMs: wish.lengthMs, isRunning: programme.state === 'running' }
    const decision = policies.decideRequest(who, resource, asked)
    const group = programme.charter.audience.find((one) => decision.policies.includes(`request:${one.group}`))?.group
    if (!decision.allow || group === undefined) throw denied()
    const nowMs = this.#clock.nowMs()
    const grant: Grant = {
      id: randomBytes(16).toString('base64url'),
      programme: programme.id,
      epoch: programme.epoch,
      charter: programme.charterHash,
      requester: { name: who.name, group },
      ...wish,
      requestedAtMs: nowMs,
      approveByMs: nowMs + APPROVE_WITHIN_MS,
    }
    const waiting = (await this.list(programme)).filter(
      ({ account, state }) => account === who.account && state === 'requested',
    )
    if (waiting.length >= WAITING_PER_ACCOUNT_MAX) {
      throw new FairtraceError('GRANT_INVALID', `${waiting.length} requests of yours wait already`)
    }
    await this.#database.db
      .insertInto('access.grants')
      .values({
        id: grant.id,
        hash: grantHash(grant),
        document: JSON.stringify(grant),
        account: who.account,
        requested_at_ms: nowMs,
      })
      .execute()
    return grant
  }

  /** Newest first. */
  async list(programme: Programme): Promise<readonly ShownGrantRecord[]> {
    const rows = await this.#rows().orderBy('g.requested_at_ms', 'desc').orderBy('g.id').execute()
    return rows.map((row) => this.#show(row, programme))
  }

  /** @throws `NOT_FOUND` */
  async find(id: string, programme: Programme): Promise<ShownGrantRecord> {
    const row = await this.#rows().where('g.id', '=', id).executeTakeFirst()
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such grant')
    return this.#show(row, programme)
  }

  /** Hands every grant with both approvals to the vault; those that it has already stay as they are. */
  async handOver(programme: Programme): Promise<void> {
    const waiting = await this.#rows()
      .where('a.grant_hash', 'is', null)
      .where('g.refusal', 'is', null)
      .where('g.ended', 'is', null)
      .where(sql<boolean>`jsonb_array_length(g.approvals) > 1`)
      .execute()
    const approved = waiting.map((row) => this.#show(row, programme)).filter(({ state }) => state === 'approved')
    const rows = approved.map(({ hash, grant, approvals }) => ({
      grant_hash: hash,
      request: JSON.stringify({
        grant,
        approvals: approvals.map(({ approver, assertion }) => ({ approver, assertion })),
      }),
    }))
    if (rows.length === 0) return
    const { pool, db } = this.#database
    const inserted = await db
      .insertInto('vault.activations')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const isNew = inserted.some(({ numInsertedOrUpdatedRows }) => (numInsertedOrUpdatedRows ?? 0n) > 0n)
    if (isNew) await pool.query(`select pg_notify('fairtrace_openings', '')`)
  }

  /**
   * Takes an approval: a passkey of an approver whom the charter names, over the grant's hash.
   * @param account of whoever hands it in, to refuse the requester also where they go by another name
   * @returns the record as it is afterwards; with two roles it is ready for vault and keeper
   * @throws `NOT_FOUND`, `GRANT_NOT_WAITING`, `SELF_APPROVAL`, `GRANT_APPROVAL_INVALID`
   */
  async approve(id: string, programme: Programme, account: string, assertion: Assertion): Promise<ShownGrantRecord> {
    const { charter } = programme
    const found = await this.#requireWaiting(id, programme)
    const approver = approverOf(charter, found.hash, assertion)
    if (approver === null)
      throw new FairtraceError('GRANT_APPROVAL_INVALID', 'no approver’s passkey says this of this grant')
    const isOwn = account === found.account || foldedName(approver.name) === foldedName(found.grant.requester.name)
    if (isOwn) throw new FairtraceError('SELF_APPROVAL', 'nobody approves their own request')
    const approval = { approver: approver.name, assertion, role: approver.role, atMs: this.#clock.nowMs() }
    // One row, one statement: two approvals at the same moment both stay.
    const { rowCount } = await this.#database.pool.query(
      `update access.grants set approvals = approvals || $2::jsonb
       where id = $1 and refusal is null and ended is null and not approvals @> $3::jsonb`,
      [id, JSON.stringify([approval]), JSON.stringify([{ role: approver.role }])],
    )
    if (rowCount !== 1) throw notWaiting()
    return await this.find(id, programme)
  }

  /** An approver's no ends it. @throws `NOT_FOUND`, `GRANT_NOT_WAITING` */
  async refuse(id: string, programme: Programme, by: string, reason: string): Promise<ShownGrantRecord> {
    const found = await this.#requireWaiting(id, programme)
    // As at an end: a second approval that is with the vault already opens nothing any more.
    await this.#endAtVault(found.hash)
    const refusal = JSON.stringify({ by, reason, atMs: this.#clock.nowMs() })
    const { rowCount } = await this.#database.pool.query(
      'update access.grants set refusal = $2::jsonb where id = $1 and refusal is null and ended is null',
      [id, refusal],
    )
    if (rowCount !== 1) throw notWaiting()
    return await this.find(id, programme)
  }

  /** Ends it now, for good. @throws `NOT_FOUND`, `GRANT_NOT_WAITING` if there is nothing to end any more */
  async end(id: string, programme: Programme, by: string): Promise<ShownGrantRecord> {
    const found = await this.find(id, programme)
    if (!LIVE_STATES.has(found.state)) throw notWaiting()
    const ended = JSON.stringify({ by, atMs: this.#clock.nowMs() })
    // The vault's row first: whatever happens after it, nothing opens any more.
    await this.#endAtVault(found.hash)
    await this.#database.pool.query('update access.grants set ended = $2::jsonb where id = $1 and ended is null', [
      id,
      ended,
    ])
    return await this.find(id, programme)
  }

  async #endAtVault(hash: string): Promise<void> {
    await this.#database.db
      .insertInto('vault.grant_ends')
      .values({ grant_hash: hash })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await this.#database.pool.query(`select pg_notify('fairtrace_grants', $1)`, [hash])
  }

  async #requireWaiting(id: string, programme: Programme): Promise<ShownGrantRecord> {
    const found = await this.find(id, programme)
    if (found.state !== 'requested') throw notWaiting()
    return found
  }

  #rows() {
    return this.#database.db
      .selectFrom('access.grants as g')
      .leftJoin('vault.activations as a', 'a.grant_hash', 'g.hash')
      .select(['g.document', 'g.account', 'g.approvals', 'g.refusal', 'g.ended'])
      .select(['a.activation', 'a.state as activation_state', 'a.code as activation_code'])
  }

  #show(row: unknown, programme: Programme): ShownGrantRecord {
    const { document: grant, activation_state: state, activation_code: code, ...record } = rowSchema.parse(row)
    const shown = { grant, ...record, failure: state === 'refused' ? (code ?? 'GRANT_INVALID') : null }
    const now = { nowMs: this.#clock.nowMs(), epoch: programme.epoch }
    return { ...shown, hash: grantHash(grant), state: grantState(shown, now) }
  }
}

/** Who said so: the approver whose passkey of the charter made this assertion, or null. */
function approverOf(
  charter: Charter,
  hash: string,
  assertion: Assertion,
): { readonly name: string; readonly role: ApproverRole } | null {
  const approver = charter.approvers.find(({ passkey }) => passkey?.credential === assertion.credential)
  if (approver?.passkey === undefined) return null
  return isAsserted(assertion, approver.passkey, hash, charter.passkeys.rpId, verifyPasskey) ? approver : null
}

function denied(): FairtraceError {
  return new FairtraceError('ACCESS_DENIED', 'the charter does not let you ask for this, for this purpose and so long')
}

function notWaiting(): FairtraceError {
  return new FairtraceError('GRANT_NOT_WAITING', 'the grant is not in a state in which this can be done')
}
