/**
 * The source of the extension: what the scripts in the pages saw, as one stream of input events in the order of time.
 *
 * A page never says which app it is: the browser does, by the origin that the message comes from. Only a frame of a chosen site, in a
 * tab whose own page is of a chosen site, is listened to. Everything waits in this worker's memory for a moment, because each frame
 * sends bundles of its own; what waits when the source is detached is dropped.
 */
import type { AppId, FieldKind, InputEvent, Place } from '@fairtrace/core'
import type { InputSource, SourceProblem } from '@fairtrace/device/portable'
import type { Browser } from 'wxt/browser'
import type { PageBundle, PageEvent, PageOrder } from '../page/page-event.ts'

/** A frame's bundle is at most this old when it comes. */
const HOLD_MS = 300
/** Between two pages of one site nothing has the focus for a moment; that is no change of app. */
const ELSEWHERE_MS = 700
/** No app of any charter: whatever is done there is dropped. */
const ELSEWHERE: AppId = 'web:elsewhere'
const CLOCK_STOOD_MS = 1_000
/** Events that wait at most; more is no person. */
const WAITING_MAX = 10_000

type Port = Browser.runtime.Port

interface Page {
  readonly port: Port
  readonly app: AppId
  readonly tabId: number
  field: FieldKind
  /** Where a button was pressed that is still down. */
  pressed: Place | null
  /** What to add to the page's clock to get the worker's. */
  aheadMs: number
  lastAtMs: number
}

interface Waiting {
  readonly page: Page
  readonly event: PageEvent
  readonly atMs: number
}

export interface PageSourceOptions {
  /** Apps whose pages may be listened to, as the person chose. */
  readonly apps: () => ReadonlySet<AppId>
  readonly nowMs: () => number
  /** Tabs that are listened to, whenever that changes. */
  readonly onTabs: (tabIds: ReadonlySet<number>) => void
}

export class PageSource implements InputSource {
  readonly #options: PageSourceOptions
  readonly #pages = new Map<Port, Page>()
  #emit: ((event: InputEvent) => void) | null = null
  #waiting: Waiting[] = []
  #timer: ReturnType<typeof setTimeout> | null = null
  /** The page that has the focus, as far as pages say. */
  #holder: Page | null = null
  #app: AppId | null = null
  #elsewhere: ReturnType<typeof setTimeout> | null = null
  #onProblem: (problem: SourceProblem | null) => void = () => undefined

  constructor(options: PageSourceOptions) {
    this.#options = options
  }

  /** Pages are open that could be listened to. */
  get hasPages(): boolean {
    return this.#pages.size > 0
  }

  /** Takes the port of a page, or closes it: the default is to refuse. */
  accept(port: Port): void {
    const page = this.#pageOf(port)
    if (page === null) {
      port.disconnect()
      return
    }
    this.#pages.set(port, page)
    port.onMessage.addListener((bundle: PageBundle) => this.#take(page, bundle))
    port.onDisconnect.addListener(() => this.#lose(page))
    if (this.#emit !== null) this.#order(page, true)
    this.#tellTabs()
  }

  /** The choice changed: pages that are no longer in it are let go. */
  recheck(): void {
    for (const page of this.#pages.values()) {
      if (this.#options.apps().has(page.app)) continue
      this.#order(page, false)
      page.port.disconnect()
      this.#lose(page)
    }
  }

  /** The browser gives no access to the chosen sites, or gives it again. */
  setProblem(problem: SourceProblem | null): void {
    this.#onProblem(problem)
  }

  async attach(emit: (event: InputEvent) => void): Promise<void> {
    this.#emit = emit
    this.#app = null
    this.#holder = null
    for (const page of this.#pages.values()) this.#order(page, true)
    this.#tellTabs()
  }

  async detach(): Promise<void> {
    this.#emit = null
    this.#waiting = []
    for (const timer of [this.#timer, this.#elsewhere]) if (timer !== null) clearTimeout(timer)
    this.#timer = null
    this.#elsewhere = null
    for (const page of this.#pages.values()) this.#order(page, false)
    this.#tellTabs()
  }

  onProblem(listener: (problem: SourceProblem | null) => void): void {
    this.#onProblem = listener
  }

  async close(): Promise<void> {
    await this.detach()
    for (const { port } of this.#pages.values()) port.disconnect()
    this.#pages.clear()
  }

  #pageOf(port: Port): Page | null {
    const { tab, url, origin, frameId } = port.sender ?? {}
    // The manifest keeps private windows out already; asked again, because it matters.
    if (tab?.id === undefined || tab.incognito !== false) return null
    const apps = this.#options.apps()
    const app = appOf(origin ?? originOf(url))
    if (app === null || !apps.has(app)) return null
    // A frame inside a page that isn't chosen is part of that page. Its address shows only if we may see it.
    const around = frameId === 0 ? app : appOf(originOf(tab.url))
    if (around === null || !apps.has(around)) return null
    return { port, app, tabId: tab.id, field: 'unknown', pressed: null, aheadMs: Number.POSITIVE_INFINITY, lastAtMs: 0 }
  }

  #take(page: Page, { sentAtMs, events }: PageBundle): void {
    if (this.#emit === null || !this.#pages.has(page.port)) return
    // A page's clock stands still while the machine sleeps: what counts is how long ago something was. The shortest way that a
    // bundle took tells best; more than a second longer is a clock that stood still.
    const aheadMs = this.#options.nowMs() - sentAtMs
    if (aheadMs < page.aheadMs || aheadMs > page.aheadMs + CLOCK_STOOD_MS) page.aheadMs = aheadMs
    for (const event of events) {
      if (this.#waiting.length >= WAITING_MAX) break
      // What one page tells stays in its order, whatever its clock does.
      page.lastAtMs = Math.max(page.lastAtMs, event.atMs + page.aheadMs)
      this.#waiting.push({ page, event, atMs: page.lastAtMs })
    }
    this.#timer ??= setTimeout(() => this.#drain(), HOLD_MS)
  }

  #drain(): void {
    this.#timer = null
    const untilMs = this.#options.nowMs() - HOLD_MS + 50
    this.#waiting.sort((a, b) => a.atMs - b.atMs)
    const later = this.#waiting.findIndex(({ atMs }) => atMs > untilMs)
    const due = this.#waiting.splice(0, later === -1 ? this.#waiting.length : later)
    for (const { page, event, atMs } of due) this.#pass(page, event, atMs)
    if (this.#waiting.length > 0 && this.#emit !== null) this.#timer = setTimeout(() => this.#drain(), HOLD_MS / 2)
  }

  #pass(page: Page, event: PageEvent, atMs: number): void {
    switch (event.kind) {
      case 'focus':
        page.field = event.field
        this.#focus(page, atMs)
        return
      case 'blur':
        if (this.#holder !== page) return
        page.field = 'none'
        this.#focus(page, atMs)
        this.#leave()
        return
      case 'key':
        if (this.#holder !== page) this.#focus(page, atMs)
        this.#emit?.({ ...event, atMs })
        return
      case 'tap':
        if (this.#holder !== page) this.#focus(page, atMs)
        for (const down of [true, false]) this.#emit?.({ kind: 'key', atMs, key: event.key, down })
        return
      case 'release':
        if (page.pressed === null) return
        this.#pass(
          page,
          { kind: 'button', atMs, button: event.button, down: false, clicks: 1, place: page.pressed },
          atMs,
        )
        return
      case 'button':
        page.pressed = event.down ? event.place : null
        // The press that brings a page to the front comes before its focus.
        if (this.#app !== page.app && event.down) this.#focus(page, atMs)
        if (this.#app === page.app) this.#emit?.({ ...event, atMs })
        return
      case 'scroll':
      case 'rest':
        if (this.#app === page.app) this.#emit?.({ ...event, atMs })
        return
    }
  }

  #focus(page: Page, atMs: number): void {
    if (this.#elsewhere !== null) clearTimeout(this.#elsewhere)
    this.#elsewhere = null
    this.#holder = page
    this.#app = page.app
    this.#emit?.({ kind: 'focus', atMs, app: page.app, field: page.field })
  }

  #lose(page: Page): void {
    if (!this.#pages.delete(page.port)) return
    if (this.#holder === page) this.#leave()
    this.#tellTabs()
  }

  #leave(): void {
    if (this.#elsewhere !== null) clearTimeout(this.#elsewhere)
    this.#elsewhere = setTimeout(() => {
      this.#elsewhere = null
      this.#holder = null
      this.#app = ELSEWHERE
      this.#emit?.({ kind: 'focus', atMs: this.#options.nowMs(), app: ELSEWHERE, field: 'none' })
    }, ELSEWHERE_MS)
  }

  #order({ port }: Page, attach: boolean): void {
    const order: PageOrder = { attach }
    try {
      port.postMessage(order)
    } catch {
      // The page is gone; its disconnection is on its way.
    }
  }

  #tellTabs(): void {
    const isOn = this.#emit !== null
    this.#options.onTabs(new Set(isOn ? [...this.#pages.values()].map(({ tabId }) => tabId) : []))
  }
}

function originOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).origin : undefined
}

function appOf(origin: string | undefined): AppId | null {
  return origin === undefined || origin === 'null' ? null : `web:${origin}`
}
