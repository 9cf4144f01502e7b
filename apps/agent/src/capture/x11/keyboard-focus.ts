/**
 * Which window gets the keys, in the order of the keys.
 *
 * The server sends `FocusOut` of a window and raw keys on one connection, in the order in which it decided them. So a key
 * before it went into the window, and a key after it did not: between two windows nothing is ever guessed. A window
 * that we don't listen to yet counts only from the moment when we do and it still has the focus.
 */
import type { XEvent } from 'x11'
import type { XConnection } from './connection.ts'
import type { AppWindow, Windows } from './windows.ts'

const FOCUS_CHANGE = 1 << 21
const STRUCTURE_NOTIFY = 1 << 17
const PROPERTY_CHANGE = 1 << 22
/** Focus going to a window inside, or lying where the pointer is: the window's keys stay its own. */
const INFERIOR = 2
const POINTER = 5
const GRAB = 1
const UNGRAB = 2

export interface FocusListener {
  /** Keys go elsewhere, or nobody knows where: a menu, a locker or a password prompt may have grabbed the keyboard. */
  lost(): void
  gained(window: AppWindow): void
}

export class KeyboardFocus {
  readonly #x: XConnection
  readonly #windows: Windows
  readonly #listener: FocusListener
  readonly #properties: ReadonlySet<number>
  #window: number | null = null
  #selected: number | null = null
  #isGrabbed = false
  #generation = 0

  private constructor(x: XConnection, windows: Windows, properties: ReadonlySet<number>, listener: FocusListener) {
    this.#x = x
    this.#windows = windows
    this.#properties = properties
    this.#listener = listener
  }

  static async open(x: XConnection, windows: Windows, listener: FocusListener): Promise<KeyboardFocus> {
    const properties = await Promise.all(['_NET_ACTIVE_WINDOW', '_NET_CLIENT_LIST'].map((name) => x.atom(name)))
    const focus = new KeyboardFocus(x, windows, new Set(properties), listener)
    await x.selectCore(x.root, PROPERTY_CHANGE | FOCUS_CHANGE)
    await focus.#settle()
    return focus
  }

  event(event: XEvent): void {
    switch (event.name) {
      case 'FocusOut':
        if (event.detail === INFERIOR || event.detail === POINTER) return
        if (event.mode === GRAB) this.#isGrabbed = true
        if (event.wid === this.#window) this.#lose()
        this.#search()
        return
      case 'FocusIn':
        if (event.mode === UNGRAB) this.#isGrabbed = false
        if (event.detail !== INFERIOR && event.detail !== POINTER) this.#search()
        return
      case 'PropertyNotify':
        if (event.wid !== this.#x.root || !this.#properties.has(event.atom ?? 0)) return
        this.#windows.forget()
        this.#search()
        return
      default:
        return
    }
  }

  #lose(): void {
    this.#window = null
    this.#listener.lost()
  }

  #search(): void {
    // A window that goes away while it is asked about: its going is an event of its own, which asks again.
    this.#settle().catch(() => undefined)
  }

  async #settle(): Promise<void> {
    const generation = ++this.#generation
    const found = await this.#focused()
    if (generation !== this.#generation || found?.id === this.#window) return
    if (this.#window !== null) this.#lose()
    if (found === null || this.#isGrabbed) return
    if (this.#selected !== null && this.#selected !== found.id) {
      await this.#x.selectCore(this.#selected, 0).catch(() => undefined)
    }
    this.#selected = found.id
    await this.#x.selectCore(found.id, FOCUS_CHANGE | STRUCTURE_NOTIFY)
    // Only now would we hear of its end: it counts if it has the focus still.
    const still = await this.#focused()
    if (generation !== this.#generation || still?.id !== found.id || this.#isGrabbed) return
    this.#window = found.id
    this.#listener.gained(found)
  }

  async #focused(): Promise<AppWindow | null> {
    const { focus } = await this.#x.ask<{ readonly focus: number }>((client, callback) =>
      client.GetInputFocus(callback),
    )
    // 0 is none, 1 whatever lies under the pointer.
    if (focus <= 1 || focus === this.#x.root) return null
    return this.#windows.known(focus) ?? this.#windows.above(focus)
  }
}
