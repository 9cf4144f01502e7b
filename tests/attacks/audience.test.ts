/** Somebody with every right over the database lets a reader in, or takes a guard away. The sentinel sees it with rights of its own alone. */
import { printableName } from '@fairtrace/core'
import { readExpectedDatabase } from '@fairtrace/server/sentinel/expected-database'
import { judgeDatabase, readDatabase } from '@fairtrace/server/sentinel/surfaces/database'
import { startTestDatabase, TEST_PUBLIC_KEYS, type TestDatabase } from '@fairtrace/testing/harness'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('an insider with every right over the database', () => {
  let database: TestDatabase
  let sentinel: pg.Client
  let insider: pg.Client
  beforeAll(async () => {
    database = await startTestDatabase()
    sentinel = new pg.Client({ connectionString: database.url('sentinel') })
    insider = new pg.Client({ connectionString: database.superuserUrl })
    for (const client of [sentinel, insider]) {
      client.on('error', () => undefined)
      await client.connect()
    }
  })
  afterAll(async () => {
    await sentinel.end()
    await insider.end()
    await database.stop()
  })

  async function found(): Promise<string[]> {
    const expected = await readExpectedDatabase(sentinel, TEST_PUBLIC_KEYS.sentinel)
    const { findings } = judgeDatabase(expected, await readDatabase(sentinel))
    return findings.map(({ kind, subject }) => `${kind}: ${subject}`).sort()
  }

  it.each([
    [
      'gives a table to everybody',
      'grant select on vault.chunks to public',
      'revoke select on vault.chunks from public',
      'reader-unexpected: table vault.chunks',
    ],
    [
      'gives one column',
      'grant select (pseudonym) on vault.chunks to fairtrace_intake',
      'revoke select (pseudonym) on vault.chunks from fairtrace_intake',
      'reader-unexpected: table vault.chunks',
    ],
    [
      'lets a right be passed on',
      'grant select on vault.chunks to fairtrace_builder with grant option',
      'revoke grant option for select on vault.chunks from fairtrace_builder',
      'reader-unexpected: table vault.chunks',
    ],
    [
      'makes a reader the owner, past row-level security',
      'alter table ledger.inbox owner to fairtrace_portal',
      'alter table ledger.inbox owner to postgres',
      'guard-changed: table ledger.inbox',
    ],
    [
      'turns row-level security off',
      'alter table ledger.inbox disable row level security',
      'alter table ledger.inbox enable row level security',
      'guard-changed: table ledger.inbox',
    ],
    [
      'replaces a policy',
      'alter policy own on ledger.inbox using (true)',
      'alter policy own on ledger.inbox using (source = current_user)',
      'guard-changed: policy own on ledger.inbox',
    ],
    [
      'adds a policy',
      'create policy more on install.exposures for select using (true)',
      'drop policy more on install.exposures',
      'guard-changed: policy more on install.exposures',
    ],
    ['makes a superuser', 'create role helper superuser login', 'drop role helper', 'reader-unexpected: role helper'],
    [
      'makes a role of ours one',
      'alter role fairtrace_intake superuser',
      'alter role fairtrace_intake nosuperuser',
      'reader-unexpected: role fairtrace_intake',
    ],
    [
      'lets a role past row-level security',
      'alter role fairtrace_portal bypassrls',
      'alter role fairtrace_portal nobypassrls',
      'reader-unexpected: role fairtrace_portal',
    ],
    [
      'puts a role into one that reads everything',
      'grant pg_read_all_data to fairtrace_intake',
      'revoke pg_read_all_data from fairtrace_intake',
      'reader-unexpected: role fairtrace_intake',
    ],
    [
      'adds a function with its owner’s rights',
      `create function public.peek() returns setof vault.chunks language sql security definer as 'select * from vault.chunks'`,
      'drop function public.peek()',
      'guard-changed: function public.peek()',
    ],
    [
      'changes what a function of ours does',
      `create or replace function vault.chunks_of(person text) returns setof vault.chunks language sql stable security definer set search_path = '' as 'select * from vault.chunks'`,
      `create or replace function vault.chunks_of(person text) returns setof vault.chunks language sql stable security definer set search_path = '' as $$
    select * from vault.chunks where pseudonym = person
  $$`,
      'guard-changed: function vault.chunks_of(person text)',
    ],
    [
      'opens a file reader of PostgreSQL’s own',
      'grant execute on function pg_catalog.pg_read_file(text) to fairtrace_intake',
      'revoke execute on function pg_catalog.pg_read_file(text) from fairtrace_intake',
      'reader-unexpected: function pg_catalog.pg_read_file(text)',
    ],
    [
      'makes what comes later readable',
      'alter default privileges in schema vault grant select on tables to fairtrace_intake',
      'alter default privileges in schema vault revoke select on tables from fairtrace_intake',
      'reader-unexpected: default privileges of postgres in schema vault',
    ],
    [
      'makes a view of it',
      'create view public.report as select * from vault.chunks',
      'drop view public.report',
      'guard-changed: table public.report',
    ],
    [
      'adds a column',
      'alter table inbox.batches add column came_at timestamptz',
      'alter table inbox.batches drop column came_at',
      'guard-changed: table inbox.batches',
    ],
    [
      'turns a trigger off',
      'alter table consent.events disable trigger announce',
      'alter table consent.events enable trigger announce',
      'guard-changed: trigger announce on consent.events',
    ],
    [
      'publishes changes',
      'create publication everything for all tables',
      'drop publication everything',
      'guard-changed: publication everything',
    ],
    [
      'keeps a place for a standby',
      `select pg_create_physical_replication_slot('standby')`,
      `select pg_drop_replication_slot('standby')`,
      'guard-changed: replication slot standby',
    ],
    [
      'has statements logged for a role',
      `alter role fairtrace_portal set log_statement = 'all'`,
      'alter role fairtrace_portal reset log_statement',
      'guard-changed: settings of fairtrace_portal on "every database"',
    ],
    [
      'keeps a copy as a large object',
      'select lo_create(424242)',
      'select lo_unlink(424242)',
      'guard-changed: large object "424242"',
    ],
  ] as const)('%s: it is found, and gone when it is undone', async (_what, attack, undo, finding) => {
    await insider.query(attack)
    try {
      expect(await found()).toContain(finding)
    } finally {
      await insider.query(undo)
    }
    expect((await found()).filter((line) => line === finding)).toEqual([])
  })

  it.each([
    'a"; drop table x; --',
    'line\nbreak',
    'fairtrace_portal ',
    'f\u0430irtrace_portal',
    'right\u202eleft',
    'x'.repeat(63),
    '\u0007bell',
    '__proto__',
  ])('names a role and a table %j so that they can not pretend to be others', async (name) => {
    const quoted = pg.escapeIdentifier(name)
    await insider.query(`create role ${quoted} login; create table public.${quoted} (a int)`)
    try {
      const lines = await found()
      expect(lines).toContain(`guard-changed: table public.${printableName(name)}`)
      expect(lines).toContain(`reader-unexpected: role ${printableName(name)}`)
      for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]+$/)
    } finally {
      await insider.query(`drop table public.${quoted}; drop role ${quoted}`)
    }
  })

  it('can not declare a reader afterwards, for the sentinel signs what was declared', async () => {
    await insider.query('grant select on vault.chunks to fairtrace_intake')
    const { rows } = await insider.query('select body from sentinel.expected')
    const body = JSON.parse(rows[0].body)
    body.readers.push({
      who: 'role fairtrace_intake',
      what: 'select on table vault.chunks',
      through: 'grant',
      subject: 'table vault.chunks',
    })
    await insider.query('update sentinel.expected set body = $1', [JSON.stringify(body)])
    await expect(found()).rejects.toThrow(/not signed/)
    await insider.query('update sentinel.expected set body = $1', [rows[0].body])
    await insider.query('revoke select on vault.chunks from fairtrace_intake')
    expect(await found()).toEqual([])
  })

  it('can not blind the sentinel: what it can not read, it does not call clean', async () => {
    await insider.query('revoke select on pg_catalog.pg_hba_file_rules from fairtrace_sentinel')
    await expect(found()).rejects.toThrow(/permission denied/)
    await insider.query('grant select on pg_catalog.pg_hba_file_rules to fairtrace_sentinel')
  })
})
