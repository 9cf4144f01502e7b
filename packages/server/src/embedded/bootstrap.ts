/** Makes the database of a new installation: schema, one login role per process, and their rights. */
import { FairtraceError } from '@fairtrace/core'
import pg from 'pg'
import { writeExpectedDatabase } from '../sentinel/expected-database.ts'
import {
  DATABASE_ROLES,
  type DatabaseRole,
  databaseRoleName,
  grantsSql,
  SCHEMA_VERSION,
  schemaSql,
} from '../store/schema.ts'

export const DATABASE_NAME = 'fairtrace'

export interface BootstrapOptions {
  readonly kind: 'demonstration' | 'production'
  readonly passwords: Readonly<Record<DatabaseRole, string>>
  /** The sentinel's Ed25519 seed: it signs what a new database is, so that nothing can be added unseen. */
  readonly sentinelSeed: string
  /** Superuser's connection string to a database of the given name. */
  urlOf(database: string): string
}

/**
 * Creates what is missing, in one transaction; an existing database is only checked.
 * @throws `DATA_NEWER` if a newer Fairtrace wrote it, `DATA_DIR_UNUSABLE` if it was created as another kind
 */
export async function bootstrapDatabase(options: BootstrapOptions): Promise<void> {
  await withClient(options.urlOf('postgres'), async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE_NAME])
    if (found.rowCount === 0) await client.query(`create database ${DATABASE_NAME}`)
  })
  await withClient(options.urlOf(DATABASE_NAME), async (client) => {
    const found = await client.query("select 1 from information_schema.tables where table_schema = 'install'")
    if (found.rowCount === 0) await createSchema(client, options)
    else await checkInstallation(client, options)
  })
}

async function createSchema(client: pg.Client, options: BootstrapOptions): Promise<void> {
  await client.query('begin')
  for (const role of DATABASE_ROLES) {
    const name = databaseRoleName(role)
    await client.query(`create role ${name} login password ${client.escapeLiteral(options.passwords[role])}`)
    await client.query(`grant connect on database ${DATABASE_NAME} to ${name}`)
  }
  await client.query(`revoke all on database ${DATABASE_NAME} from public`)
  await client.query(schemaSql)
  await client.query(grantsSql)
  await client.query('insert into install.installation (kind, schema_version) values ($1, $2)', [
    options.kind,
    SCHEMA_VERSION,
  ])
  await writeExpectedDatabase(client, options.sentinelSeed)
  await client.query('commit')
}

async function checkInstallation(client: pg.Client, options: BootstrapOptions): Promise<void> {
  const { rows } = await client.query('select kind, schema_version from install.installation')
  const version = Number(rows[0]?.schema_version)
  if (version !== SCHEMA_VERSION) {
    throw new FairtraceError('DATA_NEWER', `the data has schema ${version}; this Fairtrace knows ${SCHEMA_VERSION}`)
  }
  // The kind is decided once, at creation: a production installation can't be turned into one whose clock moves.
  if (rows[0]?.kind !== options.kind) {
    throw new FairtraceError(
      'DATA_DIR_UNUSABLE',
      `the database was created for ${rows[0]?.kind}, the folder says ${options.kind}`,
    )
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
