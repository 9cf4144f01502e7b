/**
 * One capture from its first event to its last: keeps the lease fresh meanwhile, hears of its end, and detaches the source
 * with it.
 *
 * A live source may be silent for hours, so none of this waits for an event: the moment the lease is gone, by word or by
 * the clock, the source is told to let go and the recording ends. And nothing ticks: there is one timer, for the next moment at
 * which there is something to do.
 */
import type { AppId, ErrorCode, InputEvent } from '@fairtrace/core'
import type { CaptureReport, CaptureSession } from './capture.ts'
import type { HeldLease, LeaseClient } from './lease-client.ts'
import type { Fetch } from './portal-client.ts'
import { listenForRevocations, type Revocations } from './revocations.ts'
import type { Timer, Timers } from './timers.ts'

/** How long an action may wait to be written: who is killed loses no more than this. */
const FLUSH_MS = 1_000

export interface LiveCallbacks {
  /** A live source hooks in on `true` and unhooks on `false`: without a lease nothing is to be seen, not merely ignored. */
  readonly attach: (isAttached: boolean) => void
  /** The lease, the app in focus, or why nothing is captured may be different. */
  readonly onChange?: () => void
  /** The portal said that something about this person, device or programme is different. */
  readonly onRevoke?: () => void
}

export interface LiveCaptureOptions extends LiveCallbacks {
  readonly leases: LeaseClient
  readonly session: CaptureSession
  readonly timers: Timers
  readonly fetch: Fetch
  readonly serverUrl: string
  readonly random: () => number
}

export class LiveCapture {
  readonly #options: LiveCaptureOptions
  readonly #revocations: Revocations
  #leaseTimer: Timer | null = null
  #flushTimer: Timer | null = null
  #isAttached = false
  #isStopped = false
  /** The session takes one call after the other. */
  #lastTurn: Promise<unknown> = Promise.resolve()
  #failure: { readonly cause: unknown } | null = null

  constructor(options: LiveCaptureOptions) {
    this.#options = options
    const { leases, fetch, serverUrl, timers, random } = options
    this.#settle('lease-over')
    this.#arm()
    this.#revocations = listenForRevocations({
      fetch,
      serverUrl,
      timers,
      random,
      token: () => leases.eventsToken(),
      onOpen: () => void this.#ask(() => leases.refresh()),
      onRevoke: () => {
        leases.revoked()
        this.#settle('lease-revoked')
        this.#arm()
        options.onRevoke?.()
      },
    })
  }

  get lease(): HeldLease | null {
    return this.#options.leases.current()
  }

  /** Why there is no lease, or why capture ended although there is one; null while it is simply not known yet. */
  get problem(): ErrorCode | null {
    if (this.#failure !== null) return 'INTERNAL'
    return this.report.stopped ?? (this.lease === null ? this.#options.leases.refusal : null)
  }

  /** What has the focus, where it is an app that may be captured. */
  get app(): AppId | null {
    return this.#options.session.app
  }

  get report(): CaptureReport {
    return this.#options.session.report
  }

  /** Takes one event; what no lease allows is dropped. @throws what the outbox throws, once, and after that no more is taken */
  push(event: InputEvent): Promise<void> {
    const { session, timers } = this.#options
    return this.#inTurn(async () => {
      if (this.#failure !== null) throw this.#failure.cause
      this.#settle('lease-over')
      const app = session.app
      await session.push(event)
      if (session.hasPending) this.#flushTimer ??= timers.set(FLUSH_MS, () => this.#flush())
      if (session.app !== app || session.report.stopped !== null) this.#options.onChange?.()
    })
  }

  /** For a stream that can wait: renews first, where less than half of the lease is left. */
  async keepFresh(): Promise<void> {
    const before = this.lease
    if ((await this.#options.leases.keepFresh()) === before) return
    this.#settle('lease-over')
    this.#arm()
  }

  /** Asks for a lease at once, whatever was answered before. */
  askNow(): Promise<void> {
    this.#options.leases.forgetFailures()
    return this.#ask(() => this.#options.leases.refresh())
  }

  /** Nothing was seen for a while, and where the focus is now only the source can say. */
  lose(reason: string): void {
    this.#behind(() => this.#options.session.lose(reason))
  }

  /** Lets go at once, and returns when everything is written. @throws what the outbox threw, if nobody was told yet */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#leaseTimer?.clear()
    this.#flushTimer?.clear()
    if (this.#isAttached) this.#options.attach(false)
    this.#isAttached = false
    await this.#revocations.stop()
    await this.#inTurn(async () => void (await this.#options.session.end()))
    if (this.#failure !== null) throw this.#failure.cause
  }

  async #ask(ask: () => Promise<unknown>): Promise<void> {
    // A lease client answers null for every failure, so there is nothing to catch.
    await ask()
    if (this.#isStopped) return
    this.#settle('lease-over')
    this.#arm()
    if (this.lease !== null) this.#revocations.wake()
    this.#options.onChange?.()
  }

  #arm(): void {
    this.#leaseTimer?.clear()
    if (this.#isStopped) return
    const { leases, timers } = this.#options
    this.#leaseTimer = timers.set(leases.dueInMs(), () => {
      const had = this.#isAttached
      this.#settle('lease-over')
      if (had !== this.#isAttached) this.#options.onChange?.()
      void this.#ask(() => leases.keepFresh())
    })
  }

  /** Attaches or detaches at once; the recording ends as soon as the call that the session is in has ended. */
  #settle(why: string): void {
    if (this.#isStopped) return
    const isAttached = this.lease !== null
    if (isAttached === this.#isAttached) return
    this.#isAttached = isAttached
    this.#options.attach(isAttached)
    if (!isAttached) this.lose(why)
  }

  #flush(): void {
    this.#flushTimer = null
    this.#behind(() => this.#options.session.flush())
  }

  /** For what nobody waits for: if it fails, the next event says so, and so does `problem`. */
  #behind(work: () => Promise<void>): void {
    this.#inTurn(work).catch((cause: unknown) => {
      this.#failure ??= { cause }
      this.#options.onChange?.()
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work)
    // Whoever waits for this turn hears of its failure; the next one runs all the same.
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }
}
