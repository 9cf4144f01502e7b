/**
 * The life of grants as the portal keeps it: asked for, approved or refused, ended, and listed until governance retention is over.
 *
 * None of these rows opens anything: vault and keeper check every signature themselves. What is refused here is refused early, so
 * that people hear of it with a reason.
 */
import { randomBytes } from 'node:crypto'
import { APPROVER_ROLES, type ApproverRole, type Charter, type Clock, FairtraceError } from '@fairtrace/core'
import {
  type Assertion,
  activationSchema,
  approvalSchema,
  type Grant,
  type GrantScope,
  grantHash,
  grantSchema,
  isAsserted,
} from '@fairtrace/core/access'
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

const rowSchema = z.object({
  document: grantSchema,
  account: z.string(),
  approvals: z.array(approvalSchema.extend({ role: z.enum(APPROVER_ROLES), atMs: z.int() })),
  refusal: z.object({ by: z.string(), reason: z.string(), atMs: z.int() }).nullable(),
  activation: activationSchema.nullable(),
  failure: z.string().nullable(),
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
      .values({ id: grant.id, document: JSON.stringify(grant), account: who.account, requested_at_ms: nowMs })
      .execute()
    return grant
  }

  /** Newest first. */
  async list(programme: Programme): Promise<readonly ShownGrantRecord[]> {
    const rows = await this.#database.db
      .selectFrom('access.grants')
      .selectAll()
      .orderBy('requested_at_ms', 'desc')
      .orderBy('id')
      .execute()
    return rows.map((row) => this.#show(row, programme))
  }

  /** @throws `NOT_FOUND` */
  async find(id: string, programme: Programme): Promise<ShownGrantRecord> {
    const row = await this.#database.db.selectFrom('access.grants').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such grant')
    return this.#show(row, programme)
  }

  /**
   * Takes an approval: a passkey of an approver whom the charter names, over the grant's hash.
   * @param account of whoever hands it in, to refuse the requester also where they go by another name
   * @returns the record as it is afterwards; with two roles it is ready for vault and keeper
   * @throws `NOT_FOUND`, `GRANT_NOT_WAITING`, `SELF_APPROVAL`, `APPROVAL_INVALID`
   */
  async approve(id: string, programme: Programme, account: string, assertion: Assertion): Promise<ShownGrantRecord> {
    const { charter } = programme
    const found = await this.#requireWaiting(id, programme)
    const approver = approverOf(charter, found.hash, assertion)
    if (approver === null) throw new FairtraceError('APPROVAL_INVALID', 'no approver’s passkey says this of this grant')
    const isOwn = account === found.account || folded(approver.name) === folded(found.grant.requester.name)
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
    await this.#requireWaiting(id, programme)
    const refusal = JSON.stringify({ by, reason, atMs: this.#clock.nowMs() })
    const { rowCount } = await this.#database.pool.query(
      'update access.grants set refusal = $2::jsonb where id = $1 and refusal is null and activation is null',
      [id, refusal],
    )
    if (rowCount !== 1) throw notWaiting()
    return await this.find(id, programme)
  }

  /** Ends it now, for good. @throws `NOT_FOUND`, `GRANT_NOT_WAITING` if there is nothing to end any more */
  async end(id: string, programme: Programme, by: string): Promise<ShownGrantRecord> {
    const found = await this.find(id, programme)
    if (!LIVE_STATES.has(found.state)) throw notWaiting()
    await this.#database.pool.query('update access.grants set ended = $2::jsonb where id = $1 and ended is null', [
      id,
      JSON.stringify({ by, atMs: this.#clock.nowMs() }),
    ])
    await this.#database.pool.query(`select pg_notify('fairtrace_grants', $1)`, [id])
    return await this.find(id, programme)
  }

  async #requireWaiting(id: string, programme: Programme): Promise<ShownGrantRecord> {
    const found = await this.find(id, programme)
    if (found.state !== 'requested') throw notWaiting()
    return found
  }

  #show(row: unknown, programme: Programme): ShownGrantRecord {
    const { document: grant, ...record } = rowSchema.parse(row)
    const shown = { grant, ...record }
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

function folded(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

function denied(): FairtraceError {
  return new FairtraceError('ACCESS_DENIED', 'the charter does not let you ask for this, for this purpose and so long')
}

function notWaiting(): FairtraceError {
  return new FairtraceError('GRANT_NOT_WAITING', 'the grant is not in a state in which this can be done')
}
