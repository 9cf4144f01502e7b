/** Promise 1 under attack: nothing is captured without a lease that is alive, whoever replays, forges, cuts or suspends. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { decideCapture, type InputEvent } from '@fairtrace/core'
import { type Device, openDevice } from '@fairtrace/device'
import { waitFor } from '@fairtrace/testing/harness'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  aKey,
  DAY_MS,
  dumpAll,
  OWNER,
  Person,
  type PortalGround,
  RESEARCHER,
  startPortalGround,
  startProgramme,
  type TestDevice,
} from '../portal-ground.ts'
import {
  aToken,
  authenticate,
  listen,
  parseLease,
  renewWith,
  type Stream,
  startWire,
  type Wire,
} from './lease-ground.ts'

const WORKERS = { name: 'Robin Okafor', role: 'worker-representative', password: 'workers-password' } as const
const BUILD = 'test-build'
/** In which every portal has heard of a change, and has told everybody after the last of several. */
const HEARD_MS = 400
const RENEWAL_MS = 180 * DAY_MS
const place = { x: 10, y: 10, width: 100, height: 100 }

let ground: PortalGround
let owner: string
let person: Person
let device: TestDevice
const streams: Stream[] = []

beforeAll(async () => {
  ground = await startPortalGround()
  const { accounts } = JSON.parse(readFileSync(ground.accountsFile, 'utf8'))
  writeFileSync(ground.accountsFile, JSON.stringify({ accounts: [...accounts, WORKERS], approvers: [] }))
  owner = await ground.signIn(OWNER.name, OWNER.password)
  await startProgramme(ground, owner)
})
afterAll(() => ground?.stop())
beforeEach(async () => {
  person = await Person.join(ground, owner)
  device = await person.enrol()
  ground.moveClock(14 * DAY_MS)
  await person.consent()
})
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close()
})

const pause = (token: string, reason = 'a test') => ground.call('/api/programme/pause', { token, body: { reason } })
const resume = () => ground.call('/api/programme/resume', { token: owner, body: {} })
const opened = async (token: string, url = ground.url) => {
  const stream = await listen(url, token)
  streams.push(stream)
  return stream
}

describe('a renewal', () => {
  it('gives a lease like the first, bound to this very request', async () => {
    const holder = await authenticate(ground, device)
    const token = aToken(ground, holder)
    const { status, body } = await renewWith(ground, token)
    expect(status).toBe(200)
    const { startsAtMs, endsAtMs, request, ...terms } = parseLease(String(body.lease))
    const { startsAtMs: _starts, endsAtMs: _ends, request: _request, ...first } = holder.lease
    expect(terms).toEqual(first)
    expect(endsAtMs - startsAtMs).toBe(60_000)
    expect(request).toBe(token.split('.')[3])
  })

  it('is good once, and for seconds', async () => {
    const holder = await authenticate(ground, device)
    const token = aToken(ground, holder)
    expect((await renewWith(ground, token)).status).toBe(200)
    expect(await renewWith(ground, token)).toMatchObject({ status: 409, code: 'REQUEST_REPLAYED' })
    const early = aToken(ground, holder)
    ground.moveClock(10_500)
    expect(await renewWith(ground, early)).toMatchObject({ status: 401, code: 'RENEWAL_OVER' })
  })

  it.each([
    ['for another device', { device: 'A'.repeat(22) }, 'DEVICE_UNKNOWN'],
    ['under a key that says it lasts longer', { keyEndsAtMs: 9_999_999_999_999 }, 'RENEWAL_OVER'],
    ['at no time', { atMs: Number.NaN }, 'RENEWAL_OVER'],
    ['ahead of time', { atMs: 9_999_999_999_999 }, 'RENEWAL_OVER'],
  ])('made %s is refused', async (_what, change, code) => {
    const holder = await authenticate(ground, device)
    expect(await renewWith(ground, aToken(ground, holder, 'lease', change))).toMatchObject({ code })
  })

  it('is refused where another device, another purpose, or nobody with the key made it', async () => {
    const mine = await authenticate(ground, device)
    const theirs = await authenticate(ground, await person.enrol())
    const foreign = aToken(ground, { ...theirs, device: mine.device })
    const forEvents = aToken(ground, mine, 'events')
    const guessed = aToken(ground, { ...mine, key: Buffer.alloc(32) })
    for (const token of [foreign, forEvents, guessed]) {
      expect(await renewWith(ground, token)).toMatchObject({ status: 401, code: 'REQUEST_FORGED' })
    }
    expect((await listen(ground.url, aToken(ground, mine, 'lease'))).status).toBe(401)
    for (const text of ['', 'x', `${'.'.repeat(3)}`]) {
      expect(await renewWith(ground, text)).toMatchObject({ code: 'RENEWAL_OVER' })
    }
  })

  it('is worth nothing at another portal, which never made the key', async () => {
    const holder = await authenticate(ground, device)
    const { address } = await ground.another({})
    const answer = await fetch(`${address}/api/leases/renew`, {
      method: 'POST',
      headers: { authorization: `Renewal ${aToken(ground, holder)}` },
    })
    expect(answer.status).toBe(401)
  })

  it('ends with the epoch, the consent, the pause and the enrolment, however warm the cache', async () => {
    const warm = async () => {
      const holder = await authenticate(ground, device)
      // What allows again reaches the cache a moment later than the database; until then it refuses.
      await waitFor(async () => ((await renewWith(ground, aToken(ground, holder))).status === 200 ? true : null), 1_000)
      for (let i = 0; i < 2; i++) expect((await renewWith(ground, aToken(ground, holder))).status).toBe(200)
      return holder
    }
    const refusal = (holder: Awaited<ReturnType<typeof warm>>) =>
      waitFor(async () => (await renewWith(ground, aToken(ground, holder))).code, 1_000)

    let holder = await warm()
    await ground.call('/api/programme/epoch', { token: owner, body: {} })
    expect(await refusal(holder)).toBe('REQUEST_FORGED')

    holder = await warm()
    await ground.sql.query(`update install.programme set state = 'paused'`)
    expect(await refusal(holder)).toBe('PROGRAMME_NOT_RUNNING')
    await ground.sql.query(`update install.programme set state = 'running'`)

    holder = await warm()
    await person.post('/api/consent/pause', {})
    expect(await refusal(holder)).toBe('CONSENT_PAUSED')
    await person.post('/api/consent/resume', {})

    holder = await warm()
    await person.withdraw()
    expect(await refusal(holder)).toBe('CONSENT_REQUIRED')
    await person.consent()

    holder = await warm()
    await person.post('/api/devices/cut-off', { device: device.device })
    expect(await refusal(holder)).toBe('DEVICE_UNKNOWN')
  })

  it('and a connection leave no row and no log line', async () => {
    const holder = await authenticate(ground, device)
    const before = { rows: await dumpAll(ground.sql), logged: ground.logged.length }
    for (let i = 0; i < 5; i++) expect((await renewWith(ground, aToken(ground, holder))).status).toBe(200)
    const stream = await opened(aToken(ground, holder, 'events'))
    expect(stream.status).toBe(200)
    await renewWith(ground, aToken(ground, { ...holder, key: Buffer.alloc(32) }))
    stream.close()
    await sleep(50)
    expect(await dumpAll(ground.sql)).toBe(before.rows)
    expect(ground.logged.length).toBe(before.logged)
  })
})

describe('a request under the device’s own key', () => {
  it('is good once, and says nothing to who overhears it', async () => {
    const { overheard } = await authenticate(ground, device)
    expect(await ground.call('/api/leases', { body: overheard })).toMatchObject({ code: 'REQUEST_REPLAYED' })
    // A signature can be spelled in more than one way; it is the same request.
    const respelled = `${overheard.slice(0, overheard.lastIndexOf('.'))}.${Buffer.from(overheard.split('.')[2] ?? '', 'base64url').toString('base64')}`
    expect((await ground.call('/api/leases', { body: respelled })).status).not.toBe(200)
    // Another portal has not seen it; what it answers is sealed to a key that only the device has.
    const { address } = await ground.another({})
    const text = await (await fetch(`${address}/api/leases`, { method: 'POST', body: overheard })).text()
    expect(Object.keys(JSON.parse(text))).toEqual(['sealed'])
    expect(text).not.toContain(person.pseudonym)
  })
})

describe('a revocation', () => {
  it('reaches who is concerned, and nobody else', async () => {
    const other = await Person.join(ground, owner)
    const theirs = await other.enrol()
    ground.moveClock(14 * DAY_MS)
    await other.consent()
    const mine = await opened(aToken(ground, await authenticate(ground, device), 'events'))
    const others = await opened(aToken(ground, await authenticate(ground, theirs), 'events'))
    // What their own consent, and tests before this one, announced.
    await sleep(HEARD_MS)
    const before = { mine: mine.revocations(), others: others.revocations() }
    await person.withdraw()
    await waitFor(async () => mine.revocations() > before.mine || null, 1_000)
    expect(others.revocations()).toBe(before.others)
    await pause(owner)
    await waitFor(async () => others.revocations() > before.others || null, 1_000)
    await resume()
  })

  it.each([
    ['the participant’s pause', () => person.post('/api/consent/pause', {})],
    ['a narrower choice', () => person.consent({ categories: ['pointer'] })],
    ['a device that its owner cuts off', () => person.post('/api/devices/cut-off', { device: device.device })],
    ['a new epoch', () => ground.call('/api/programme/epoch', { token: owner, body: {} })],
    ['a change that went past the portal', () => ground.sql.query('update install.programme set epoch = epoch + 1')],
  ])('follows within a second upon %s, also through another portal', async (_what, change) => {
    const { address } = await ground.another({})
    const here = await opened(aToken(ground, await authenticate(ground, device), 'events'))
    const pair = await person.enrol()
    const elsewhere = { ...ground, call: ground.callAt(address) }
    const there = await opened(aToken(ground, await authenticate(elsewhere, pair), 'events'), address)
    const before = { here: here.revocations(), there: there.revocations() }
    await change()
    await waitFor(async () => (here.revocations() > before.here && there.revocations() > before.there) || null, 1_000)
  })

  it('can be ignored by a device that is deaf, whose lease then ends by itself and is the last', async () => {
    const holder = await authenticate(ground, device)
    await pause(owner)
    const pausedAtMs = ground.nowMs()
    expect(await renewWith(ground, aToken(ground, holder))).toMatchObject({ code: 'PROGRAMME_NOT_RUNNING' })
    expect(holder.lease.endsAtMs).toBeLessThanOrEqual(pausedAtMs + 60_000)
    const seen = { category: 'pointer', app: 'desktop:orders' } as const
    expect(decideCapture(holder.lease, { ...seen, atMs: holder.lease.endsAtMs }).allow).toBe(false)
    expect(decideCapture(holder.lease, { ...seen, atMs: Number.NaN }).allow).toBe(false)
    const lookAlike = { ...seen, app: 'desktop:orders2', atMs: holder.lease.startsAtMs }
    expect(decideCapture(holder.lease, lookAlike)).toEqual({ allow: false, reason: 'app' })
    await resume()
  })

  it('has one stream a device: a second ends the first', async () => {
    const holder = await authenticate(ground, device)
    const first = await opened(aToken(ground, holder, 'events'))
    const second = await opened(aToken(ground, holder, 'events'))
    await waitFor(async () => first.isEnded() || null, 1_000)
    expect(second.isEnded()).toBe(false)
  })
})

describe('pausing the programme', () => {
  it('is for data protection, the worker representative and the owner; going on is the owner’s', async () => {
    const workers = await ground.signIn(WORKERS.name, WORKERS.password)
    const researcher = await ground.signIn(RESEARCHER.name, RESEARCHER.password)
    expect(await pause(researcher)).toMatchObject({ code: 'ROLE_REQUIRED' })
    expect(await pause(person.session)).toMatchObject({ code: 'ROLE_REQUIRED' })
    expect(await pause(workers, '')).toMatchObject({ code: 'BODY_INVALID' })
    expect((await pause(workers)).body).toMatchObject({ state: 'paused' })
    expect(await ground.call('/api/programme/resume', { token: workers, body: {} })).toMatchObject({
      code: 'ROLE_REQUIRED',
    })
    expect((await resume()).body).toMatchObject({ state: 'running' })
  })
})

describe('a one-time code', () => {
  const use = (code: string, key = aKey()) =>
    ground.call('/api/devices', { body: { code, publicKey: key.publicKey, build: BUILD } })
  const make = async () => String((await person.post('/api/devices/codes', {})).body.code)

  it('is refused when nobody made it, when it was used, and after half an hour', async () => {
    expect(await use('A'.repeat(22))).toMatchObject({ status: 404, code: 'ENROLMENT_CODE_UNKNOWN' })
    expect(await ground.call('/api/devices/codes', { body: {} })).toMatchObject({ code: 'SESSION_REQUIRED' })
    const code = await make()
    const [first, second] = await Promise.all([use(code), use(code)])
    expect([first.status, second.status].sort()).toEqual([200, 404])
    const late = await make()
    ground.moveClock(30 * 60_000)
    expect(await use(late)).toMatchObject({ code: 'ENROLMENT_CODE_UNKNOWN' })
  })

  it('enrols a device of its maker, and is kept only as a hash', async () => {
    const code = await make()
    expect(await dumpAll(ground.sql)).not.toContain(code)
    const key = aKey()
    const { body } = await use(code, key)
    expect((await authenticate(ground, { device: String(body.device), key })).lease.pseudonym).toBe(person.pseudonym)
  })
})

describe('a device with a real wire', () => {
  let dir: string
  let wire: Wire
  let real: Device
  let monotonicMs: number
  let skewMs: number
  const clock = { nowMs: () => ground.nowMs() + skewMs }
  // A wire that swallows everything would hold each call for half a minute.
  const impatient: typeof fetch = (input, init) => {
    const isStream = String(input).endsWith('/events')
    const signals = [AbortSignal.timeout(isStream ? 60_000 : 1_000), ...(init?.signal ? [init.signal] : [])]
    return fetch(input, { ...init, signal: AbortSignal.any(signals) })
  }

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'fairtrace-lease-'))
    wire = await startWire(ground.url)
    monotonicMs = 0
    skewMs = 0
    real = await openDevice(dir, { clock, monotonicMs: () => monotonicMs, fetch: impatient })
    await real.enrol(wire.url, person.session, BUILD)
  })
  afterEach(async () => {
    await real.close()
    await wire.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  // Made when they are asked for: an event from before the lease is not captured.
  function* work(): Generator<InputEvent> {
    yield { kind: 'focus', atMs: clock.nowMs(), app: 'desktop:orders', field: 'none' }
    yield { kind: 'button', atMs: clock.nowMs(), button: 'left', down: true, clicks: 1, place }
    yield { kind: 'button', atMs: clock.nowMs(), button: 'left', down: false, clicks: 1, place }
  }

  it.each([
    ['a right clock', 0, 'wall'],
    ['a clock 4:59 behind', -299_000, 'wall'],
    ['a clock 4:59 ahead', 299_000, 'wall'],
    ['a wall clock that stands still', 0, 'monotonic'],
    ['a wall clock that is turned back', 0, 'back'],
  ])(
    'captures nothing after its lease ended by the portal’s clock, with %s and the wire cut',
    async (_what, skew, moves) => {
      skewMs = skew
      let cutAtMs = 0
      let clicks = 0
      async function* events() {
        yield* work()
        clicks++
        wire.cut()
        cutAtMs = ground.nowMs()
        for (let second = 0; second < 70; second += 5) {
          if (moves !== 'monotonic') ground.moveClock(5_000)
          if (moves === 'back') skewMs -= 10_000
          if (moves !== 'wall') monotonicMs += 5_000
          yield* work()
          const isOver = moves === 'wall' ? ground.nowMs() >= cutAtMs + 60_000 : monotonicMs >= 60_000
          if (!isOver) clicks++
        }
      }
      const { actions, denied } = await real.capture(events())
      // Never more than happened while the lease lasted; rather less, because the device counts from before its request.
      expect(actions.click).toBeLessThanOrEqual(clicks)
      if (moves !== 'back') expect(actions.click).toBeGreaterThanOrEqual(clicks - 1)
      expect(denied['no-lease']).toBeGreaterThanOrEqual(6)
    },
  )

  it.each([-301_000, 301_000])('gets no lease with a clock that is %i ms off', async (skew) => {
    skewMs = skew
    await expect(real.capture(work())).rejects.toMatchObject({ code: 'DEVICE_CLOCK_WRONG' })
  })

  it('lets go of its source within a second of a pause, while no event comes at all', async () => {
    const told: [boolean, number][] = []
    const { promise: waiting, resolve: finish } = Promise.withResolvers<void>()
    const running = real.capture(
      (async function* () {
        yield* work()
        await waiting
        yield* work()
      })(),
      { attach: (isAttached) => told.push([isAttached, performance.now()]) },
    )
    // Until the stream is open, and the lease was asked for again because of it.
    await sleep(700)
    const pausedAt = performance.now()
    await pause(owner)
    await waitFor(async () => told.at(-1)?.[0] === false || null, 2_000)
    expect((told.at(-1)?.[1] ?? 0) - pausedAt).toBeLessThan(1_000)
    expect((await real.review()).every(({ state }) => state !== 'open')).toBe(true)
    finish()
    const report = await running
    expect(report.actions.click).toBe(1)
    expect((await real.outbox.notes()).map(({ reason }) => reason)).toContain('lease-revoked')
    await resume()
  })

  it('takes nothing from a portal whose database was put back to before a withdrawal', async () => {
    expect((await real.capture(work())).actions.click).toBe(1)
    await real.releaseEarly()
    const { rows } = await ground.sql.query('select epoch from install.programme')
    await person.withdraw()
    await person.consent()
    await ground.call('/api/programme/epoch', { token: owner, body: {} })
    await real.capture(work())
    // The backup: one yes, the epoch of then.
    await ground.sql.query('delete from consent.events where pseudonym = $1 and version > 1', [person.pseudonym])
    await sleep(HEARD_MS)
    await expect(real.capture(work())).rejects.toMatchObject({ code: 'LEASE_INVALID' })
    await ground.sql.query('update install.programme set epoch = $1', [rows[0].epoch])
    await sleep(HEARD_MS)
    await expect(real.capture(work())).rejects.toMatchObject({ code: 'LEASE_INVALID' })
    const refused = await real.upload()
    expect(refused).toMatchObject({ sealed: 0, uploaded: 0 })
  })

  it('enrols with a one-time code and captures for its participant', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairtrace-lease-code-'))
    const second = await openDevice(folder, { clock })
    const { body } = await person.post('/api/devices/codes', {})
    await second.enrolWithCode(ground.url, String(body.code), BUILD)
    await expect(second.enrolWithCode(ground.url, String(body.code), BUILD)).rejects.toMatchObject({
      code: 'ENROLMENT_CODE_UNKNOWN',
    })
    expect((await second.capture(work())).actions.click).toBe(1)
    expect(second.membership).toBeNull()
    await second.close()
    rmSync(folder, { recursive: true })
  })
})

describe('a device that is suspended', () => {
  it('captures nothing when it wakes after its lease', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fairtrace-suspended-'))
    const wire = await startWire(ground.url)
    const enrolling = await openDevice(dir, { clock: { nowMs: ground.nowMs } })
    await enrolling.enrol(wire.url, person.session, BUILD)
    await enrolling.close()
    // The consent runs out in some seconds, and the lease with it: nobody has to wait a minute.
    ground.moveClock(RENEWAL_MS - 6_000)
    const child = startChild(dir, wire.url)
    try {
      await working(child)
      await sleep(1_500)
      child.kill('SIGSTOP')
      wire.cut()
      await sleep(6_500)
      child.kill('SIGCONT')
      await working(child)
      await sleep(500)
      child.send('stop')
      const { buttons, denied } = await reportOf(child)
      expect(buttons).toContain('left')
      expect(buttons).not.toContain('right')
      expect(denied['no-lease']).toBeGreaterThanOrEqual(3)
    } finally {
      child.kill('SIGKILL')
      await wire.stop()
      rmSync(dir, { recursive: true, force: true })
    }
  })

  function startChild(dir: string, url: string): ChildProcess {
    const main = fileURLToPath(new URL('./lease-device.child.ts', import.meta.url))
    return fork(main, [dir, url, String(ground.nowMs() - Date.now())], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
  }
  async function working(child: ChildProcess): Promise<void> {
    const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    expect(first).toBe('working')
  }
  function reportOf(child: ChildProcess): Promise<{ buttons: string[]; denied: Record<string, number> }> {
    return new Promise((resolve) => {
      child.on('message', (message) => {
        if (typeof message === 'object' && 'buttons' in message) resolve(message as never)
      })
    })
  }
})
