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
    return (await this.#attachment?.session?.selected()) ?? []
  }

  /** Bytes that the display has sent since it was attached. */
  get bytesRead(): number {
    return this.#attachment?.x?.bytesRead ?? 0
  }
}

class Attachment {
  session: X11Session | null = null
  x: XConnection | null = null
  readonly #options: X11SourceOptions
  readonly #problems: Problems
  readonly #emit: (event: InputEvent) => void
  #sight: AccessibilitySight | null = null
  #stopSleep: (() => Promise<void>) | null = null
  #isStopped = false
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(options: X11SourceOptions, problems: Problems, emit: (event: InputEvent) => void) {
    this.#options = options
    this.#problems = problems
    this.#emit = (event) => {
      if (!this.#isStopped) emit(event)
    }
  }

  async start(): Promise<void> {
    this.#stopSleep = await watchSleep((isAsleep) => {
      if (isAsleep) this.#break('suspended')
      else this.#later(0, () => this.#openDisplay(RETRY_MS.first))
    })
    await this.#openSight(RETRY_MS.first)
    await this.#openDisplay(RETRY_MS.first)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    await this.session?.close()
    this.x?.close()
    await this.#sight?.close()
    await this.#stopSleep?.()
    // Nothing is wrong with a source that is not to see.
    this.#problems.remove(
      'display-lost',
      'hook-dead',
      'suspended',
      'screen-changed',
      'accessibility-missing',
      'permission-missing',
    )
  }

  async #openDisplay(retryMs: number): Promise<void> {
    if (this.#isStopped || this.session !== null) return
    const { display, wallMs, nowMs } = this.#options
    let x: XConnection | null = null
    try {
      x = await XConnection.open(display)
      const opened = x
      this.x = opened
      opened.onLost(() => {
        if (this.x === opened) this.#again('display-lost')
      })
      const session = await X11Session.open(
        { x: opened, emit: this.#emit, wallMs, nowMs, onBroken: (why) => this.#again(why) },
        this.#sight,
      )
      if (this.#isStopped || this.x !== opened) {
        await session.close()
        return
      }
      this.session = session
      this.#problems.remove('display-lost', 'hook-dead', 'suspended', 'screen-changed', 'permission-missing')
    } catch (cause) {
      if (this.x === x) this.x = null
      x?.close()
      const isRefused = cause instanceof Error && /authori|no protocol specified|not authorized/i.test(cause.message)
      this.#problems.add(isRefused ? 'permission-missing' : 'display-lost')
      this.#later(retryMs, () => this.#openDisplay(Math.min(retryMs * 2, RETRY_MS.most)))
    }
  }

  async #openSight(retryMs: number): Promise<void> {
    if (this.#isStopped) return
    let opened: AccessibilitySight | null = null
    try {
      const sight = await AccessibilitySight.open(this.#options.nowMs, () => {
        if (this.#sight === opened) this.#loseSight()
      })
      opened = sight
      if (this.#isStopped) {
        await sight.close()
        return
      }
      this.#sight = sight
      this.#problems.remove('accessibility-missing')
      this.session?.see(sight)
    } catch {
      // No text is taken meanwhile: without accessibility every field is unknown.
      this.#problems.add('accessibility-missing')
      this.#later(retryMs, () => this.#openSight(Math.min(retryMs * 2, RETRY_MS.most)))
    }
  }

  #loseSight(): void {
    const sight = this.#sight
    this.#sight = null
    this.#problems.add('accessibility-missing')
    this.session?.see(null)
    sight?.close().catch(() => undefined)
    this.#later(RETRY_MS.first, () => this.#openSight(RETRY_MS.first * 2))
  }

  /** Sight of the display was lost: what is held goes, and it is tried again. */
  #again(why: SourceProblem): void {
    this.#break(why)
    this.#later(RETRY_MS.first, () => this.#openDisplay(RETRY_MS.first * 2))
  }

  #break(why: SourceProblem): void {
    if (this.#isStopped) return
    this.#problems.add(why)
    const { session, x } = this
    this.session = null
    this.x = null
    if (session === null && x === null) return
    this.#emit({ kind: 'gap', atMs: this.#options.wallMs() })
    session?.close().catch(() => undefined)
    x?.close()
  }

  #later(ms: number, work: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      // Each of them handles its own failure and tries again.
      work().catch(() => undefined)
    }, ms)
    this.#timers.add(timer)
  }
}
