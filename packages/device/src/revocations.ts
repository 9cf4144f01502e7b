/**
 * Hears from the portal that the lease is over: server-sent events (WHATWG HTML, section 9.2) over `fetch`, which the
 * extension and the desktop have alike.
 *
 * Only a help: a device that never hears anything stops when its lease ends. So nothing here can fail; a stream that is
 * refused, silent or cut is opened again after a while.
 */
import { RENEWAL_SCHEME } from '@fairtrace/core'
import type { Fetch } from './portal-client.ts'
import { systemTimers, type Timers } from './timers.ts'

/** A portal says something every 25 s. */
const SILENCE_MS_MAX = 60_000
const RETRY_FIRST_MS = 1_000
const RETRY_MS_MAX = 30_000
/** Characters of an unfinished event that are kept. */
const EVENT_CHARS_MAX = 1_024

export interface RevocationsOptions {
  readonly fetch: Fetch
  readonly serverUrl: string
  /** A fresh token for each attempt; null where none can be made now: then nothing is tried before `wake`. */
  readonly token: () => Promise<string | null>
  /** The stream is open: what was revoked before is not repeated, so who holds a lease asks again. */
  readonly onOpen: () => void
  readonly onRevoke: () => void
  /** In [0, 1). */
  readonly random?: () => number
  readonly silenceMsMax?: number
  readonly timers?: Timers
}

export interface Revocations {
  /** There may be a token now. */
  wake(): void
  stop(): Promise<void>
}

export function listenForRevocations(options: RevocationsOptions): Revocations {
  const stopped = new AbortController()
  const waiting = new Waiting(options.timers ?? systemTimers, stopped.signal)
  const running = run(options, waiting, stopped.signal)
  return {
    wake: () => waiting.wake(),
    async stop() {
      stopped.abort()
      await running
    },
  }
}

async function run(options: RevocationsOptions, waiting: Waiting, stopped: AbortSignal): Promise<void> {
  const random = options.random ?? Math.random
  for (let failures = 0; !stopped.aborted; ) {
    const token = await tokenOf(options)
    if (token === null) {
      await waiting.forWake()
      continue
    }
    const wasOpen = await listenOnce(options, token, stopped)
    failures = wasOpen ? 0 : failures + 1
    if (stopped.aborted) return
    const ceilingMs = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MS_MAX)
    // When a portal comes back, its devices must not all come with it.
    await waiting.forMs(ceilingMs * (0.1 + 0.9 * random()))
  }
}

async function tokenOf(options: RevocationsOptions): Promise<string | null> {
  try {
    return await options.token()
  } catch {
    // Without a token there is no stream; the lease ends by itself.
    return null
  }
}

/** @returns whether the stream was open for a while */
async function listenOnce(options: RevocationsOptions, token: string, stopped: AbortSignal): Promise<boolean> {
  const silence = new AbortController()
  const timers = options.timers ?? systemTimers
  const watchMs = options.silenceMsMax ?? SILENCE_MS_MAX
  let watch = timers.set(watchMs, () => silence.abort())
  let isOpen = false
  try {
    const response = await options.fetch(new URL('/api/devices/events', options.serverUrl).href, {
      headers: { authorization: `${RENEWAL_SCHEME} ${token}`, accept: 'text/event-stream' },
      redirect: 'error',
      signal: AbortSignal.any([stopped, silence.signal]),
    })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      return false
    }
    isOpen = true
    options.onOpen()
    let unfinished = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body) {
      watch.clear()
      watch = timers.set(watchMs, () => silence.abort())
      const events = `${unfinished}${decoder.decode(chunk, { stream: true })}`.split('\n\n')
      unfinished = (events.pop() ?? '').slice(0, EVENT_CHARS_MAX)
      if (events.some((event) => event.split('\n').includes('event: revoke'))) options.onRevoke()
    }
  } catch {
    // Cut, refused, silent or stopped: the lease goes on to its own end, and the stream is opened again.
  } finally {
    watch.clear()
  }
  return isOpen
}

/** One wait at a time, that the end of everything cuts short. */
class Waiting {
  readonly #timers: Timers
  readonly #stopped: AbortSignal
  #wasWoken = false
  #wake: (() => void) | null = null

  constructor(timers: Timers, stopped: AbortSignal) {
    this.#timers = timers
    this.#stopped = stopped
    stopped.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  wake(): void {
    this.#wasWoken = true
    this.#wake?.()
  }

  /** Until `wake`, also one from before this call: what it told may have come too late for the one who asked. */
  async forWake(): Promise<void> {
    if (!this.#wasWoken && !this.#stopped.aborted) await this.#until(() => undefined)
    this.#wasWoken = false
  }

  async forMs(ms: number): Promise<void> {
    if (this.#stopped.aborted) return
    await this.#until((done) => {
      const timer = this.#timers.set(ms, done)
      return () => timer.clear()
    })
  }

  async #until(begin: (done: () => void) => (() => void) | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const end = begin(resolve)
    await promise
    end?.()
    this.#wake = null
  }
}
