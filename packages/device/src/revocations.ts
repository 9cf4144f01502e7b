/**
 * Hears from the portal that the lease is over: server-sent events (WHATWG HTML, section 9.2) over `fetch`, which the
 * extension and the desktop have alike.
 *
 * Only a help: a device that never hears anything stops when its lease ends. So nothing here can fail; a stream that is
 * refused, silent or cut is opened again after a while.
 */
import { RENEWAL_SCHEME } from '@fairtrace/core'
import type { Fetch } from './portal-client.ts'

/** A portal says something every 25 s. */
const SILENCE_MS_MAX = 60_000
const RETRY_FIRST_MS = 1_000
const RETRY_MS_MAX = 30_000
/** Characters of an unfinished event that are kept. */
const EVENT_CHARS_MAX = 1_024

export interface RevocationsOptions {
  readonly fetch: Fetch
  readonly serverUrl: string
  /** A fresh token for each attempt; null where none can be made now. */
  readonly token: () => Promise<string | null>
  /** The stream is open: what was revoked before is not repeated, so who holds a lease asks again. */
  readonly onOpen: () => void
  readonly onRevoke: () => void
  /** In [0, 1). */
  readonly random?: () => number
  readonly silenceMsMax?: number
}

export interface Revocations {
  stop(): Promise<void>
}

export function listenForRevocations(options: RevocationsOptions): Revocations {
  const stopped = new AbortController()
  const running = run(options, stopped.signal)
  return {
    async stop() {
      stopped.abort()
      await running
    },
  }
}

async function run(options: RevocationsOptions, stopped: AbortSignal): Promise<void> {
  const random = options.random ?? Math.random
  for (let failures = 0; !stopped.aborted; ) {
    const wasOpen = await listenOnce(options, stopped)
    failures = wasOpen ? 0 : failures + 1
    if (stopped.aborted) return
    const ceilingMs = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MS_MAX)
    // When a portal comes back, its devices must not all come with it.
    await sleep(ceilingMs * (0.1 + 0.9 * random()), stopped)
  }
}

/** @returns whether the stream was open for a while */
async function listenOnce(options: RevocationsOptions, stopped: AbortSignal): Promise<boolean> {
  const silence = new AbortController()
  const watchMs = options.silenceMsMax ?? SILENCE_MS_MAX
  let watch = setTimeout(() => silence.abort(), watchMs)
  let isOpen = false
  try {
    const token = await options.token()
    if (token === null) return false
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
      clearTimeout(watch)
      watch = setTimeout(() => silence.abort(), watchMs)
      const events = `${unfinished}${decoder.decode(chunk, { stream: true })}`.split('\n\n')
      unfinished = (events.pop() ?? '').slice(0, EVENT_CHARS_MAX)
      if (events.some((event) => event.split('\n').includes('event: revoke'))) options.onRevoke()
    }
  } catch {
    // Cut, refused, silent or stopped: the lease goes on to its own end, and the stream is opened again.
  } finally {
    clearTimeout(watch)
  }
  return isOpen
}

function sleep(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    // A device that only waits must not keep its process alive.
    timer.unref?.()
    stopped.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      stopped.removeEventListener('abort', done)
      resolve()
    }
  })
}
