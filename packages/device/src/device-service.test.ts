/** The service against a small portal over real HTTP, on a clock and with timers that the test moves. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as realSleep } from 'node:timers/promises'
import type { InputEvent } from '@fairtrace/core'
import { type FakeAnswer, type FakePortal, fakeRefusal, startFakePortal } from '@fairtrace/testing/harness'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Device } from './device.ts'
import { createDeviceService, type DeviceService } from './device-service.ts'
import { type OpenDeviceOptions, openDevice } from './open-device.ts'
import type { InputSource, SourceProblem } from './source.ts'
import type { Timers } from './timers.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const BUILD = 'test-build'

/** Both clocks, and timers that run on the one that sleeps with the machine. */
class TestTime implements Timers {
  wallMs = Date.UTC(2026, 0, 5, 10)
  awakeMs = 0
  fired = 0
  readonly #timers = new Set<{ readonly atMs: number; readonly work: () => void }>()

  set(ms: number, work: () => void) {
    const timer = { atMs: this.awakeMs + Math.max(0, ms), work }
    this.#timers.add(timer)
    return { clear: () => void this.#timers.delete(timer) }
  }

  get waiting(): number {
    return this.#timers.size
  }

  /** Lets `ms` pass, timer by timer; between two of them what they began on the network comes to its end. */
  async pass(ms: number): Promise<void> {
    const endMs = this.awakeMs + ms
    for (;;) {
      await settle()
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#move(next.atMs - this.awakeMs)
      this.fired++
      next.work()
    }
    this.#move(endMs - this.awakeMs)
  }

  /** The lid is closed: the wall clock goes on alone. */
  sleepFor(ms: number): void {
    this.wallMs += ms
  }

  #move(ms: number): void {
    this.awakeMs += ms
    this.wallMs += ms
  }
}

class TestSource implements InputSource {
  emit: ((event: InputEvent) => void) | null = null
  attached = 0
  fails = false
  problem: (problem: SourceProblem | null) => void = () => undefined

  async attach(emit: (event: InputEvent) => void): Promise<void> {
    if (this.fails) throw new Error('no hook')
    this.attached++
    this.emit = emit
    emit({ kind: 'focus', atMs: time.wallMs, app: 'desktop:orders', field: 'none' })
  }
  async detach(): Promise<void> {
    this.emit = null
  }
  onProblem(listener: (problem: SourceProblem | null) => void): void {
    this.problem = listener
  }
  async close(): Promise<void> {
    this.emit = null
  }

  /** One action. */
  press(): void {
    for (const down of [true, false]) this.emit?.({ kind: 'key', atMs: time.wallMs, key: 'enter', down })
  }
}

/** Requests that have no answer yet. */
let asking = 0
const counted: typeof fetch = async (...call) => {
  asking++
  try {
    return await fetch(...call)
  } finally {
    asking--
  }
}

/** What was begun comes to its end: nothing is asked any more, for a while, because signing and checking come in between. */
async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 4; quiet = asking === 0 ? quiet + 1 : 0) await realSleep(12)
}

let time: TestTime
let dir: string
let portal: FakePortal
let device: Device
let source: TestSource
let service: DeviceService
let refusal: FakeAnswer | 'hang-up' | null
/** What the portal was told by the person, in order. */
let told: string[]
let passkeyWorksFromMs: number | null

async function open(options: Partial<OpenDeviceOptions> = {}): Promise<void> {
  const clock = { nowMs: () => time.wallMs }
  const monotonicMs = () => time.awakeMs
  device = await openDevice(dir, { clock, monotonicMs, random: () => 0.5, build: BUILD, fetch: counted, ...options })
  source = new TestSource()
  service = createDeviceService({ device, source, clock, monotonicMs, random: () => 0.5, timers: time })
}

async function restart(): Promise<void> {
  await service.stop()
  await device.close()
  await open()
  await service.start()
  await settle()
}

async function start(): Promise<void> {
  await device.enrol(portal.url, 'a-session', BUILD)
  await service.start()
  await vi.waitFor(() => expect(service.state.state).toBe('recording'))
  // What a start asks besides comes to its end.
  await settle()
}

beforeEach(async () => {
  time = new TestTime()
  refusal = null
  told = []
  passkeyWorksFromMs = null
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-service-'))
  portal = await startFakePortal({ nowMs: () => time.wallMs })
  portal.intercept = ({ path, bytes }) => {
    if (refusal !== null && (refusal === 'hang-up' || path === '/api/leases')) return refusal
    if (path === '/api/consent/pause' || path === '/api/consent/resume') {
      told.push(path)
      return { status: 200, body: { isPaused: path.endsWith('pause') } }
    }
    if (path === '/api/consent/withdraw') told.push(path)
    if (path === '/api/concerns') return { status: 200, body: { concerns: [] } }
    if (path === '/api/concerns/keys') return { status: 200, body: { rounds: [] } }
    if (path !== '/api/consent' || bytes.length > 0) return null
    return { status: 200, body: statusOf(portal.consentState) }
  }
  await open()
})
afterEach(async () => {
  await service.stop()
  await device.close()
  await portal.stop()
  rmSync(dir, { recursive: true })
})

const statusOf = (state: string) => ({
  state,
  version: 1,
  current: true,
  isPaused: false,
  legalState: null,
  legalSinceMs: null,
  endsAtMs: null,
  renewAtMs: null,
  isErasing: false,
  reflectionEndsAtMs: 0,
  passkeyWorksFromMs,
  record: null,
  history: [],
})
const leaseRequests = () => portal.requests.filter(({ path }) => path === '/api/leases').length
const waiting = async () => (await device.outbox.list()).reduce((sum, { actionCount }) => sum + actionCount, 0)

describe('what the service says and does', () => {
  it('does nothing, and asks nobody, before the device has joined', async () => {
    await service.start()
    await time.pass(10 * DAY_MS)
    expect(service.state).toEqual({ state: 'not-joined' })
    expect(portal.requests).toEqual([])
    expect(source.attached).toBe(0)
  })

  it('asks for no lease before the reflection period is over, and then says that the choice is open', async () => {
    await device.join(portal.url, 'a-code')
    await device.enrol(portal.url, 'a-session', BUILD)
    portal.consentState = 'undecided'
    refusal = fakeRefusal(403, 'CONSENT_REQUIRED')
    await service.start()
    const untilMs = device.membership?.reflectionEndsAtMs ?? 0
    expect(service.state).toEqual({ state: 'reflecting', untilMs })
    await time.pass(untilMs - time.wallMs - 1)
    expect([service.state.state, leaseRequests()]).toEqual(['reflecting', 0])
    await time.pass(1_000)
    expect(service.state).toEqual({ state: 'asked' })
    expect(source.attached).toBe(0)
  })

  it('records once there is a lease, says in which app, and writes within a second', async () => {
    await start()
    expect(service.state).toEqual({ state: 'recording', app: 'desktop:orders', sinceMs: time.wallMs })
    source.press()
    await time.pass(1_000)
    expect(await waiting()).toBe(2)
    source.emit?.({ kind: 'focus', atMs: time.wallMs, app: 'desktop:not-listed', field: 'none' })
    await settle()
    expect(service.state).toMatchObject({ state: 'recording', app: null })
  })

  it.each([
    ['PROGRAMME_NOT_RUNNING', { state: 'paused', by: 'programme' }],
    ['CONSENT_PAUSED', { state: 'paused', by: 'you' }],
    ['OUTSIDE_WORKING_HOURS', { state: 'stopped', code: 'OUTSIDE_WORKING_HOURS' }],
    ['BUILD_NOT_REVIEWED', { state: 'stopped', code: 'BUILD_NOT_REVIEWED' }],
    ['CONSENT_STALE', { state: 'asked' }],
  ] as const)('lets go and says so when the portal answers %s, and goes on when it allows it', async (code, state) => {
    await start()
    refusal = fakeRefusal(403, code)
    await time.pass(31_000)
    expect(service.state).toEqual(state)
    expect(source.emit).toBeNull()
    refusal = null
    await time.pass(300_000)
    expect(service.state.state).toBe('recording')
  })

  it('deletes what waits when consent was withdrawn somewhere else', async () => {
    await start()
    source.press()
    await time.pass(1_000)
    portal.consentState = 'withdrawn'
    refusal = fakeRefusal(403, 'CONSENT_REQUIRED')
    await time.pass(31_000)
    expect(service.state).toEqual({ state: 'no-consent' })
    expect(await waiting()).toBe(0)
  })

  it('goes on under its lease while the portal is away, stops with it, and asks ever less often', async () => {
    await start()
    refusal = 'hang-up'
    await time.pass(59_000)
    expect(service.state.state).toBe('recording')
    await time.pass(2_000)
    expect(service.state).toEqual({ state: 'stopped', code: 'SERVER_UNREACHABLE' })
    expect(source.emit).toBeNull()
    const before = portal.requests.length
    await time.pass(10 * 60_000)
    expect(portal.requests.length - before).toBeLessThanOrEqual(14)
    refusal = null
    await time.pass(60_000)
    expect(service.state.state).toBe('recording')
  })

  it('shows a source that is blind, and one that does not hook in, and tries that again', async () => {
    await start()
    source.problem('accessibility-missing')
    expect(service.state).toEqual({ state: 'blind', problem: 'accessibility-missing' })
    source.problem(null)
    expect(service.state.state).toBe('recording')
    source.fails = true
    await service.pause()
    await service.resume()
    await settle()
    expect(service.state).toEqual({ state: 'blind', problem: 'hook-dead' })
    source.fails = false
    await time.pass(5_000)
    expect(service.state.state).toBe('recording')
    expect(source.emit).not.toBeNull()
  })

  it('stops and says so when the outbox is full, and goes on when there is room', async () => {
    await service.stop()
    await device.close()
    await open({ outboxBytesMax: 3_000 })
    await start()
    for (let i = 0; i < 200; i++) source.press()
    await time.pass(2_000)
    expect(service.state).toEqual({ state: 'stopped', code: 'OUTBOX_FULL' })
    expect(source.emit).toBeNull()
    const held = await device.outbox.list()
    expect(held).not.toEqual([])
    for (const { id } of held) await device.outbox.deleteRecording(id)
    await service.refresh()
    await settle()
    expect(service.state.state).toBe('recording')
  })

  it('ends the recording at a sleep of the machine, and begins anew with what has the focus then', async () => {
    await start()
    source.press()
    await time.pass(1_000)
    // Shorter than the lease: only the two clocks together show it.
    time.sleepFor(10_000)
    source.press()
    await settle()
    source.press()
    await time.pass(2_000)
    expect(source.attached).toBe(2)
    expect((await device.outbox.notes()).map(({ reason }) => reason)).toEqual(['suspended'])
    expect((await device.outbox.list()).map(({ actionCount }) => actionCount)).toEqual([2, 2])
  })

  it('deletes at once what narrower terms no longer let out', async () => {
    await start()
    source.press()
    await time.pass(1_000)
    await service.stop()
    expect(await waiting()).toBe(2)
    portal.leaseChanges = { categories: ['switches'] }
    await service.start()
    await vi.waitFor(async () => expect(await waiting()).toBe(1))
  })

  it('begins a new recording when another task is chosen', async () => {
    await start()
    source.press()
    await settle()
    await device.chooseTask('enter-order')
    await service.refresh()
    await settle()
    source.press()
    await time.pass(1_000)
    expect((await device.outbox.list()).map(({ task }) => task)).toEqual([null, 'enter-order'])
  })

  it('shows that somebody added a passkey, until it works', async () => {
    passkeyWorksFromMs = time.wallMs + 72 * HOUR_MS
    await start()
    expect(service.alerts).toEqual([{ kind: 'passkey-added', worksFromMs: passkeyWorksFromMs }])
    passkeyWorksFromMs = null
    await service.refresh()
    expect(service.alerts).toEqual([])
  })
})

describe('pausing and withdrawing', () => {
  it('pauses at once and without a network, over a restart, and tells the portal when it can', async () => {
    await start()
    refusal = 'hang-up'
    const paused = service.pause()
    // Before anything was waited for.
    expect(service.state).toEqual({ state: 'paused', by: 'you' })
    source.press()
    await paused
    expect(source.emit).toBeNull()
    await restart()
    expect(service.state).toEqual({ state: 'paused', by: 'you' })
    await time.pass(60_000)
    expect([told, source.attached]).toEqual([[], 0])
    refusal = null
    await time.pass(300_000)
    expect(told).toEqual(['/api/consent/pause'])
    await service.resume()
    await settle()
    expect(told).toEqual(['/api/consent/pause', '/api/consent/resume'])
    expect(service.state.state).toBe('recording')
  })

  it('stays paused where the portal can not be told of the end of the pause', async () => {
    await start()
    await service.pause()
    await settle()
    refusal = 'hang-up'
    await expect(service.resume()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
    expect(service.state).toEqual({ state: 'paused', by: 'you' })
  })

  it('captures nothing of what happens while a pause is being written', async () => {
    await start()
    source.press()
    const paused = service.pause()
    for (let i = 0; i < 5; i++) source.press()
    await paused
    await time.pass(5_000)
    expect(await waiting()).toBe(2)
  })

  it('withdraws without a network: nothing is recorded, nothing is kept, and the portal is told later', async () => {
    await start()
    source.press()
    await time.pass(1_000)
    refusal = 'hang-up'
    await expect(service.withdraw()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
    expect(service.state).toEqual({ state: 'no-consent' })
    expect(await waiting()).toBe(0)
    await restart()
    expect([service.state.state, source.attached]).toEqual(['no-consent', 0])
    refusal = null
    await time.pass(300_000)
    expect(told).toEqual(['/api/consent/withdraw'])
  })

  it('records again after a new yes', async () => {
    await start()
    expect(await service.withdraw()).toBe('a.receipt.jws')
    await device.consent({ noticeVersion: 1, categories: ['pointer'], apps: ['desktop:orders'] })
    portal.consentState = 'given'
    await service.refresh()
    await settle()
    expect(service.state.state).toBe('recording')
  })
})

describe('the rhythm of the service', () => {
  it('wakes an idle device for the next lease and for nothing else', async () => {
    await start()
    // The switch to the app, which the source tells at first, is written.
    await time.pass(2_000)
    const [fired, asked] = [time.fired, portal.requests.length]
    await time.pass(30 * 60_000)
    // A lease of a minute is renewed at its half.
    expect(time.fired - fired).toBe(60)
    expect(portal.requests.length - asked).toBe(60)
    // The next renewal, and the upload of the day.
    expect(time.waiting).toBe(2)
  })

  it('uploads once a day, at a time that a restart does not change', async () => {
    await start()
    source.press()
    await time.pass(1_000)
    await service.pause()
    await device.releaseEarly()
    await restart()
    // Drawn with one half: in the middle of the day from the first start on.
    await time.pass(12 * HOUR_MS - 60_000)
    expect(portal.accepted.size).toBe(0)
    await time.pass(120_000)
    await vi.waitFor(() => expect(portal.accepted.size).toBe(1))
    const noonTomorrow = { atMs: Date.UTC(2026, 0, 6, 12) }
    await vi.waitFor(async () => expect(await device.outbox.readSetting('daily-round')).toEqual(noonTomorrow))
  })

  it('does not upload at the moment of a start, where the time was missed', async () => {
    await start()
    source.press()
    await time.pass(1_000)
    await service.stop()
    await device.releaseEarly()
    await device.close()
    time.sleepFor(3 * DAY_MS)
    await open()
    await service.start()
    await service.pause()
    await time.pass(29 * 60_000)
    expect(portal.accepted.size).toBe(0)
    await time.pass(2 * 60_000)
    await vi.waitFor(() => expect(portal.accepted.size).toBe(1))
  })

  it('leaves no timer and no hook behind when it stops', async () => {
    await start()
    source.press()
    await service.stop()
    expect([time.waiting, source.emit]).toEqual([0, null])
    expect(await waiting()).toBe(2)
  })
})
