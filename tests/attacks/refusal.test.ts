/**
 * Somebody wants to know who said no. They hold any staff account, any role of the database but the portal's, the log, and every
 * address of the API. Refusing, ignoring and not yet deciding must look the same to them, and so must a yes.
 */
import { DATABASE_ROLES } from '@fairtrace/server/store/schema'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  DAY_MS,
  dumpAll,
  OWNER,
  Person,
  type PortalGround,
  PROTECTION,
  RESEARCHER,
  startPortalGround,
  startProgramme,
  type TestDevice,
} from '../portal-ground.ts'

const STAFF = [OWNER, PROTECTION, RESEARCHER]
const PAGES = ['/', '/log', '/me', '/programme', '/releases', '/sign-in', '/nothing']
const K = 5

describe('somebody who wants to know who said no', () => {
  let ground: PortalGround
  let owner: string
  let sessions: Map<string, string>
  /** Joined and said no, as far as one can. */
  let refused: Person
  /** Joined, and never came back. */
  let undecided: Person
  let refusedDevice: TestDevice
  let undecidedDevice: TestDevice
  let unusedCode: string

  beforeAll(async () => {
    ground = await startPortalGround()
    ground.portal.setReady(true)
    owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    sessions = new Map()
    for (const { name, password, role } of STAFF) sessions.set(role, await ground.signIn(name, password))
    const { body } = await ground.call('/api/invitations', { token: owner, body: { count: 1 } })
    unusedCode = String((body.codes as string[])[0])
    refused = await Person.join(ground, owner)
    undecided = await Person.join(ground, owner)
    refusedDevice = await refused.enrol()
    undecidedDevice = await undecided.enrol()
    ground.moveClock(14 * DAY_MS)
    // Far from midnight, so that no total of a new day comes in between.
    ground.moveClock(DAY_MS - (ground.nowMs() % DAY_MS) + DAY_MS / 4)
  })
  afterAll(() => ground?.stop())

  /** All that a person who doesn't want to can do about it. */
  async function refuse(person: Person): Promise<void> {
    await person.get('/me')
    await person.get('/api/consent')
    await person.get('/api/notices/1')
    expect((await person.consent({ categories: [], apps: [] })).status).toBeGreaterThanOrEqual(400)
    for (const path of ['withdraw', 'pause', 'resume']) {
      expect(await person.post(`/api/consent/${path}`, {})).toMatchObject({ code: 'CONSENT_REQUIRED' })
    }
  }

  /** Every address that the API documents, read and written to by every staff account; new ones are in by themselves. */
  async function everythingStaffSee(): Promise<Record<string, string>> {
    const spec = (await ground.call('/api/openapi.json')).body.paths as Record<string, Record<string, unknown>>
    const seen: Record<string, string> = {}
    for (const [role, token] of sessions) {
      for (const path of [...PAGES, ...Object.keys(spec).map((name) => name.replace('{version}', '1'))]) {
        if (path.includes('events')) continue
        seen[`${role} reads ${path}`] = stable(await ground.call(path, { token }))
      }
      // Calls of participants, tried by staff with what participants would send.
      for (const path of ['/api/consent', '/api/consent/withdraw', '/api/consent/pause', '/api/consent/resume']) {
        seen[`${role} writes ${path}`] = stable(await ground.call(path, { token, body: {} }))
      }
    }
    return seen
  }
  async function published(): Promise<number> {
    const { rows } = await ground.sql.query(
      'select coalesce(max(size), 0)::int as size from ledger.checkpoints where published is not null',
    )
    return rows[0].size
  }
  /** Status, size and content; the time is everybody's. */
  function stable({ status, body, headers }: Awaited<ReturnType<PortalGround['call']>>): string {
    const text = JSON.stringify(body).replace(/"nowMs":\d+/, '"nowMs":0')
    return `${status} ${headers.get('content-type')} ${text}`
  }

  it('finds no row that a refusal changed, and no line in the log', async () => {
    const rows = await dumpAll(ground.sql)
    const lines = ground.logged.length
    await refuse(refused)
    expect(await dumpAll(ground.sql)).toBe(rows)
    expect(ground.logged.slice(lines)).toEqual([])
  })

  it('is answered the same about who refused and who ignored, byte for byte', async () => {
    const about = async (person: Person) =>
      JSON.stringify((await person.get('/api/consent')).body)
        .replaceAll(person.pseudonym, '')
        .replace(/"reflectionEndsAtMs":\d+/, '')
    expect(await about(refused)).toBe(await about(undecided))
    const lease = async (person: Person, device: TestDevice) => stable(await person.lease(device))
    expect(await lease(refused, refusedDevice)).toBe(await lease(undecided, undecidedDevice))
    const permit = async (person: Person, device: TestDevice) => stable(await person.permits(device, ['A'.repeat(43)]))
    expect(await permit(refused, refusedDevice)).toBe(await permit(undecided, undecidedDevice))
  })

  it('sees nothing of a refusal at any address, with any staff account, nor of a yes, a pause or a withdrawal', async () => {
    const before = await everythingStaffSee()
    expect(Object.keys(before).length).toBeGreaterThan(60)
    await refuse(refused)
    expect(await everythingStaffSee()).toEqual(before)
    const willing = await Person.join(ground, owner)
    // Decisions enter the ledger at fixed times, in batches of one size: the one that the jump of the clock makes due comes first.
    const size = await published()
    ground.moveClock(14 * DAY_MS)
    await expect.poll(published, { timeout: 20_000 }).toBeGreaterThan(size)
    const later = await everythingStaffSee()
    for (const decide of [
      () => willing.consent(),
      () => willing.post('/api/consent/pause', {}),
      () => willing.consent({ categories: ['pointer'] }),
      () => willing.post('/api/consent/resume', {}),
      () => willing.withdraw(),
    ]) {
      expect((await decide()).status).toBe(200)
      expect(await everythingStaffSee()).toEqual(later)
    }
  })

  it('is never shown a pseudonym, at any address, with any staff account', async () => {
    const { rows } = await ground.sql.query<{ pseudonym: string }>('select pseudonym from consent.people')
    const everything = Object.entries(await everythingStaffSee())
    for (const { pseudonym } of rows) {
      expect(everything.filter(([, text]) => text.includes(pseudonym)).map(([where]) => where)).toEqual([])
      expect(ground.logged.filter((line) => line.includes(pseudonym))).toEqual([])
    }
  })

  it('can’t speak as a participant: a pseudonym opens nothing, and a session nobody else’s', async () => {
    for (const token of [refused.pseudonym, `${refused.pseudonym}${'A'.repeat(21)}`]) {
      expect(await ground.call('/api/consent', { token })).toMatchObject({ code: 'SESSION_REQUIRED' })
    }
    const { rows } = await ground.sql.query('select session_hash from consent.people')
    for (const { session_hash } of rows) {
      expect(await ground.call('/api/consent', { token: session_hash })).toMatchObject({ code: 'SESSION_REQUIRED' })
    }
    const other = await undecided.get(`/api/consent?pseudonym=${refused.pseudonym}`)
    expect(other).toMatchObject({ code: 'BODY_INVALID' })
  })

  it('gets one answer for a code that never was and one that somebody used, in the same time', async () => {
    const { body } = await ground.call('/api/invitations', { token: owner, body: { count: 1 } })
    const [used] = body.codes as string[]
    await ground.call('/api/join', { body: { code: used } })
    const join = async (code: string) => stable(await ground.call('/api/join', { body: { code } }))
    expect(await join(String(used))).toBe(await join('A'.repeat(22)))
    const [known, unknown] = [await medianMs(() => join(String(used))), await medianMs(() => join('A'.repeat(22)))]
    expect(Math.max(known, unknown) / Math.min(known, unknown)).toBeLessThan(3)
    // The code that was never used still works: trying others took nothing from it.
    expect((await ground.call('/api/join', { body: { code: unusedCode } })).status).toBe(200)
  })

  it('learns nothing from how long a refused device waits', async () => {
    const withdrawn = await Person.join(ground, owner)
    const device = await withdrawn.enrol()
    ground.moveClock(14 * DAY_MS)
    await withdrawn.consent()
    await withdrawn.withdraw()
    const times = [
      await medianMs(() => refused.lease(refusedDevice)),
      await medianMs(() => undecided.lease(undecidedDevice)),
      await medianMs(() => withdrawn.lease(device)),
    ]
    expect(Math.max(...times) / Math.min(...times)).toBeLessThan(3)
    expect(stable(await withdrawn.lease(device))).toBe(stable(await refused.lease(refusedDevice)))
  })

  describe('with a role of the database', () => {
    it.each(DATABASE_ROLES.filter((role) => role !== 'portal'))(
      '%s finds neither people nor how many decided',
      async (role) => {
        const client = new pg.Client({ connectionString: ground.databaseUrl(role) })
        await client.connect()
        try {
          const { rows: tables } = await ground.sql.query<{ name: string }>(
            `select format('%I.%I', schemaname, tablename) as name from pg_tables
           where schemaname in ('install', 'consent', 'inbox', 'vault', 'ledger', 'release')`,
          )
          for (const { name } of tables) {
            const seen = await client.query(`select t::text from ${name} t`).then(
              ({ rows }) => JSON.stringify(rows),
              (error: { code?: string }) => (error.code === '42501' ? null : Promise.reject(error)),
            )
            if (name.startsWith('consent.')) expect([name, seen]).toEqual([name, null])
            for (const { pseudonym } of [refused, undecided]) expect(seen ?? '').not.toContain(pseudonym)
          }
          // How many rows a table got, lost or holds is an exact total, and changes with each decision.
          for (const question of [
            `select n_tup_ins from pg_stat_user_tables where relname = 'events'`,
            `select reltuples, relpages from pg_class where relname = 'events'`,
            `select pg_stat_get_live_tuples(c.oid) from pg_class c where relname = 'events'`,
            `select pg_total_relation_size(oid) from pg_class where relname = 'events'`,
            `select * from pg_stats where schemaname = 'consent'`,
          ]) {
            await expect(client.query(question), question).rejects.toMatchObject({ code: '42501' })
          }
        } finally {
          await client.end()
        }
      },
    )

    it.each(DATABASE_ROLES.filter((role) => role !== 'portal'))(
      '%s hears no name when somebody decides',
      async (role) => {
        const client = new pg.Client({ connectionString: ground.databaseUrl(role) })
        await client.connect()
        const heard: string[] = []
        client.on('notification', ({ channel, payload }) => heard.push(`${channel} ${payload}`))
        for (const channel of ['fairtrace_consent', 'fairtrace_key_requests']) await client.query(`listen ${channel}`)
        const person = await Person.join(ground, owner)
        ground.moveClock(14 * DAY_MS)
        await refuse(person)
        await client.query('select 1')
        expect(heard).toEqual([])
        await person.consent()
        await client.query('select 1')
        expect(heard.join()).not.toContain(person.pseudonym)
        await client.end()
      },
    )
  })

  it('finds no two totals that subtract to a person', async () => {
    const people = await Promise.all(Array.from({ length: K + 1 }, () => Person.join(ground, owner)))
    ground.moveClock(14 * DAY_MS)
    const total = async () => /At least \d+|Fewer than \d+/.exec(String((await ground.call('/')).body.text))?.[0]
    const seen = [await total()]
    for (const person of people) {
      await person.consent()
      // Not on the same day: whoever looks before and after a decision sees the same number.
      expect(await total()).toBe(seen.at(-1))
      ground.moveClock(DAY_MS)
      seen.push(await total())
    }
    for (const person of people) {
      await person.withdraw()
      ground.moveClock(DAY_MS)
      seen.push(await total())
    }
    const numbers = seen.map((text) => Number(/\d+/.exec(text ?? '')?.[0]))
    expect(numbers.every((number) => number % K === 0)).toBe(true)
    expect(new Set(seen).size).toBeLessThanOrEqual(1 + Math.ceil(people.length / K))
  })
})

/** Of 60 calls one after the other. */
async function medianMs(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 60; i++) {
    const startedAt = performance.now()
    await call()
    times.push(performance.now() - startedAt)
  }
  return times.toSorted((a, b) => a - b)[30] ?? Number.NaN
}
