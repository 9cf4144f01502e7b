/** Release jobs as the portal asks the builder for them, under a grant that is active. The builder and the vault check it again. */
import { randomUUID } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import type { ShownGrantRecord } from './grants.ts'

export interface ReleaseJobRow {
  readonly id: string
  readonly state: 'requested' | 'running' | 'done' | 'failed'
  readonly progress: number
  readonly code: string | null
  readonly message: string | null
  readonly release_id: string | null
}

export class ReleaseJobs {
  readonly #database: OpenDatabase

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  /** @throws `GRANT_NOT_WAITING` unless the grant is active; `BODY_INVALID` for one that is not for building a release */
  async request({ grant, approvals, state }: ShownGrantRecord, seed: string): Promise<ReleaseJobRow> {
    if (state !== 'active') throw new FairtraceError('GRANT_NOT_WAITING', 'the grant is not active')
    if (grant.scope.kind !== 'recordings')
      throw new FairtraceError('BODY_INVALID', 'the grant is for a release that is there')
    const id = randomUUID()
    const signed = approvals.map(({ approver, assertion }) => ({ approver, assertion }))
    const request = JSON.stringify({ name: grant.scope.releaseName, seed, grant, approvals: signed })
    await this.#database.db.insertInto('release.jobs').values({ id, request }).execute()
    await this.#database.pool.query(`select pg_notify('fairtrace_jobs', $1)`, [id])
    return await this.find(id)
  }

  /** @throws `NOT_FOUND` */
  async find(id: string): Promise<ReleaseJobRow> {
    const row = await this.#database.db
      .selectFrom('release.jobs')
      .select(['id', 'state', 'progress', 'code', 'message', 'release_id'])
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such job')
    return row
  }
}
