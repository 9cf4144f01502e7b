/** A device that runs by itself: lease, source, pause, upload and what it tells the person. Agent and extension share it. */
import { type Clock, type ErrorCode, FairtraceError, type InputEvent, isFairtraceError } from '@fairtrace/core'
import { DailyRound } from './daily-round.ts'
import type { Device } from './device.ts'
import type { DeviceState } from './device-state.ts'
import { KeptHalt } from './halt.ts'
import type { LiveCapture } from './live-capture.ts'
import { SleepWatch } from './sleep-watch.ts'
import type { InputSource, SourceProblem } from './source.ts'
import { SourceSwitch } from './source-switch.ts'
import { systemTimers, type Timer, type Timers } from './timers.ts'

const RETRY_FIRST_MS = 5_000
const RETRY_MS_MAX = 60_000
/** After a change that may concern passkeys: not all devices of a programme ask at once. */
const ALERT_SPREAD_MS = 600_000

export interface DeviceServiceOptions {
  readonly device: Device
  readonly source: InputSource
  readonly clock: Clock
  /** Milliseconds of a clock that nobody can turn back, and that sleeps with the machine. */
  readonly monotonicMs?: () => number
  /** In [0, 1): spreads retries and uploads. */
  readonly random?: () => number
  readonly timers?: Timers
}

/** What the person has to hear although nobody asked. */
export type DeviceAlert =
  /** A passkey that no other one vouched for was added, and works from then on: time to remove it if it is somebody else's. */
  { readonly kind: 'passkey-added'; readonly worksFromMs: number }

export type ServiceListener = (state: DeviceState, alerts: readonly DeviceAlert[]) => void

export interface DeviceService {
  readonly state: DeviceState
  readonly alerts: readonly DeviceAlert[]
  /** @returns what ends it */
  onChange(listener: ServiceListener): () => void
  /** Asks nobody yet when it returns; `onChange` tells what comes of it. */
  start(): Promise<void>
  /** Lets go of the source, writes what is pending, and ends every timer. The device stays open. */
  stop(): Promise<void>
  /** At once, without a network, and until `resume`, over restarts too. */
  pause(): Promise<void>
  /** @throws `SERVER_UNREACHABLE` where the portal holds the pause too: the pause then stays; `CONSENT_PAUSED` where only the person's own session ends it */
  resume(): Promise<void>
  /**
   * Nothing is recorded from the call on, and what waits here is deleted; then the portal is told.
   * @returns the signed receipt
   * @throws `SERVER_UNREACHABLE`: it holds here all the same, and the portal is told as soon as it answers
   */
  withdraw(): Promise<string>
  /** Looks again at once: after joining, consenting, enrolling, choosing a task, releasing or deleting through the device. */
  refresh(): Promise<void>
}

export function createDeviceService(options: DeviceServiceOptions): DeviceService {
  return new RunningService(options)
}

class RunningService implements DeviceService {
  readonly #options: DeviceServiceOptions
  readonly #timers: Timers
  readonly #random: () => number
  readonly #halt: KeptHalt
  readonly #daily: DailyRound
  readonly #switch: SourceSwitch
  readonly #sleep: SleepWatch
  readonly #listeners = new Set<ServiceListener>()
  #state: DeviceState = { state: 'not-joined' }
  #alerts: readonly DeviceAlert[] = []
  #isRunning = false
  #live: LiveCapture | null = null
  /** The task that `#live` was opened with. */
  #task: string | null = null
  /** Why there is no `#live`. */
  #stopped: ErrorCode | null = null
  /** What the portal says of this person's consent, where it gave no lease for it. */
  #consent: string | null = null
  #sourceProblem: SourceProblem | null = null
  #isSourceFailing = false
  /** The terms of the last lease, as what is held was last brought under them. */
  #terms: string | null = null
  #retry: Timer | null = null
  #failures = 0
  #alertTimer: Timer | null = null
  /** Opening and closing, one after the other. */
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(options: DeviceServiceOptions) {
    this.#options = options
    const { device, source, clock } = options
    const timers = options.timers ?? systemTimers
    const random = options.random ?? Math.random
    this.#timers = timers
    this.#random = random
    this.#halt = new KeptHalt(device, clock, timers)
    this.#sleep = new SleepWatch(clock, options.monotonicMs ?? (() => performance.now()))
    this.#daily = new DailyRound({ settings: device.outbox, clock, timers, random, work: () => this.#round() })
    this.#switch = new SourceSwitch({
      source,
      timers,
      emit: (event) => this.#take(event),
      onFailing: (isFailing) => {
        this.#isSourceFailing = isFailing
        this.#show()
      },
    })
    source.onProblem((problem) => {
      this.#sourceProblem = problem
      this.#show()
    })
  }

  get state(): DeviceState {
    return this.#state
  }

  get alerts(): readonly DeviceAlert[] {
    return this.#alerts
  }

  onChange(listener: ServiceListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async start(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    await this.#halt.read()
    await this.#daily.start()
    this.#show()
    void this.#look()
    void this.#lookForAlerts()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#retry?.clear()
    this.#alertTimer?.clear()
    this.#halt.stop()
    await this.#inTurn(() => this.#closeLive())
    await this.#switch.want(false)
    await this.#daily.stop()
  }

  async pause(): Promise<void> {
    const kept = this.#halt.pause()
    await this.#obey(kept)
  }

  async resume(): Promise<void> {
    if (this.#options.device.membership === null && this.#live?.problem === 'CONSENT_PAUSED') {
      throw new FairtraceError('CONSENT_PAUSED', 'this device has no session of yours to end the pause with')
    }
    await this.#halt.resume()
    await this.refresh()
  }

  async withdraw(): Promise<string> {
    const told = this.#halt.withdraw()
    try {
      await this.#obey(told)
      return await told
    } finally {
      this.#show()
    }
  }

  async refresh(): Promise<void> {
    if (!this.#isRunning) return
    const { device } = this.#options
    // A withdrawal that the portal has heard is the portal's to remember: a new yes there counts again.
    if (this.#halt.now?.kind === 'withdrawn' && this.#halt.now.isTold) await this.#halt.clear()
    this.#failures = 0
    this.#consent = null
    const isStale = this.#live?.report.stopped !== null || this.#task !== (device.chosenTask?.task ?? null)
    if (isStale) await this.#inTurn(() => this.#closeLive())
    await this.#look()
    await this.#lookForAlerts()
  }

  /** Lets go at once; returns when that, and `kept`, are done. */
  async #obey(kept: Promise<unknown>): Promise<void> {
    const closed = this.#closeLive()
    this.#retry?.clear()
    this.#show()
    await Promise.all([kept, closed])
  }

  /** Brings about what ought to be now: nothing, a wait, or a capture that keeps itself going. */
  #look(): Promise<void> {
    return this.#inTurn(async () => {
      this.#retry?.clear()
      const { device, clock } = this.#options
      if (!this.#isRunning || !device.hasJoined || this.#halt.now !== null) return
      const reflectingMs = (device.membership?.reflectionEndsAtMs ?? 0) - clock.nowMs()
      if (reflectingMs > 0) this.#lookAgain(reflectingMs)
      else if (device.id === null) await this.#lookForConsent()
      else if (this.#live === null) await this.#open()
      else await this.#live.askNow()
    }).finally(() => this.#show())
  }

  async #open(): Promise<void> {
    const { device } = this.#options
    this.#task = device.chosenTask?.task ?? null
    try {
      this.#live = await device.openCapture({
        timers: this.#timers,
        attach: (isAttached) => void this.#switch.want(isAttached),
        onChange: () => this.#onLive(),
        onRevoke: () => this.#onRevoke(),
      })
    } catch (cause) {
      this.#stopped = isFairtraceError(cause) ? cause.code : 'INTERNAL'
      this.#lookAgain(Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MS_MAX) * (0.5 + this.#random() / 2))
      return
    }
    this.#failures = 0
    this.#stopped = null
    // Somebody said no while it was opened.
    if (this.#halt.now !== null || !this.#isRunning) await this.#closeLive()
    else await this.#live.askNow()
  }

  #lookAgain(ms: number): void {
    this.#retry?.clear()
    if (!this.#isRunning) return
    this.#retry = this.#timers.set(ms, () => void this.#look())
  }

  /** The source is told before this returns for the first time; the rest is written after it. */
  async #closeLive(): Promise<void> {
    const live = this.#live
    this.#live = null
    if (live === null) return
    try {
      await live.stop()
    } catch {
      // What could not be written is lost and was shown as `INTERNAL`; letting go must not fail for it.
    }
    await this.#switch.want(false)
  }

  #take(event: InputEvent): void {
    const live = this.#live
    if (live === null) return
    if (this.#noticeSleep()) return
    live.push(event).catch(() => {
      // Fails closed, without a word of what was captured: the cause may quote it.
      if (this.#live === live) this.#end('INTERNAL')
    })
  }

  #onLive(): void {
    const live = this.#live
    if (live === null) return
    const { stopped } = live.report
    if (stopped !== null) {
      this.#end(stopped)
      return
    }
    this.#noticeSleep()
    const { lease } = live
    if (lease !== null) {
      this.#consent = null
      void this.#narrow(JSON.stringify([lease.lease.charter, lease.lease.categories, lease.lease.apps]))
    } else if (live.problem === 'CONSENT_REQUIRED' && this.#consent === null) {
      void this.#lookForConsent().then(() => this.#show())
    }
    this.#show()
  }

  #onRevoke(): void {
    this.#consent = null
    this.#show()
    if (this.#options.device.membership === null || !this.#isRunning) return
    this.#alertTimer?.clear()
    this.#alertTimer = this.#timers.set(this.#random() * ALERT_SPREAD_MS, () => void this.#lookForAlerts())
  }

  /** Capture ended by itself and does not begin again before somebody, or the next upload, made room. */
  #end(code: ErrorCode): void {
    this.#stopped = code
    void this.#closeLive().then(() => this.#show())
    this.#show()
  }

  /** A machine that slept saw nothing, and its lease may be over by one clock only. @returns whether it slept */
  #noticeSleep(): boolean {
    if (!this.#sleep.hasSlept()) return false
    this.#live?.lose('suspended')
    void this.#switch.again()
    void this.#live?.askNow()
    this.#daily.check().catch(() => {
      // A full disk: the time of before stands, and is only late.
    })
    return true
  }

  async #narrow(terms: string): Promise<void> {
    if (this.#terms === terms) return
    this.#terms = terms
    const { device } = this.#options
    const SETTING = 'narrowed-to'
    try {
      if ((await device.outbox.readSetting(SETTING)) === terms) return
      await device.narrowHeld()
      await device.outbox.writeSetting(SETTING, terms)
    } catch {
      // Not yet: it is tried again with the next lease, and nothing leaves before it was done, because sending does it too.
      this.#terms = null
    }
  }

  async #lookForConsent(): Promise<void> {
    const { device } = this.#options
    try {
      this.#consent = device.membership === null ? 'unknown' : await device.deleteIfWithdrawn()
    } catch {
      // What waits could not be deleted: it is tried again with the next refusal, and nothing is sent without consent.
      this.#consent = null
    }
    if (device.id === null && this.#consent === null) this.#lookAgain(RETRY_MS_MAX)
  }

  async #lookForAlerts(): Promise<void> {
    const { device, clock } = this.#options
    if (device.membership === null) return
    try {
      const { passkeyWorksFromMs } = await device.consentStatus()
      const isNews = passkeyWorksFromMs !== null && clock.nowMs() < passkeyWorksFromMs
      this.#alerts = isNews ? [{ kind: 'passkey-added', worksFromMs: passkeyWorksFromMs }] : []
    } catch {
      // What was known stays; it is asked again tomorrow, and at every start.
    }
    this.#show()
  }

  /** What is done once a day. @returns whether all of it was */
  async #round(): Promise<boolean> {
    const { device } = this.#options
    if (device.id === null || this.#halt.now?.kind === 'withdrawn') return true
    let isDone: boolean
    try {
      isDone = (await device.upload()).stopped === null
      if (device.membership !== null) await device.concerns().sync()
    } catch {
      // What could not be done stays to be done; nothing has left that was not acknowledged.
      isDone = false
    }
    await this.#lookForAlerts()
    // What left made room.
    if (this.#stopped !== null) await this.#look()
    return isDone
  }

  #show(): void {
    const state = this.#seen()
    const alerts = this.#alerts
    const last = JSON.stringify([this.#state, this.#shownAlerts])
    if (last === JSON.stringify([state, alerts])) return
    this.#state = state
    this.#shownAlerts = alerts
    for (const listener of this.#listeners) listener(state, alerts)
  }
  #shownAlerts: readonly DeviceAlert[] = []

  #seen(): DeviceState {
    const { device, clock } = this.#options
    if (!device.hasJoined) return { state: 'not-joined' }
    const halt = this.#halt.now
    if (halt !== null) return halt.kind === 'paused' ? { state: 'paused', by: 'you' } : { state: 'no-consent' }
    const reflectsUntilMs = device.membership?.reflectionEndsAtMs ?? 0
    if (clock.nowMs() < reflectsUntilMs) return { state: 'reflecting', untilMs: reflectsUntilMs }
    if (device.id === null) return this.#refused('CONSENT_REQUIRED')
    const live = this.#live
    const problem = live === null ? this.#stopped : live.problem
    if (live === null || live.lease === null || problem !== null) return this.#refused(problem ?? 'LEASE_REVOKED')
    if (this.#sourceProblem !== null) return { state: 'blind', problem: this.#sourceProblem }
    if (this.#isSourceFailing) return { state: 'blind', problem: 'hook-dead' }
    const sinceMs = this.#state.state === 'recording' ? this.#state.sinceMs : clock.nowMs()
    return { state: 'recording', app: live.app, sinceMs }
  }

  #refused(code: ErrorCode): DeviceState {
    switch (code) {
      case 'CONSENT_PAUSED':
        return { state: 'paused', by: 'you' }
      case 'PROGRAMME_NOT_RUNNING':
        return { state: 'paused', by: 'programme' }
      case 'CONSENT_STALE':
        return { state: 'asked' }
      case 'CONSENT_REQUIRED':
        if (this.#consent === 'given' && this.#options.device.id === null) {
          return { state: 'stopped', code: 'DEVICE_UNKNOWN' }
        }
        // A yes that gives no lease is one to an earlier notice, or one that is over: the choice is open again.
        return { state: this.#consent === 'undecided' || this.#consent === 'given' ? 'asked' : 'no-consent' }
      default:
        return { state: 'stopped', code }
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work)
    // Whoever waits for this turn hears of its failure; the next one runs all the same.
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }
}
