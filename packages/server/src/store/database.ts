/** Opens the database as one role. Every process has its own; none is a superuser. */
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Tables } from './tables.ts'

export type Database = Kysely<Tables>

export interface OpenDatabase {
  readonly db: Database
  /** The pool itself, for `LISTEN` and for binary bulk statements that a query builder can't express. */
  readonly pool: pg.Pool
  close(): Promise<void>
}

/** Positions, sizes and times stay below 2^53 here; a value above would be a defect, so it throws instead of rounding. */
function parseBigint(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint of ${text.length} digits is no safe integer`)
  return value
}

/** @param url `postgres://fairtrace_<role>:<password>@127.0.0.1:<port>/fairtrace` */
export function openDatabase(url: string, connectionsMax = 8): OpenDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    types: { getTypeParser: (oid, format) => (oid === 20 ? parseBigint : pg.types.getTypeParser(oid, format)) },
  })
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined)
  return { db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool, close: () => pool.end() }
}
