/**
 * One capture from its first event to its last: renews the lease meanwhile, hears of its end, and detaches the source with it.
 *
 * A live source may be silent for hours, so none of this waits for an event: the moment the lease is gone, by word or by
 * the clock, the source is told to let go and the recording ends.
 */
import type { Clock, InputEvent } from '@fairtrace/core'
import type { CaptureSession } from './capture.ts'
import type { LeaseClient } from './lease-client.ts'
import type { Fetch } from './portal-client.ts'
import { listenForRevocations } from './revocations.ts'

const TICK_MS = 250

export interface CaptureLoopOptions {
  readonly leases: LeaseClient
  readonly session: CaptureSession
  readonly clock: Clock
  readonly fetch: Fetch
  readonly serverUrl: string
  /** Events of an old recording: they count as happening now. */
  readonly replayed: boolean
  /** A live source hooks in on `true` and unhooks on `false`: without a lease nothing is to be seen, not merely ignored. */
  readonly attach: (isAttached: boolean) => void
}

/** Returns when the events end. @throws what the source or the outbox throws */
export async function runCapture(
  events: Iterable<InputEvent> | AsyncIterable<InputEvent>,
  options: CaptureLoopOptions,
): Promise<void> {
  const loop = new CaptureLoop(options)
  try {
    for await (const event of events) await loop.push(event)
  } finally {
    await loop.stop()
  }
}

class CaptureLoop {
  readonly #options: CaptureLoopOptions
  readonly #timer: NodeJS.Timeout
  readonly #revocations: ReturnType<typeof listenForRevocations>
  #isAttached = false
  /** The session takes one call after the other. */
  #lastTurn: Promise<unknown> = Promise.resolve()
  #turns = 0
  #failure: { readonly cause: unknown } | null = null

  constructor(options: CaptureLoopOptions) {
    this.#options = options
    const { leases, fetch, serverUrl } = options
    this.#settle('lease-over')
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref?.()
    this.#revocations = listenForRevocations({
      fetch,
      serverUrl,
      token: () => leases.eventsToken(),
      onOpen: () => this.#behind(async () => void (await leases.refresh())),
      onRevoke: () => {
        leases.revoked()
        this.#settle('lease-revoked')
      },
    })
  }

  push(event: InputEvent): Promise<void> {
    const { leases, session, clock, replayed } = this.#options
    return this.#inTurn(async () => {
      if (this.#failure !== null) throw this.#failure.cause
      await leases.keepFresh()
      this.#settle('lease-over')
      await session.push(replayed ? { ...event, atMs: clock.nowMs() } : event)
    })
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#revocations.stop()
    await this.#inTurn(async () => undefined)
    await this.#options.session.end()
    if (this.#isAttached) this.#options.attach(false)
    this.#isAttached = false
    if (this.#failure !== null) throw this.#failure.cause
  }

  #tick(): void {
    this.#settle('lease-over')
    const { leases } = this.#options
    if (this.#turns > 0) return
    this.#behind(async () => {
      await leases.keepFresh()
      this.#settle('lease-over')
    })
  }

  /** Attaches or detaches at once; the recording ends as soon as the call that the session is in has ended. */
  #settle(why: string): void {
    const isAttached = this.#options.leases.current() !== null
    if (isAttached === this.#isAttached) return
    this.#isAttached = isAttached
    this.#options.attach(isAttached)
    if (!isAttached) this.#behind(() => this.#options.session.lose(why))
  }

  /** For what nobody waits for: if it fails, the next event says so. */
  #behind(work: () => Promise<void>): void {
    this.#inTurn(work).catch((cause: unknown) => {
      this.#failure ??= { cause }
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#turns++
    const turn = this.#lastTurn.then(work).finally(() => {
      this.#turns--
    })
    // Whoever waits for this turn hears of its failure; the next one runs all the same.
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }
}
