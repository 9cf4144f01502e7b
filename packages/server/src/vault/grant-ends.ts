/**
 * Grants that are ended early. This process stops at once, whatever the keeper does; the keeper is told until it has heard, and
 * then the end is for good: no row brings it back.
 */
import type { OpenDatabase } from '../store/database.ts'
import type { KeeperClient } from './keeper-client.ts'

export interface EndedGrants {
  has(grantHash: string): boolean
}

export class GrantEnds implements EndedGrants {
  readonly #database: OpenDatabase
  readonly #ended = new Set<string>()

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  has(grantHash: string): boolean {
    return this.#ended.has(grantHash)
  }

  /** Looks which grants were ended, and tells the keeper of those that it may not have heard of. */
  async serve(keeper: KeeperClient): Promise<void> {
    const { pool } = this.#database
    const { rows } = await pool.query<{ grant_hash: string; is_told: boolean }>(
      'select grant_hash, is_told from vault.grant_ends',
    )
    for (const { grant_hash: hash } of rows) this.#ended.add(hash)
    for (const { grant_hash: grant, is_told: isTold } of rows) {
      if (isTold) continue
      await pool.query(`update vault.activations set state = 'ended' where grant_hash = $1 and state <> 'refused'`, [
        grant,
      ])
      await keeper.call<'end-grant'>({ call: 'end-grant', grant })
      await pool.query('update vault.grant_ends set is_told = true where grant_hash = $1', [grant])
    }
  }
}
