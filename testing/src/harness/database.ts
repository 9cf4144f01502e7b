/** A real PostgreSQL in a folder of its own, with schema and roles in place. Gone after `stop`. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootstrapDatabase, DATABASE_NAME } from '@fairtrace/server/embedded/bootstrap'
import { startPostgres } from '@fairtrace/server/embedded/postgres'
import { DATABASE_ROLES, type DatabaseRole, databaseRoleName } from '@fairtrace/server/store/schema'
import { TEST_SEEDS } from './charter.ts'

export interface TestDatabase {
  /** Connection string of one role, with exactly its rights. */
  url(role: DatabaseRole): string
  readonly superuserUrl: string
  readonly pid: number
  stop(): Promise<void>
}

export interface TestDatabaseOptions {
  readonly kind?: 'demonstration' | 'production'
  /** On for benchmarks and crash tests; off by default, because most tests test something else. */
  readonly fsync?: boolean
  readonly prefix?: readonly string[]
}

export async function startTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-test-'))
  const superuserPassword = randomBytes(16).toString('hex')
  const server = await startPostgres({
    dir: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    superuserPassword,
    fsync: options.fsync ?? false,
    prefix: options.prefix ?? [],
  })
  const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, randomBytes(16).toString('hex')])) as Record<
    DatabaseRole,
    string
  >
  const urlOf = (database: string) => server.url('postgres', superuserPassword, database)
  await bootstrapDatabase({
    kind: options.kind ?? 'demonstration',
    passwords,
    sentinelSeed: TEST_SEEDS.sentinel,
    urlOf,
  })
  return {
    url: (role) => server.url(databaseRoleName(role), passwords[role], DATABASE_NAME),
    superuserUrl: urlOf(DATABASE_NAME),
    pid: server.pid,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
