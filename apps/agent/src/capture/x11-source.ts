/**
 * The source of a desktop on X11. Attached, it holds a connection to the display and to the accessibility bus; detached, none.
 *
 * Whatever breaks is told at once, what was held is dropped with a `gap`, and the source tries again until it sees.
 */
import type { InputEvent } from '@fairtrace/core'
import type { InputSource, SourceProblem } from '@fairtrace/device'
import { AccessibilitySight } from './accessibility/sight.ts'
import { Problems } from './problems.ts'
import { watchSleep } from './sleep.ts'
import { XConnection } from './x11/connection.ts'
import { X11Session } from './x11/x11-session.ts'

/** Between two tries to see again, doubled up to the second. */
const RETRY_MS = { first: 250, most: 8_000 } as const

export interface X11SourceOptions {
  /** As in `DISPLAY`. */
  readonly display: string
  readonly wallMs: () => number
  /** Milliseconds that only grow. */
  readonly nowMs: () => number
}

export class X11Source implements InputSource {
  readonly #options: X11SourceOptions
  readonly #problems = new Problems()
  #attachment: Attachment | null = null

  constructor(options: X11SourceOptions) {
    this.#options = options
  }

  /** Resolves when input is seen, or when it is known that it isn't: then a problem says why, and it is tried on. */
  async attach(emit: (event: InputEvent) => void): Promise<void> {
    await this.detach()
    const attachment = new Attachment(this.#options, this.#problems, emit)
    this.#attachment = attachment
    await attachment.start()
  }

  async detach(): Promise<void> {
    const attachment = this.#attachment
    this.#attachment = null
    await attachment?.stop()
  }

  onProblem(listener: (problem: SourceProblem | null) => void): void {
    this.#problems.onProblem(listener)
  }

  close(): Promise<void> {
    return this.detach()
  }

  /** Input that the display says is selected here: for `doctor`, and for a test. */
  async selected(): Promise<readonly { readonly device: number; readonly mask: number }[]> {
    return (await this.#attachment?.open?.session.selected()) ?? []
  }

  /** Bytes that the display has sent since it was attached. */
  get bytesRead(): number {
    return this.#attachment?.open?.x.bytesRead ?? 0
  }
}

/** What is open while it sees. */
interface Open {
  readonly x: XConnection
  readonly session: X11Session
  readonly sight: AccessibilitySight
}

class Attachment {
  readonly #options: X11SourceOptions
  readonly #problems: Problems
  readonly #emit: (event: InputEvent) => void
  #open: Open | null = null
  #stopSleep: (() => Promise<void>) | null = null
  #isStopped = false
  #isAsleep = false
  /** Counts tries: what an old one finds out is news no more. */
  #try = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: X11SourceOptions, problems: Problems, emit: (event: InputEvent) => void) {
    this.#options = options
    this.#problems = problems
    this.#emit = (event) => {
      if (!this.#isStopped) emit(event)
    }
  }

  get open(): Open | null {
    return this.#open
  }

  async start(): Promise<void> {
    this.#stopSleep = await watchSleep((isAsleep) => {
      this.#isAsleep = isAsleep
      if (isAsleep) this.#lose('suspended')
      else this.#again(0, RETRY_MS.first)
    })
    await this.#see(RETRY_MS.first)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#try++
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#close()
    await this.#stopSleep?.()
    // Nothing is wrong with a source that is not to see.
    this.#problems.clear()
  }

  /** Opens all that it takes, or says what is missing and tries again. */
  async #see(retryMs: number): Promise<void> {
    if (this.#isStopped || this.#isAsleep || this.#open !== null) return
    const attempt = ++this.#try
    const isOld = () => attempt !== this.#try
    const lost = (why: SourceProblem) => {
      if (isOld()) return
      this.#lose(why)
      this.#again(RETRY_MS.first, RETRY_MS.first * 2)
    }
    const { display, wallMs, nowMs } = this.#options
    let sight: AccessibilitySight | null = null
    let x: XConnection | null = null
    try {
      // The display first: without it accessibility goes too, and isn't what to look after.
      x = await XConnection.open(display)
      x.onLost(() => lost('display-lost'))
      sight = await AccessibilitySight.open(nowMs, () => lost('accessibility-missing'))
      const session = await X11Session.open({ x, sight, emit: this.#emit, wallMs, nowMs, onBroken: lost })
      if (isOld()) throw new Error('it was given up meanwhile')
      this.#open = { x, session, sight }
      this.#problems.clear()
    } catch (cause) {
      x?.close()
      await sight?.close()
      if (isOld()) return
      if (x === null && isRefusal(cause)) this.#problems.only('permission-missing')
      else this.#problems.only(x !== null && sight === null ? 'accessibility-missing' : 'display-lost')
      this.#again(retryMs, Math.min(retryMs * 2, RETRY_MS.most))
    }
  }

  /** What was seen is at its end; what was held goes. */
  #lose(why: SourceProblem): void {
    if (this.#isStopped) return
    this.#try++
    this.#problems.only(why)
    if (this.#open === null) return
    this.#emit({ kind: 'gap', atMs: this.#options.wallMs() })
    // What is lost already needs no goodbye.
    this.#close().catch(() => undefined)
  }

  async #close(): Promise<void> {
    const open = this.#open
    this.#open = null
    open?.session.close()
    open?.x.close()
    await open?.sight.close()
  }

  #again(ms: number, nextMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      // It handles its own failures and tries again.
      void this.#see(nextMs)
    }, ms)
  }
}

/** The server's words for somebody whom it doesn't let in. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof Error && /authori[sz]|no protocol specified/i.test(cause.message)
}
