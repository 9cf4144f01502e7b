/**
 * From one frame to the worker: a port that says when to listen, and takes what was seen in small bundles.
 *
 * Nothing is shielded here: the shield is large, and this thread is the page's. A bundle waits in this frame's memory for a fifth of a
 * second at most, goes to the worker's memory over the browser's own channel, and is shielded there before anything is kept. When the
 * order to end comes, or the worker is gone, what waits is dropped.
 */
import { type Browser, browser } from 'wxt/browser'
import { ORIGIN_MS, PageCapture } from './page-capture.ts'
import { PAGE_PORT, type PageBundle, type PageEvent, type PageOrder } from './page-event.ts'

const SEND_AFTER_MS = 200
const EVENTS_MAX = 256
const RECONNECT_MS = 1_000

export class PageLink {
  readonly #capture = new PageCapture({
    event: (event) => this.#take(event),
    waiting: () => this.#soon(),
    leave: () => this.#send(),
  })
  #port: Browser.runtime.Port | null = null
  #waiting: PageEvent[] = []
  #timer: ReturnType<typeof setTimeout> | null = null

  connect(): void {
    if (this.#port !== null) return
    let port: Browser.runtime.Port
    try {
      port = browser.runtime.connect({ name: PAGE_PORT })
    } catch {
      // The extension was updated or removed under this page: without it nothing is listened to.
      this.#capture.detach()
      return
    }
    this.#port = port
    port.onMessage.addListener((order: PageOrder) => {
      if (order.attach) this.#capture.attach()
      else this.#end()
    })
    port.onDisconnect.addListener(() => {
      this.#port = null
      this.#end()
      setTimeout(() => this.connect(), RECONNECT_MS)
    })
  }

  #take(event: PageEvent): void {
    const last = this.#waiting.at(-1)
    if (event.kind === 'key' && !event.down && last?.kind === 'key' && last.down && last.key === event.key) {
      this.#waiting[this.#waiting.length - 1] = { kind: 'tap', atMs: last.atMs, key: last.key }
      return
    }
    this.#waiting.push(event)
    if (this.#waiting.length >= EVENTS_MAX) this.#send()
    else this.#soon()
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#send(), SEND_AFTER_MS)
  }

  #send(): void {
    this.#capture.settle()
    this.#post()
  }

  #post(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const events = this.#waiting
    this.#waiting = []
    if (events.length === 0) return
    const bundle: PageBundle = { sentAtMs: ORIGIN_MS + performance.now(), events }
    this.#port?.postMessage(bundle)
  }

  #end(): void {
    this.#capture.detach()
    this.#waiting = []
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
