/** A real server, real sites, and a real Chromium with the extension in it: the ground of the extension's tests. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Action, charterHash, parseCharter } from '@fairtrace/core'
import { startPortal } from '@fairtrace/server/api/role'
import { builderBoxKey, builderBoxPublicKey } from '@fairtrace/server/builder/box-key'
import { openContentKeys } from '@fairtrace/server/builder/open-keys'
import { readRecordings } from '@fairtrace/server/builder/read-recordings'
import { startBuilder } from '@fairtrace/server/builder/role'
import { startIntake } from '@fairtrace/server/intake/role'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RoleContext, RoleName, RunningRole } from '@fairtrace/server/runtime/role'
import { openDatabase } from '@fairtrace/server/store/database'
import { FileObjects } from '@fairtrace/server/store/objects'
import { startVault } from '@fairtrace/server/vault/role'
import {
  aBatch,
  activateGrant,
  aDevice,
  aGrant,
  answerHoney,
  approved,
  beatWatchers,
  CHARTER_YAML,
  charterApprovals,
  startTestDatabase,
  startTestKeeper,
  TEST_SEEDS,
  waitFor,
} from '@fairtrace/testing/harness'
import pg from 'pg'
import { pino } from 'pino'
import { type BrowserContext, chromium, type Page, type Worker } from 'playwright-core'
import { EXTENSION_BUILD } from '../../apps/extension/src/build.ts'
import { DAY_MS, OWNER, sessionOf } from '../portal-ground.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'

/** Labels of the test page that its charter lists. */
const LABELS = [
  'Save',
  'Search',
  'Close',
  'Open',
  'Note',
  'Find',
  'Card',
  'Pile',
  'Next',
  'Show',
  'Inside',
  'Routed',
  'Login',
]

export interface Site {
  readonly origin: string
  stop(): Promise<void>
}

/** The test page under an origin of its own. */
export async function startSite(host = '127.0.0.1'): Promise<Site> {
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname
    const file = path.endsWith('.js') ? 'main.js' : path === '/frame.html' ? 'frame.html' : 'main.html'
    response.writeHead(200, { 'content-type': file.endsWith('.js') ? 'text/javascript' : 'text/html' })
    response.end(readFileSync(new URL(`pages/${file}`, import.meta.url)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://${host}:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface ServerGround {
  readonly url: string
  readonly folder: string
  readonly charterYaml: string
  readonly sql: pg.Pool
  /** Lines that all roles logged. */
  readonly logged: readonly string[]
  readonly objectsDir: string
  moveClock(byMs: number): void
  invite(count: number): Promise<readonly string[]>
  /** Everything in the vault, opened by a grant with two approvals; one list a recording part. */
  openVault(): Promise<readonly (readonly Action[])[]>
  /** Other participants who did the same, so that a release is made of several people's recordings. */
  addPeople(count: number, recorded: readonly (readonly Action[])[]): Promise<void>
  /** How many people a release was made of; its manifest says it in steps of k. */
  peopleIn(name: string): Promise<number>
  /** Builds a release. @returns its name */
  release(): Promise<string>
  stop(): Promise<void>
}

/** Begins fifteen days ago, so that who joins now has thought it over when the clock comes to the present. */
export async function startServer(
  apps: readonly string[],
  change: (yaml: string) => string = (yaml) => yaml,
): Promise<ServerGround> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-extension-stack-'))
  writeFileSync(join(folder, 'people.json'), JSON.stringify({ accounts: [OWNER], approvers: [] }))
  const listed = apps.map(
    (app) => `    - { id: "${app}", title: ${app.replace(/\W+/g, ' ')}, labels: [${LABELS.join(', ')}] }`,
  )
  const charterYaml = change(
    CHARTER_YAML.replace(/ {2}apps:\n(?: {4}- .*\n)+/, `  apps:\n${listed.join('\n')}\n`).replace(
      '[test-build]',
      `[test-build, ${EXTENSION_BUILD}]`,
    ),
  )
  const database = await startTestDatabase()
  const sql = new pg.Pool({ connectionString: database.superuserUrl, max: 2 })
  sql.on('error', () => undefined)
  const logged: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
  let offsetMs = -15 * DAY_MS
  const clock = { nowMs: () => Date.now() + offsetMs }
  const addresses: RoleContext['addresses'] = {}
  const objectsDir = join(folder, 'objects')
  const charter = parseCharter(charterYaml, 'charter.yaml')
  const keeper = await startTestKeeper({ charter, charterYaml, clock })
  const contextOf = (role: RoleName): RoleContext => ({
    role,
    installation: 'demonstration',
    databaseUrl: database.url(role),
    objectsDir,
    keysDir: role === 'vault' ? join(folder, 'keys') : null,
    demoAccountsFile: role === 'portal' ? join(folder, 'people.json') : null,
    keeper: role === 'vault' ? keeper.place : null,
    signIn: null,
    access: null,
    secrets:
      role === 'vault'
        ? { signingSeed: TEST_SEEDS.vault, kmsPassphrase: 'a passphrase for tests' }
        : { signingSeed: role === 'portal' ? TEST_SEEDS.issuer : TEST_SEEDS[role] },
    clock,
    log,
    listen: { host: '127.0.0.1', port: 0 },
    addresses,
  })
  const running: Pick<RunningRole, 'stop'>[] = [
    await beatWatchers(sql),
    answerHoney(database.url('scanner')),
    await startLedger(contextOf('ledger')),
  ]
  const intake = await startIntake(contextOf('intake'))
  running.push(intake)
  if (intake.address !== null) addresses.intake = intake.address
  const portal = await startPortal(contextOf('portal'))
  running.push(portal, await startVault(contextOf('vault')), await startBuilder(contextOf('builder')))
  const url = portal.address
  const post = async (path: string, body: unknown, token?: string) => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    return { answer: (await response.json()) as Record<string, unknown>, headers: response.headers }
  }
  const owner = sessionOf((await post('/api/sign-in', { name: OWNER.name, password: OWNER.password })).headers)
  const hash = String((await post('/api/programme/charter', { yaml: charterYaml }, owner)).answer.charterHash)
  for (const approval of charterApprovals(hash)) {
    await post('/api/programme/charter/approvals', { charter: hash, ...approval }, owner)
  }
  for (const state of ['approved', 'running']) await post('/api/programme/state', { state }, owner)
  const epochNow = async () => Number((await sql.query('select epoch from install.programme')).rows[0].epoch)
  const grantFor = async (releaseName: string) => {
    const request = approved(
      aGrant(charter, {
        epoch: await epochNow(),
        scope: { kind: 'recordings', releaseName },
        recipientKey: builderBoxPublicKey(TEST_SEEDS.builder),
        requestedAtMs: clock.nowMs(),
      }),
    )
    const { state, code } = await activateGrant(sql, request)
    if (state !== 'active') throw new Error(`the grant is ${state}: ${code}`)
    return request
  }
  return {
    url,
    folder,
    charterYaml,
    sql,
    logged,
    objectsDir,
    moveClock(byMs) {
      offsetMs += byMs
    },
    async invite(count) {
      return (await post('/api/invitations', { count }, owner)).answer.codes as string[]
    },
    async openVault() {
      const opened = openDatabase(database.url('builder'), 4)
      const { signal } = new AbortController()
      try {
        const { grant, approvals } = await grantFor('to-look-inside')
        const contentKeys = await openContentKeys(opened, builderBoxKey(TEST_SEEDS.builder), grant, approvals, signal)
        const parts: (readonly Action[])[] = []
        const input = {
          database: opened,
          objects: new FileObjects(objectsDir),
          contentKeys,
          charters: new Set<string>([charterHash(charter)]),
          signal,
          onProgress: () => undefined,
          onUsed: () => undefined,
        }
        for await (const { actions } of readRecordings(input)) parts.push(actions)
        return parts
      } finally {
        await opened.close()
      }
    },
    async addPeople(count, recorded) {
      const { rows } = await sql.query(
        'select key_id, public_key from vault.day_keys order by opens_at_ms desc limit 1',
      )
      const vaultKey = { keyId: rows[0].key_id, publicKey: rows[0].public_key }
      const people = Array.from({ length: count }, () => aDevice())
      await sql.query('insert into vault.key_requests select * from unnest($1::text[])', [
        people.map(({ pseudonym }) => pseudonym),
      ])
      await sql.query('notify fairtrace_key_requests')
      await waitFor(async () => ((await sql.query('select 1 from vault.key_requests')).rowCount === 0 ? true : null))
      const stored = async () => (await sql.query('select 1 from vault.chunks')).rowCount ?? 0
      const before = await stored()
      const epoch = await epochNow()
      for (const device of people) {
        for (const [sequence, actions] of recorded.entries()) {
          const { id, bytes } = aBatch({ charter, vaultKey, device, sequence, atMs: clock.nowMs(), epoch, actions })
          await sql.query('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', [
            ...[id, vaultKey.keyId, bytes],
          ])
        }
      }
      await sql.query('notify fairtrace_inbox')
      await waitFor(async () => ((await stored()) === before + count * recorded.length ? true : null))
    },
    async peopleIn(name) {
      const { rows } = await sql.query(
        'select people from release.member_counts join release.releases on id = release where name = $1',
        [name],
      )
      return rows[0]?.people ?? 0
    },
    async release() {
      const name = `release-${randomUUID().slice(0, 8)}`
      const { grant, approvals } = await grantFor(name)
      const id = randomUUID()
      const request = JSON.stringify({ name, seed: '1', grant, approvals })
      await sql.query('insert into release.jobs (id, request) values ($1, $2)', [id, request])
      await sql.query('notify fairtrace_jobs')
      const row = await waitFor(async () => {
        const { rows } = await sql.query('select * from release.jobs where id = $1', [id])
        return rows[0]?.state === 'done' || rows[0]?.state === 'failed' ? rows[0] : null
      })
      if (row.state !== 'done') throw new Error(`the release failed: ${row.code}`)
      return name
    },
    async stop() {
      for (const role of running.reverse()) await role.stop()
      await keeper.remove()
      await sql.end()
      await database.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the extension's own pages say to its worker. */
export async function ask<T>(browser: ExtensionBrowser, request: object): Promise<T> {
  const page = await browser.open('popup')
  try {
    const reply = await page.evaluate(
      (message) =>
        (
          globalThis as unknown as { chrome: { runtime: { sendMessage(message: object): Promise<Reply> } } }
        ).chrome.runtime.sendMessage(message),
      request,
    )
    if (!reply.ok) throw new RangeError(`the extension refused: ${reply.code}`)
    return reply.value as T
  } finally {
    await page.close()
  }
}

interface Reply {
  readonly ok: boolean
  readonly value: unknown
  readonly code?: string
}

export interface ExtensionBrowser {
  readonly context: BrowserContext
  readonly profile: string
  readonly id: string
  worker(): Promise<Worker>
  /** One of the extension's own pages. */
  open(page: 'popup' | 'options' | 'review'): Promise<Page>
  close(): Promise<void>
}

export async function startBrowser(
  extension: string,
  profile = mkdtempSync(join(tmpdir(), 'fairtrace-profile-')),
): Promise<ExtensionBrowser> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    // Playwright's own headless mode loads no extension.
    ignoreDefaultArgs: ['--headless', '--disable-extensions', '--disable-component-extensions-with-background-pages'],
    args: [...FLAGS, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
    viewport: { width: 1280, height: 900 },
  })
  const worker = async () => context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'))
  const id = new URL((await worker()).url()).host
  return {
    context,
    profile,
    id,
    worker,
    async open(name) {
      const page = await context.newPage()
      await page.goto(`chrome-extension://${id}/${name}.html`)
      return page
    },
    close: () => context.close(),
  }
}

/** Joins and agrees through the extension's own pages, as a person would. */
export async function takePart(
  browser: ExtensionBrowser,
  server: ServerGround,
  code: string,
  beforeConsent: () => Promise<void> | void,
): Promise<void> {
  const page = await browser.open('options')
  await page.getByLabel('Address of the portal').fill(server.url)
  await page.getByLabel('Invitation code').fill(code)
  await page.getByRole('button', { name: 'Join' }).click()
  await page.getByText('How we handle orders').waitFor()
  await beforeConsent()
  await page.reload()
  await page.getByRole('button', { name: 'Agree to this' }).waitFor()
  for (const box of await page.getByRole('checkbox').all()) await box.check()
  await page.getByRole('button', { name: 'Agree to this' }).click()
  await page.getByRole('button', { name: 'Change my choice' }).waitFor()
  await page.close()
}
