/** The effective audience of a real database, real files and a real portal: what is declared, and what the sentinel sees change. */
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareReaders } from '@fairtrace/core'
import { readExpectedDatabase } from '@fairtrace/server/sentinel/expected-database'
import { judgeDatabase, readDatabase } from '@fairtrace/server/sentinel/surfaces/database'
import { readFiles } from '@fairtrace/server/sentinel/surfaces/files'
import { readKeyHolders } from '@fairtrace/server/sentinel/surfaces/keys'
import { readRoutes } from '@fairtrace/server/sentinel/surfaces/routes'
import { TEST_PUBLIC_KEYS } from '@fairtrace/testing/harness'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PortalGround, PROTECTION, RESEARCHER, startPortalGround } from './portal-ground.ts'

describe('the effective audience', () => {
  let ground: PortalGround
  let sentinel: pg.Client
  beforeAll(async () => {
    ground = await startPortalGround()
    sentinel = new pg.Client({ connectionString: ground.databaseUrl('sentinel') })
    sentinel.on('error', () => undefined)
    await sentinel.connect()
  })
  afterAll(async () => {
    await sentinel.end()
    await ground.stop()
  })

  const look = async () =>
    judgeDatabase(await readExpectedDatabase(sentinel, TEST_PUBLIC_KEYS.sentinel), await readDatabase(sentinel))

  it('of a database that nobody touched holds nobody whom the schema did not declare', async () => {
    const { findings, readers } = await look()
    expect(findings).toEqual([])
    // The watchers stand in it like everybody else.
    for (const role of ['fairtrace_sentinel', 'fairtrace_scanner']) {
      expect(readers.filter(({ who }) => who === `role ${role}`).length).toBeGreaterThan(1)
    }
  })

  it('is read by a role that sees no row of consent and no recording', async () => {
    for (const table of ['consent.people', 'consent.events', 'vault.chunks', 'vault.content_keys', 'inbox.batches']) {
      await expect(sentinel.query(`select 1 from ${table}`)).rejects.toThrow(/permission denied/)
    }
    await expect(sentinel.query('select reltuples from pg_class')).rejects.toThrow(/permission denied/)
    await expect(sentinel.query(`update sentinel.expected set body = ''`)).rejects.toThrow(/permission denied/)
  })

  it('refuses a statement of what was declared that the sentinel did not sign', async () => {
    await ground.sql.query(`update sentinel.expected set body = replace(body, 'fairtrace_portal', 'postgres')`)
    await expect(readExpectedDatabase(sentinel, TEST_PUBLIC_KEYS.sentinel)).rejects.toThrow(/not signed/)
    await ground.sql.query(`update sentinel.expected set body = replace(body, 'postgres', 'fairtrace_portal')`)
  })

  it('of the routes is whoever shows a session, on every route that does not say why it is open', async () => {
    const { findings, readers } = await readRoutes({ portal: ground.url, intake: undefined })
    expect(findings).toEqual([])
    expect(readers.length).toBeGreaterThan(40)
  })

  it('is shown to data protection, and to no researcher', async () => {
    const protection = await ground.signIn(PROTECTION.name, PROTECTION.password)
    const researcher = await ground.signIn(RESEARCHER.name, RESEARCHER.password)
    expect((await ground.call('/api/audience', { token: researcher })).code).toBe('ROLE_REQUIRED')
    expect((await ground.call('/api/audience')).code).toBe('SESSION_REQUIRED')
    const { status, body } = await ground.call('/api/audience', { token: protection })
    expect([status, body.surfaces]).toEqual([200, []])
  })
})

describe('the effective audience of files', () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'fairtrace-files-'))
    mkdirSync(join(root, 'secrets'), { mode: 0o700 })
    mkdirSync(join(root, 'objects'), { mode: 0o700 })
    writeFileSync(join(root, 'secrets/vault.json'), '{}', { mode: 0o600 })
    writeFileSync(join(root, 'objects/segment'), '', { mode: 0o600 })
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const found = async () => (await readFiles({ root })).findings.map(({ kind, subject }) => [kind, subject])

  it('is the one account that owns them', async () => {
    const { findings, readers } = await readFiles({ root })
    expect(findings).toEqual([])
    expect(readers.every(({ who }) => who === `account ${process.getuid?.()}`)).toBe(true)
  })

  it('grows by a mode, a hard link that leads out, a symbolic link, and by the folder itself', async () => {
    chmodSync(join(root, 'secrets/vault.json'), 0o640)
    expect(await found()).toEqual([['reader-unexpected', 'file secrets/vault.json']])
    chmodSync(join(root, 'secrets/vault.json'), 0o600)
    const outside = `${root}-outside`
    linkSync(join(root, 'objects/segment'), outside)
    expect(await found()).toEqual([['reader-unexpected', 'file objects/segment']])
    rmSync(outside)
    symlinkSync('/etc', join(root, 'objects/a\n"link'))
    expect(await found()).toEqual([['guard-changed', 'file "objects/a\\u{a}\\"link"']])
    rmSync(join(root, 'objects/a\n"link'))
    chmodSync(root, 0o755)
    expect(await found()).toEqual([['reader-unexpected', 'file .']])
    chmodSync(root, 0o700)
    expect(await found()).toEqual([])
  })

  it('counts a second name within the directory as none', async () => {
    linkSync(join(root, 'objects/segment'), join(root, 'objects/again'))
    expect(await found()).toEqual([])
  })
})

describe('the holders of the wrapping key', () => {
  it('are the vault and the account that owns its files, and whoever a mode lets in is none that was declared', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'fairtrace-keys-'))
    const strangers = () => {
      const { declared, readers } = readKeyHolders({ dataDir, kms: { kind: 'local' } })
      return compareReaders(declared, readers, [], 0).filter(({ expected }) => !expected)
    }
    try {
      expect(readKeyHolders({ dataDir, kms: { kind: 'local' } }).readers).toEqual([])
      for (const [file, mode] of [
        ['keys/local-kms/fairtrace-1.key', 0o600],
        ['secrets/vault.json', 0o600],
      ] as const) {
        mkdirSync(join(dataDir, file, '..'), { recursive: true, mode: 0o700 })
        writeFileSync(join(dataDir, file), '{}', { mode })
      }
      expect(readKeyHolders({ dataDir, kms: { kind: 'local' } }).readers).toHaveLength(3)
      expect(strangers()).toEqual([])
      chmodSync(join(dataDir, 'secrets/vault.json'), 0o604)
      expect(strangers()).toMatchObject([{ who: 'anybody on this machine', through: 'secrets/vault.json' }])
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })

  it.each([
    ['transit', 'the transit engine at https://vault.example (transit)'],
    ['aws', 'AWS KMS in eu-central-1'],
  ] as const)('in a key management elsewhere (%s) are not looked at, which is said', (kind, where) => {
    const at = kind === 'aws' ? 'eu-central-1' : 'https://vault.example (transit)'
    const { readers, notShown } = readKeyHolders({ dataDir: '/nowhere', kms: { kind, at } })
    expect(readers).toEqual([])
    expect(notShown).toEqual([
      expect.stringContaining(`${where}: not looked at, because the sentinel has no credential`),
    ])
  })
})
