/** The training room as the portal sees it: runs that are asked for, outputs that are reviewed and shown, models and what they cost. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Charter, FairtraceError } from '@fairtrace/core'
import type { ShownGrantRecord } from '../access/grants.ts'
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import { FileObjects } from '../store/objects.ts'
import type { RunState } from '../store/tables.ts'
import { generateX25519, hpkeOpen } from '../vault/hpke.ts'
import { MODEL_RETIRED_ENTRY } from './models.ts'
import type { TakenFile } from './output.ts'
import { OUTPUT_KEY_INFO } from './readings.ts'
import { limitsOf, OWN_TRAINER, type RunWish, runRequestSchema } from './run-request.ts'
import { openOutput, outputObject } from './sealed-output.ts'

export const RUN_REVIEWED_ENTRY = 'room.reviewed'
const READING_MS_MAX = 15_000
const POLL_MS = 50
const RUNS_WAITING_MAX = 8

export interface RunRow {
  readonly id: string
  readonly release: string
  readonly account: string
  readonly request: unknown
  readonly requested_at_ms: number
  readonly state: RunState
  readonly code: string | null
  readonly message: string | null
  readonly output: unknown
  readonly review: unknown
}

export interface Review {
  readonly by: string
  readonly allow: boolean
  readonly reason: string
}

export class RoomAccess {
  readonly #database: OpenDatabase
  readonly #objects: FileObjects

  constructor(database: OpenDatabase, objectsDir: string) {
    this.#database = database
    this.#objects = new FileObjects(objectsDir)
  }

  /** @throws `GRANT_NOT_WAITING` unless the grant is active; `BODY_INVALID`, `ROOM_LIMIT`, `RELEASE_CLOSED` */
  async request(
    { grant, account, approvals, state, hash }: ShownGrantRecord,
    charter: Charter,
    wish: RunWish,
    nowMs: number,
  ): Promise<RunRow> {
    if (state !== 'active') throw new FairtraceError('GRANT_NOT_WAITING', 'the grant is not active')
    if (grant.scope.kind !== 'release') throw new FairtraceError('BODY_INVALID', 'grant: it is not for a release')
    limitsOf(charter, wish)
    if (wish.epsilon !== null && (wish.command[0] !== OWN_TRAINER || wish.code.length > 0))
      throw new FairtraceError(
        'BODY_INVALID',
        `epsilon: only ${OWN_TRAINER}, without code beside it, keeps to a budget`,
      )
    const { release } = grant.scope
    await this.#requireOpen(release)
    if (wish.retrains !== null) await this.#requireRetrainable(wish.retrains.model, release)
    const { rows } = await this.#database.pool.query<{ n: number }>(
      `select count(*) as n from room.runs where account = $1 and state in ('requested', 'running')`,
      [account],
    )
    if (Number(rows[0]?.n ?? 0) >= RUNS_WAITING_MAX)
      throw new FairtraceError('ROOM_LIMIT', `${RUNS_WAITING_MAX} runs of yours wait already`)
    const id = randomUUID()
    const signed = approvals.map(({ approver, assertion }) => ({ approver, assertion }))
    await this.#database.db
      .insertInto('room.runs')
      .values({
        id,
        release,
        grant_hash: hash,
        account,
        request: JSON.stringify({ grant, approvals: signed, wish }),
        requested_at_ms: Math.floor(nowMs),
      })
      .execute()
    await this.#wake(id)
    return await this.find(id)
  }

  /** Newest first. */
  async list(): Promise<readonly RunRow[]> {
    return await this.#rows().orderBy('requested_at_ms', 'desc').orderBy('id').execute()
  }

  /** @throws `NOT_FOUND` */
  async find(id: string): Promise<RunRow> {
    const row = await this.#rows().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such run')
    return row
  }

  /** Logged before anybody else sees the output. @throws `NOT_FOUND`, `ROOM_NOT_REVIEWED`, `LEDGER_UNAVAILABLE` */
  async review(id: string, { by, allow, reason }: Review, nowMs: number): Promise<RunRow> {
    const found = await this.find(id)
    if (found.state !== 'in-review') throw new FairtraceError('ROOM_NOT_REVIEWED', 'there is nothing to review')
    // What a closed release gave is let out no more: it can only be destroyed.
    if (allow) await this.#requireOpen(found.release)
    const detail = { run: id, by, allow, reason }
    await appendToLedger(this.#database, RUN_REVIEWED_ENTRY, detail, { waitForCheckpoint: true })
    const state = allow ? 'approved' : 'refused'
    const review = JSON.stringify({ by, allow, reason, atMs: Math.floor(nowMs) })
    await this.#database.pool.query(
      `update room.runs set state = $2, review = $3 where id = $1 and state = 'in-review'`,
      [id, state, review],
    )
    if (!allow) await this.#objects.delete(outputObject(id))
    await this.#wake(id)
    return await this.find(id)
  }

  /** @throws `ROOM_NOT_REVIEWED`, `KEY_UNAVAILABLE` */
  async output(id: string, purpose: 'review' | 'output'): Promise<readonly TakenFile[]> {
    const box = generateX25519()
    const reading = randomUUID()
    await this.#database.db
      .insertInto('room.readings')
      .values({ id: reading, run: id, purpose, recipient_key: box.publicKeyRaw.toString('base64url') })
      .execute()
    await this.#wake(reading)
    const until = performance.now() + READING_MS_MAX
    for (;;) {
      const row = await this.#database.db
        .selectFrom('room.readings')
        .select(['state', 'code', 'answer'])
        .where('id', '=', reading)
        .executeTakeFirst()
      if (row?.state === 'refused' && row.code === 'RELEASE_CLOSED')
        throw new FairtraceError('RELEASE_CLOSED', 'the release of this model is closed: it is handed out no more')
      if (row?.state === 'refused') throw new FairtraceError('ROOM_NOT_REVIEWED', 'the output was not approved')
      if (row?.state === 'answered') {
        const { enc, sealed } = row.answer as { readonly enc: string; readonly sealed: string }
        const key = hpkeOpen({
          ...box,
          enc: Buffer.from(enc, 'base64url'),
          info: OUTPUT_KEY_INFO,
          aad: Buffer.from(id),
          ciphertext: Buffer.from(sealed, 'base64url'),
        })
        return openOutput(key, id, await this.#objects.get(outputObject(id)))
      }
      if (performance.now() > until) throw new FairtraceError('KEY_UNAVAILABLE', 'the training room does not answer')
      await sleep(POLL_MS)
    }
  }

  /** The program of a model, code and all, for another release: what whoever has a grant for that asks the room. @throws `NOT_FOUND` */
  async retrainingWish(model: string, grant: string): Promise<RunWish> {
    const { run } = await this.#model(model)
    const { request } = await this.find(run)
    const { wish } = runRequestSchema.parse(request)
    return { ...wish, grant, retrains: { model, copiesDestroyed: true } }
  }

  /** @throws `NOT_FOUND` */
  async ownerOf(model: string): Promise<string> {
    return (await this.find((await this.#model(model)).run)).account
  }

  /** Destroys a model for good; whoever does it declares that no copy is left. Logged first. @throws `NOT_FOUND` */
  async retire(model: string, by: string, reason: string): Promise<void> {
    const { run, state } = await this.#model(model)
    if (state === 'retired' || state === 'retrained') return
    const detail = { model, by, reason, copiesDestroyed: true }
    const { index, salt } = await appendToLedger(this.#database, MODEL_RETIRED_ENTRY, detail, {
      waitForCheckpoint: false,
    })
    await this.#objects.delete(outputObject(run))
    await this.#database.pool.query(
      `update room.models set state = 'retired', ledger_index = $2, salt = $3, detail = $4 where id = $1`,
      [model, index, salt, JSON.stringify(detail)],
    )
  }

  async models() {
    const { db } = this.#database
    const models = await db.selectFrom('room.models').selectAll().orderBy('registered_at_ms').execute()
    const spent = await db
      .selectFrom('room.budget')
      .select(({ fn }) => [fn.sum<number>('epsilon').as('epsilon'), fn.sum<number>('delta').as('delta')])
      .executeTakeFirst()
    return { models, spent: { epsilon: Number(spent?.epsilon ?? 0), delta: Number(spent?.delta ?? 0) } }
  }

  async #model(id: string) {
    const row = await this.#database.db
      .selectFrom('room.models')
      .select(['run', 'release', 'state'])
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such model')
    return row
  }

  async #requireRetrainable(model: string, release: string): Promise<void> {
    const { state, release: before } = await this.#model(model)
    if (state !== 'to-retrain')
      throw new FairtraceError('BODY_INVALID', 'retrains: that model is not to be trained anew')
    if (release === before) throw new FairtraceError('BODY_INVALID', 'retrains: it is of the same release')
  }

  async #requireOpen(release: string): Promise<void> {
    const closed = await this.#database.db
      .selectFrom('vault.release_closings')
      .select('release')
      .where('release', '=', release)
      .executeTakeFirst()
    if (closed !== undefined) throw new FairtraceError('RELEASE_CLOSED', 'the release is closed')
  }

  async #wake(id: string): Promise<void> {
    await this.#database.pool.query(`select pg_notify('fairtrace_room', $1)`, [id])
  }

  #rows() {
    return this.#database.db
      .selectFrom('room.runs')
      .select([
        'id',
        'release',
        'account',
        'request',
        'requested_at_ms',
        'state',
        'code',
        'message',
        'output',
        'review',
      ])
  }
}
