/**
 * Somebody puts last week's backup back: the whole data directory, with database, write-ahead log, inbox, objects, and even the
 * keystore, which no backup should hold. The keeper remembers what happened since, and its folder lies elsewhere.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDevice } from '@fairtrace/device'
import { KeeperStore } from '@fairtrace/keeper'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { raiseEpoch } from '@fairtrace/server/consent/programme'
import { openDatabase } from '@fairtrace/server/store/database'
import { waitFor } from '@fairtrace/testing/harness'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_CLOCK_START_MS, HONEY, runCycle } from '../../apps/cli/src/demo/cycle.ts'
import { readPeople } from '../../apps/cli/src/demo/people.ts'
import { requestRelease } from '../../apps/cli/src/release/request-release.ts'

const PEOPLE = 8
/** As the demonstration has it: they look like everybody to the vault, and so have keys. */
const KEYED = PEOPLE + HONEY
const ENTRY = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))

describe('a data directory that comes back from a backup', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-backup-'))
  const dir = new DataDir(join(folder, 'data'))
  let embedded: Embedded | null = null
  let gone = ''
  let endedGrant = ''
  let epochBefore = 0
  let epochSeen = 0
  /** The same over every start, so that devices find their portal again. */
  let port = 0

  const start = async () => {
    const clockOffsetIfNewMs = -DEMO_CLOCK_START_MS
    embedded = await startEmbedded({
      ...{ dir, kindIfNew: 'demonstration', host: '127.0.0.1', port, entry: ENTRY, clockOffsetIfNewMs },
    })
    port = Number(new URL(embedded.portalUrl).port)
    await embedded.open()
    return embedded
  }
  const ask = async <T extends object>(
    role: 'portal' | 'vault',
    text: string,
    values: unknown[] = [],
  ): Promise<T[]> => {
    const client = new pg.Client({ connectionString: embedded?.databaseUrl(role) })
    await client.connect()
    try {
      return (await client.query<T>(text, values)).rows
    } finally {
      await client.end()
    }
  }
  const programme = async () =>
    (await ask<{ state: string; epoch: number }>('vault', 'select state, epoch from install.programme'))[0]
  const keyed = async () =>
    (await ask<{ pseudonym: string }>('vault', 'select distinct pseudonym from vault.participant_keys')).map(
      ({ pseudonym }) => pseudonym,
    )
  const contentKeysOf = async (pseudonym: string) =>
    (await ask('vault', 'select 1 from vault.content_keys where pseudonym = $1', [pseudonym])).length

  beforeAll(async () => {
    const running = await start()
    await runCycle(running, dir, { participants: PEOPLE, recordings: null })
    const steps = { onGrant: () => undefined, onProgress: () => undefined }
    await requestRelease(dir, { name: 'second', seed: '2' }, steps)
    const before = await keyed()
    expect(before.length).toBe(KEYED)
    epochBefore = (await programme())?.epoch ?? 0
    await running.stop()
    // As backups are made: with the rights of every folder.
    execFileSync('cp', ['-a', dir.root, join(folder, 'backup')])

    // The week in which things happened: a withdrawal with its erasure, a grant that was ended, an epoch that was raised.
    const later = await start()
    const session = readPeople(dir).accounts.find(({ role }) => role === 'participant')?.session ?? ''
    await fetch(`${later.portalUrl}/api/consent/withdraw`, {
      method: 'POST',
      headers: { authorization: `Bearer ${session}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const after = await waitFor(async () => {
      const left = await keyed()
      const told = await ask('vault', 'select 1 from vault.keeper_erasures')
      return left.length === KEYED - 1 && told.length === 0 ? left : null
    })
    gone = before.find((pseudonym) => !after.includes(pseudonym)) ?? ''
    const [active] = await ask<{ grant_hash: string }>(
      'portal',
      `select grant_hash from vault.activations where state = 'active' order by ledger_index desc limit 1`,
    )
    endedGrant = active?.grant_hash ?? ''
    await ask('portal', 'insert into vault.grant_ends (grant_hash) values ($1)', [endedGrant])
    await ask('portal', `select pg_notify('fairtrace_grants', '')`)
    const database = openDatabase(later.databaseUrl('portal'), 1)
    await raiseEpoch(database)
    await database.close()
    epochSeen = epochBefore + 1
    await waitFor(async () => {
      const rows = await ask('vault', 'select 1 from vault.grant_ends where is_told')
      return rows.length === 1 ? true : null
    })
    // The keeper hears of the epoch within its next look.
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    await later.stop()

    renameSync(dir.root, join(folder, 'lost'))
    renameSync(join(folder, 'backup'), dir.root)
    await start()
  })
  afterAll(async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('starts in lockdown, above every epoch that anybody has seen', async () => {
    const locked = await waitFor(async () => {
      const now = await programme()
      return now?.state === 'locked' ? now : null
    })
    expect(locked.epoch).toBeGreaterThan(epochSeen)
    const answer = (await (await fetch(`${embedded?.portalUrl}/api/programme`)).json()) as { state: string }
    expect(answer.state).toBe('locked')
  })

  it('says what to do', async () => {
    const log = await waitFor(async () => {
      const text = readFileSync(dir.path('logs/vault.log'), 'utf8')
      return text.includes('STATE_ROLLED_BACK') ? text : null
    })
    expect(log).toContain('After a backup came back')
    expect(readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')).toContain(
      'After a backup came back',
    )
  })

  it('brings nobody back who was erased, not even with the keystore of then', async () => {
    expect(gone).not.toBe('')
    // What the backup says of them is erased again.
    await waitFor(async () => ((await keyed()).includes(gone) ? null : true))
    // Rows of what nothing opens any more go in their own time.
    await waitFor(async () => ((await contentKeysOf(gone)) === 0 ? true : null))
    expect((await keyed()).length).toBe(KEYED - 1)
  })

  it('revives no consent, lease or grant', async () => {
    const device = await openDevice(dir.path('demo/devices/p02'), { clock: { nowMs: Date.now } })
    const startMs = Date.now()
    const capture = device.capture([{ kind: 'focus', atMs: startMs, app: 'desktop:mail', field: 'text' }], {
      replayed: true,
    })
    await expect(capture).rejects.toMatchObject({ code: 'PROGRAMME_NOT_RUNNING' })
    await device.close()
    // Active in the backup, ended since.
    const [row] = await ask<{ state: string; request: object }>(
      'portal',
      'select state, request from vault.activations where grant_hash = $1',
      [endedGrant],
    )
    expect(row?.state).toBe('active')
    const client = new pg.Client({ connectionString: embedded?.databaseUrl('builder') })
    await client.connect()
    await client.query('insert into vault.openings (id, request) values ($1, $2)', [
      'revived',
      JSON.stringify(row?.request),
    ])
    await client.query(`select pg_notify('fairtrace_openings', 'revived')`)
    const answered = await waitFor(async () => {
      const { rows } = await client.query(`select state, answer from vault.openings where id = 'revived'`)
      return rows[0]?.state === 'requested' ? null : rows[0]
    })
    await client.end()
    expect(answered).toEqual({ state: 'refused', answer: null })
  })

  it('leaves the keeper’s own folder out of everything that was copied', async () => {
    await embedded?.stop()
    embedded = null
    const passphrase = readFileSync(join(dir.keeperDir(), 'passphrase.txt'), 'utf8').trim()
    expect(dir.keeperDir().startsWith(`${dir.root}/`)).toBe(false)
    const store = KeeperStore.open(dir.keeperDir(), passphrase)
    expect(store.share(gone, 1)).toBeNull()
    expect(store.erasedUpTo(gone)).toBeGreaterThan(0)
    store.close()
  })
})
