/** A real portal on a real database with a real ledger beside it, and people who speak to it: the ground of its tests. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningPortal, startPortal } from '@fairtrace/server/api/role'
import { builderBoxPublicKey, roomBoxPublicKey } from '@fairtrace/server/builder/box-key'
import { startLedger } from '@fairtrace/server/ledger/role'
import { type Signer, signJws } from '@fairtrace/server/runtime/jws'
import type { RoleContext, RoleName } from '@fairtrace/server/runtime/role'
import type { DatabaseRole } from '@fairtrace/server/store/schema'
import {
  answerHoney,
  beatWatchers,
  CHARTER_YAML,
  charterApprovals,
  startTestDatabase,
  TEST_SEEDS,
} from '@fairtrace/testing/harness'
import pg from 'pg'
import { pino } from 'pino'

export const DAY_MS = 86_400_000
const APPS = ['desktop:orders', 'desktop:mail'] as const

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  /** Of the refusal, or null. */
  readonly code: string | null
  readonly headers: Headers
}

export interface PortalGround {
  readonly portal: RunningPortal
  readonly url: string
  /** As superuser: a test may look everywhere. */
  readonly sql: pg.Pool
  /** As one role, with its rights alone. */
  databaseUrl(role: DatabaseRole): string
  readonly accountsFile: string
  /** Lines that the portal logged. */
  readonly logged: readonly string[]
  nowMs(): number
  moveClock(byMs: number): void
  call(path: string, options?: CallOptions): Promise<Answer>
  /** As `call`, of another portal. */
  callAt(url: string): PortalGround['call']
  /** A bearer for a staff account, by name. */
  signIn(name: string, password: string): Promise<string>
  /** Another portal on the same database, with other settings. */
  another(settings: Partial<RoleContext>): Promise<RunningPortal>
  /** From here on nothing can be logged. */
  stopLedger(): Promise<void>
  stop(): Promise<void>
}

interface CallOptions {
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

export const OWNER = { name: 'Olga Owner', role: 'programme-owner', password: 'owner-password' } as const
export const RESEARCHER = { name: 'Rita Researcher', role: 'researcher', password: 'researcher-password' } as const
export const PROTECTION = { name: 'Dana Weiss', role: 'data-protection', password: 'protection-password' } as const

export async function startPortalGround(): Promise<PortalGround> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-portal-'))
  const accountsFile = join(folder, 'people.json')
  writeFileSync(accountsFile, JSON.stringify({ accounts: [OWNER, RESEARCHER, PROTECTION], approvers: [] }))
  const database = await startTestDatabase()
  const sql = new pg.Pool({ connectionString: database.superuserUrl, max: 4 })
  sql.on('error', () => undefined)
  const watchers = await beatWatchers(sql)
  const logged: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(line) })
  let offsetMs = 0
  const nowMs = () => Date.now() + offsetMs
  const contextOf = (role: RoleName): RoleContext => ({
    role,
    installation: 'demonstration',
    databaseUrl: database.url(role),
    objectsDir: join(folder, 'objects'),
    keysDir: null,
    keeper: null,
    demoAccountsFile: role === 'portal' ? accountsFile : null,
    signIn: null,
    access:
      role === 'portal'
        ? {
            builderBoxKey: builderBoxPublicKey(TEST_SEEDS.builder),
            roomBoxKey: roomBoxPublicKey(TEST_SEEDS.room),
            webhooks: [],
          }
        : null,
    secrets: { signingSeed: role === 'ledger' ? TEST_SEEDS.ledger : TEST_SEEDS.issuer },
    clock: { nowMs },
    log: role === 'portal' ? log : pino({ level: 'silent' }),
    listen: { host: '127.0.0.1', port: 0 },
    addresses: { intake: 'http://127.0.0.1:7401' },
  })
  const ledger = await startLedger(contextOf('ledger'))
  const portal = await startPortal(contextOf('portal'))
  const others: RunningPortal[] = []
  const honey = answerHoney(database.url('scanner'))
  let isLedgerRunning = true
  const stopLedger = async () => {
    if (isLedgerRunning) await ledger.stop()
    isLedgerRunning = false
  }

  const callAt =
    (url: string) =>
    async (path: string, options: CallOptions = {}): Promise<Answer> => {
      const { body, token } = options
      const type = typeof body === 'string' ? 'application/jose' : 'application/json'
      const response = await fetch(`${url}${path}`, {
        method: options.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(body === undefined ? {} : { 'content-type': type }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...options.headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        redirect: 'manual',
      })
      const text = await response.text()
      const answer = text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : { text }
      const refusal = answer.error as { code: string } | undefined
      return { status: response.status, body: answer, code: refusal?.code ?? null, headers: response.headers }
    }

  const call = callAt(portal.address)

  return {
    portal,
    url: portal.address,
    sql,
    databaseUrl: (role) => database.url(role),
    accountsFile,
    logged,
    nowMs,
    moveClock: (byMs) => {
      offsetMs += byMs
    },
    call,
    callAt,
    signIn: async (name, password) => {
      const { headers } = await call('/api/sign-in', { body: { name, password } })
      return sessionOf(headers)
    },
    another: async (settings) => {
      const started = await startPortal({ ...contextOf('portal'), ...settings })
      others.push(started)
      return started
    },
    stopLedger,
    stop: async () => {
      for (const running of [portal, ...others]) await running.stop()
      await stopLedger()
      await honey.stop()
      await watchers.stop()
      await sql.end()
      await database.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The session in a `Set-Cookie` header, or an empty text. */
export function sessionOf(headers: Headers): string {
  return /fairtrace_session=([\w-]+)/.exec(headers.get('set-cookie') ?? '')?.[1] ?? ''
}

/** Puts the test charter in force and lets it run. */
export async function startProgramme(ground: PortalGround, owner: string): Promise<void> {
  const { body } = await ground.call('/api/programme/charter', { token: owner, body: { yaml: CHARTER_YAML } })
  await approveCharter(ground, String(body.charterHash))
  for (const state of ['approved', 'running']) {
    await ground.call('/api/programme/state', { token: owner, body: { state } })
  }
}

/** Both approvals of the test charter's approvers. */
export async function approveCharter(ground: PortalGround, hash: string): Promise<void> {
  for (const approval of charterApprovals(hash)) {
    await ground.call('/api/programme/charter/approvals', { body: { charter: hash, ...approval } })
  }
}

export interface TestDevice {
  readonly device: string
  readonly key: Signer
}

/** One participant, as their device and browser would speak for them. */
export class Person {
  readonly session: string
  readonly pseudonym: string
  readonly #ground: PortalGround

  private constructor(ground: PortalGround, session: string, pseudonym: string) {
    this.#ground = ground
    this.session = session
    this.pseudonym = pseudonym
  }

  /** A participant who has joined; their reflection period still runs. */
  static async join(ground: PortalGround, owner: string): Promise<Person> {
    const invited = await ground.call('/api/invitations', { token: owner, body: { count: 1 } })
    const [code] = invited.body.codes as string[]
    const { body } = await ground.call('/api/join', { body: { code } })
    return new Person(ground, String(body.session), String(body.pseudonym))
  }

  get(path: string): Promise<Answer> {
    return this.#ground.call(path, { token: this.session })
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.#ground.call(path, { token: this.session, body })
  }

  consent(change: Record<string, unknown> = {}): Promise<Answer> {
    return this.post('/api/consent', { noticeVersion: 1, categories: ['pointer', 'keyboard'], apps: APPS, ...change })
  }

  withdraw(): Promise<Answer> {
    return this.post('/api/consent/withdraw', {})
  }

  async enrol(build = 'test-build'): Promise<TestDevice> {
    const key = aKey()
    const { body } = await this.post('/api/devices', { publicKey: key.publicKey, build })
    return { device: String(body.device), key }
  }

  lease({ device, key }: TestDevice, atMs: number = this.#ground.nowMs()): Promise<Answer> {
    return this.#ground.call('/api/leases', { body: signJws('ft-lease-request+jwt', { device, atMs }, key) })
  }

  permits(
    { device, key }: TestDevice,
    batches: readonly string[],
    atMs: number = this.#ground.nowMs(),
  ): Promise<Answer> {
    return this.#ground.call('/api/permits', { body: signJws('ft-permit-request+jwt', { device, atMs, batches }, key) })
  }
}

export function aKey(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { privateKey, publicKey: raw.toString('base64url') }
}

/**
 * Every row of every table, as text: what was written shows as a difference. Without the signs of life of the server's own
 * processes, which come every second whether or not anybody does anything.
 */
export async function dumpAll(sql: pg.Pool): Promise<string> {
  const { rows: tables } = await sql.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('install', 'consent', 'inbox', 'vault', 'ledger', 'release')
       and (schemaname, tablename) <> ('install', 'points') order by 1`,
  )
  const texts: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql.query(`select xmin::text, t::text from ${name} t order by 2`)
    texts.push(`${name}: ${JSON.stringify(rows)}`)
  }
  return texts.join('\n')
}
