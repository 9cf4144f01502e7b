import { startTestDatabase, type TestDatabase } from '@fairtrace/testing/harness'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('the embedded PostgreSQL', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await startTestDatabase()
  })
  afterAll(() => database.stop())

  it('refuses a role the tables of another', async () => {
    const client = new pg.Client({ connectionString: database.url('intake') })
    await client.connect()
    await expect(client.query('select * from consent.people')).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })

  it('runs no role as superuser', async () => {
    const client = new pg.Client({ connectionString: database.url('vault') })
    await client.connect()
    const { rows } = await client.query(
      'select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = current_user',
    )
    expect(rows[0]).toEqual({ rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false })
    await client.end()
  })
})
