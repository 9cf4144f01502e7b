/** Whom an opening concerned, written before any key opens, so that everybody concerned can ask who, why, and by whose approval. */
import type { OpenDatabase } from '../store/database.ts'

export interface NotedAccess {
  /** Of the entry in the ledger that announces it. */
  readonly index: number
  readonly type: string
  readonly salt: string
  /** What the entry commits to: the same for everybody concerned, so it names nobody whom it opens. */
  readonly detail: unknown
  /** Of everybody concerned, one for each content key. */
  readonly pseudonyms: readonly string[]
}

/** By the system's own clock: a demonstration's can be moved, and when something was opened must not. */
export async function noteAccess(database: Pick<OpenDatabase, 'pool'>, access: NotedAccess): Promise<void> {
  const { index, type, salt, detail, pseudonyms } = access
  await database.pool.query(
    `with told as (
       insert into vault.access_details (ledger_index, at_ms, type, salt, detail) values ($1, $2, $3, $4, $5))
     insert into vault.access_notices (pseudonym, ledger_index, keys)
     select pseudonym, $1, count(*) from unnest($6::text[]) as concerned (pseudonym) group by pseudonym`,
    [index, Date.now(), type, salt, JSON.stringify(detail), pseudonyms],
  )
}
