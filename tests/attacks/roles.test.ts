/**
 * Every database role, trying every table, column and function. What each may do stands in `docs/database-rights.md`, in one table
 * that people read when it changes; a right that isn't there fails here, and so does one that is there and isn't given.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { DATABASE_ROLES, type DatabaseRole, databaseRoleName } from '@fairtrace/server/store/schema'
import { startTestDatabase, type TestDatabase } from '@fairtrace/testing/harness'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const page = fileURLToPath(new URL('../../docs/database-rights.md', import.meta.url))
const DENIED = '42501'

describe('what each database role can do', () => {
  let database: TestDatabase
  let sql: pg.Pool
  const clients = new Map<DatabaseRole, pg.Client>()
  let columns: Map<string, string[]>
  let views: Set<string>

  beforeAll(async () => {
    database = await startTestDatabase()
    sql = new pg.Pool({ connectionString: database.superuserUrl, max: 2 })
    sql.on('error', () => undefined)
    for (const role of DATABASE_ROLES) {
      const client = new pg.Client({ connectionString: database.url(role) })
      client.on('error', () => undefined)
      await client.connect()
      clients.set(role, client)
    }
    const { rows } = await sql.query<{ name: string; column: string }>(
      `select n.nspname || '.' || c.relname as name, a.attname as column
       from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
       where c.relkind in ('r', 'v', 'm', 'p', 'f') and a.attnum > 0 and not a.attisdropped
         and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1, a.attnum`,
    )
    const { rows: found } = await sql.query<{ name: string }>(
      `select schemaname || '.' || viewname as name from pg_views where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    views = new Set(found.map(({ name }) => name))
    columns = new Map(
      [...Map.groupBy(rows, ({ name }) => name)].map(([name, own]) => [name, own.map(({ column }) => column)]),
    )
  })
  afterAll(async () => {
    for (const client of clients.values()) await client.end()
    await sql.end()
    await database.stop()
  })

  /** Whether a statement passes the check of rights. Nothing of it stays. */
  async function may(role: DatabaseRole, statement: string): Promise<boolean> {
    const client = clients.get(role)
    if (client === undefined) throw new RangeError('no such role')
    await client.query('begin')
    try {
      await client.query(statement)
      return true
    } catch (error) {
      // Any other fault comes after the right was found.
      return !(error instanceof Error && 'code' in error && error.code === DENIED)
    } finally {
      await client.query('rollback')
    }
  }

  async function rightsOf(role: DatabaseRole, table: string): Promise<string> {
    const own = columns.get(table) ?? []
    const each = async (letter: string, statement: (column: string) => string) => {
      const allowed: string[] = []
      for (const column of own) if (await may(role, statement(`"${column}"`))) allowed.push(column)
      if (allowed.length === 0) return []
      return [allowed.length === own.length ? letter : `${letter}(${allowed.join(', ')})`]
    }
    const rights = [
      ...(await each('select', (column) => `select ${column} from ${table} limit 0`)),
      ...(await each(
        'insert',
        (column) => `insert into ${table} (${column}) overriding system value select null where false`,
      )),
      ...(await each('update', (column) => `update ${table} set ${column} = default where false`)),
    ]
    if (await may(role, `delete from ${table} where false`)) rights.push('delete')
    if (!views.has(table) && (await may(role, `truncate ${table}`))) rights.push('truncate')
    if (
      await may(
        role,
        `create trigger t after insert on ${table} execute function pg_catalog.suppress_redundant_updates_trigger()`,
      )
    ) {
      rights.push('trigger')
    }
    return rights.join('; ')
  }

  /** Triggers' functions aside, which nobody calls by themselves. */
  async function callable(): Promise<string[]> {
    const { rows } = await sql.query<{ name: string; arguments: string }>(
      `select p.oid::regproc::text as name, pg_get_function_identity_arguments(p.oid) as arguments
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname not in ('pg_catalog', 'information_schema') and p.prorettype <> 'trigger'::regtype order by 1`,
    )
    const lines: string[] = []
    for (const { name, arguments: names } of rows) {
      const types = names === '' ? [] : names.split(',').map((one) => one.trim().split(' ').at(-1))
      const call = `select ${name}(${types.map((type) => `null::${type}`).join(', ')})`
      const roles: string[] = []
      for (const role of DATABASE_ROLES) if (await may(role, call)) roles.push(role)
      lines.push(`| ${name}() | ${roles.join(', ') || '—'} |`)
    }
    return lines
  }

  const listed = () =>
    readFileSync(page, 'utf8')
      .split('\n')
      .filter((line) => /^\| [a-z]+\./.test(line))

  it('to each table and each column is what docs/database-rights.md says, and nothing else', async () => {
    const lines: string[] = []
    for (const table of columns.keys()) {
      const cells = await Promise.all(DATABASE_ROLES.map((role) => rightsOf(role, table)))
      lines.push(`| ${table} | ${cells.map((cell) => cell || '—').join(' | ')} |`)
    }
    // For whoever changes rights on purpose: the difference is then read before it lands.
    if (process.env.FAIRTRACE_WRITE_RIGHTS) write(lines, await callable())
    expect(lines).toEqual(listed().filter((line) => !line.includes('()')))
  })

  it('is never a superuser, never past row-level security, and never another role', async () => {
    const { rows } = await sql.query(
      `select rolname from pg_roles r where rolname like 'fairtrace%' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb
         or rolreplication or exists (select from pg_auth_members m where m.member = r.oid or m.roleid = r.oid)
         or exists (select from pg_class where relowner = r.oid) or exists (select from pg_proc where proowner = r.oid)
         or exists (select from pg_namespace where nspowner = r.oid) or exists (select from pg_database where datdba = r.oid))`,
    )
    expect(rows).toEqual([])
  })

  it.each(DATABASE_ROLES)('makes nothing: %s creates in no schema, no temporary table, no role', async (role) => {
    const { rows } = await sql.query<{ name: string }>(
      `select nspname as name from pg_namespace where nspname !~ '^pg_(toast|temp)'`,
    )
    const statements = [
      ...rows.map(({ name }) => `create table "${name}".made_by_a_role (a int)`),
      'create temporary table made_by_a_role (a int)',
      'create schema made_by_a_role',
      'create role made_by_a_role',
      `copy (select 1) to program 'true'`,
      `copy (select 1) to '/tmp/made-by-a-role'`,
      `select pg_catalog.pg_read_file('PG_VERSION')`,
      `select pg_catalog.pg_ls_dir('.')`,
      `select pg_catalog.lo_import('/etc/passwd')`,
      'select * from pg_catalog.pg_authid',
      'select * from pg_catalog.pg_user_mapping',
      ...DATABASE_ROLES.filter((other) => other !== role).map((other) => `set role ${databaseRoleName(other)}`),
      'set role postgres',
      `set session_replication_role = 'replica'`,
      'alter table install.programme disable row level security',
      'alter table ledger.inbox disable trigger all',
    ]
    const allowed: string[] = []
    for (const statement of statements) if (await may(role, statement)) allowed.push(statement)
    expect(allowed).toEqual([])
  })

  it('to our functions is what docs/database-rights.md says: who may call each', async () => {
    expect(await callable()).toEqual(listed().filter((line) => line.includes('()')))
  })

  it('to the ledger’s inbox keeps the entries of several roles apart', async () => {
    await clients.get('portal')?.query(`insert into ledger.inbox (entry) values ('{"type":"by-portal"}')`)
    const seen = async (role: DatabaseRole) => (await clients.get(role)?.query('select id from ledger.inbox'))?.rowCount
    expect([await seen('portal'), await seen('vault'), await seen('builder'), await seen('ledger')]).toEqual([
      1, 0, 0, 1,
    ])
    expect(await may('vault', `insert into ledger.inbox (entry, source) values ('{}', 'fairtrace_portal')`)).toBe(false)
    await sql.query('delete from ledger.inbox')
  })

  it('to exposures is to raise them, and only the portal and retention see them', async () => {
    await clients
      .get('intake')
      ?.query(
        `insert into install.exposures (found_at_ms, kind, subject, detail) values (1, 'object-damaged', 'x', '{}')`,
      )
    const { rows } = await sql.query('select found_by, state from install.exposures')
    expect(rows).toEqual([{ found_by: 'fairtrace_intake', state: 'open' }])
    expect(await may('builder', 'select id from install.exposures')).toBe(false)
    // An open one is not ended by retention, whatever its age.
    expect((await clients.get('vault')?.query('delete from install.exposures where found_at_ms < 5'))?.rowCount).toBe(0)
    await sql.query(`update install.exposures set state = 'closed'`)
    expect((await clients.get('vault')?.query('delete from install.exposures where found_at_ms < 5'))?.rowCount).toBe(1)
  })

  it('sees no counts of rows that the database keeps about others', async () => {
    for (const role of DATABASE_ROLES) {
      for (const view of ['pg_stat_user_tables', 'pg_stat_all_tables', 'pg_class', 'pg_stats']) {
        expect([role, view, await may(role, `select * from pg_catalog.${view}`)]).toEqual([role, view, false])
      }
    }
  })
})

function write(tables: readonly string[], functions: readonly string[]): void {
  const head = `# Rights of the database roles

One role a process, none a superuser. \`tests/attacks/roles.test.ts\` connects as each and tries every table, column and function: what isn't here
is refused. A list in brackets names the only columns. Rows of several owners in one table are kept apart by row-level security: \`ledger.inbox\`
(a role sees and writes its own entries; the ledger reads all) and \`install.exposures\` (anybody raises; the portal reads; retention
deletes closed ones). To change a right, change \`packages/server/src/store/schema.ts\` and write this table anew with \`FAIRTRACE_WRITE_RIGHTS=1\`.

| table | ${DATABASE_ROLES.join(' | ')} |
| --- | ${DATABASE_ROLES.map(() => '---').join(' | ')} |
`
  const calls = `
| function | may be called by |
| --- | --- |
${functions.join('\n')}
`
  writeFileSync(page, `${head}${tables.join('\n')}\n${calls}`)
}
