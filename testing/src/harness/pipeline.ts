/** A database with a running programme, and what each role needs to start on it: the ground of the pipeline's tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Charter, type Clock, charterHash, parseCharter } from '@fairtrace/core'
import type { RoleContext, RoleName } from '@fairtrace/server/runtime/role'
import pg from 'pg'
import type { TestVaultKey } from './batches.ts'
import { CHARTER_YAML, TEST_SEEDS } from './charter.ts'
import { startTestDatabase, type TestDatabase, type TestDatabaseOptions } from './database.ts'
import { answerHoney } from './honey.ts'
import { startTestKeeper, type TestKeeper } from './keeper.ts'
import { beatWatchers, type TestWatchers } from './watchers.ts'

export interface TestGround {
  readonly database: TestDatabase
  readonly keeper: TestKeeper
  readonly charter: Charter
  /** As superuser: a test may look everywhere. */
  readonly sql: pg.Pool
  readonly objectsDir: string
  /** Stand in for sentinel and scanner, until they are told to be silent. */
  readonly watchers: TestWatchers
  contextOf(role: RoleName): Omit<RoleContext, 'log' | 'clock' | 'addresses'>
  setProgramme(change: { readonly state?: string; readonly epoch?: number }): Promise<void>
  /** The vault's key of the day, once it is published. */
  vaultKey(): Promise<TestVaultKey>
  /** Asks for these participants' keys, as the portal does at consent, and waits for them. */
  addParticipants(pseudonyms: readonly string[]): Promise<void>
  stop(): Promise<void>
}

export interface TestGroundOptions extends TestDatabaseOptions {
  /** The keeper's; the system's by default. */
  readonly clock?: Clock
}

export async function startTestGround(options: TestGroundOptions = {}): Promise<TestGround> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-ground-'))
  const database = await startTestDatabase(options)
  const sql = new pg.Pool({ connectionString: database.superuserUrl, max: 4 })
  sql.on('error', () => undefined)
  const charter = parseCharter(CHARTER_YAML, 'charter.yaml')
  const keeper = await startTestKeeper({ charter, charterYaml: CHARTER_YAML, ...options })
  await sql.query(
    'insert into install.programme (id, state, epoch, charter_hash, charter_yaml) values ($1, $2, 0, $3, $4)',
    [charter.programme, 'running', charterHash(charter), CHARTER_YAML],
  )
  const watchers = await beatWatchers(sql, charter.programme)
  const objectsDir = join(folder, 'objects')
  const honey = answerHoney(database.url('scanner'))
  return {
    database,
    keeper,
    charter,
    sql,
    objectsDir,
    watchers,
    contextOf: (role) => ({
      role,
      installation: 'demonstration',
      databaseUrl: database.url(role),
      objectsDir,
      keysDir: role === 'vault' ? join(folder, 'keys') : null,
      keeper: role === 'vault' ? keeper.place : null,
      demoAccountsFile: null,
      signIn: null,
      access: null,
      secrets:
        role === 'vault'
          ? { signingSeed: TEST_SEEDS.vault, kmsPassphrase: 'a passphrase for tests' }
          : { signingSeed: TEST_SEEDS[role === 'portal' ? 'issuer' : role] },
      listen: { host: '127.0.0.1', port: 0 },
    }),
    async setProgramme({ state, epoch }) {
      await sql.query('update install.programme set state = coalesce($1, state), epoch = coalesce($2, epoch)', [
        state,
        epoch,
      ])
      await sql.query('notify fairtrace_programme')
    },
    async vaultKey() {
      const row = await waitFor(async () => {
        const { rows } = await sql.query('select key_id, public_key from vault.day_keys order by opens_at_ms limit 1')
        return rows[0] ?? null
      })
      return { keyId: row.key_id, publicKey: row.public_key }
    },
    async addParticipants(pseudonyms) {
      await sql.query('insert into vault.key_requests select * from unnest($1::text[])', [pseudonyms])
      await sql.query('notify fairtrace_key_requests')
      await waitFor(async () => ((await sql.query('select 1 from vault.key_requests')).rowCount === 0 ? true : null))
    },
    async stop() {
      await honey.stop()
      await watchers.stop()
      await sql.end()
      await keeper.remove()
      await database.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Asks until there is an answer. @throws RangeError after `withinMs` */
export async function waitFor<T>(ask: () => Promise<T | null>, withinMs = 30_000): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
    if (performance.now() > until) throw new RangeError(`no answer within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
