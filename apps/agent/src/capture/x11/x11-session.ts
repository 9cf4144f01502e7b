/** One attachment to one X server: from its events to input events that wait in the queue. Ends with the connection. */
import type { InputEvent, MouseButton, Place } from '@fairtrace/core'
import type { XEvent } from 'x11'
import type { AccessibilitySight } from '../accessibility/sight.ts'
import { UNLISTED_APP } from '../app-name.ts'
import { ClickCounter } from '../click-counter.ts'
import { FocusStay } from '../focus-stay.ts'
import { HoldQueue, type SeenPlace } from '../hold-queue.ts'
import { type ClickSettings, readClickSettings } from './click-settings.ts'
import type { XConnection } from './connection.ts'
import { KeyboardFocus } from './keyboard-focus.ts'
import { Pointer, type PointerAt } from './pointer.ts'
import { PointerRest } from './pointer-rest.ts'
import { openRawInput, type RawInput, type RawInputSelection } from './raw-input.ts'
import { Typing } from './typing.ts'
import { type AppWindow, Windows } from './windows.ts'

const BUTTONS: ReadonlyMap<number, MouseButton> = new Map([
  [1, 'left'],
  [2, 'middle'],
  [3, 'right'],
])
/** Notches of the wheel's buttons: content to the right is `dx` > 0, towards the start `dy` > 0. */
const WHEEL: ReadonlyMap<number, readonly [number, number]> = new Map([
  [4, [0, 1]],
  [5, [0, -1]],
  [6, [-1, 0]],
  [7, [1, 0]],
])
/** A release this near to its press was at the same place. */
const SAME_PX = 5
const SCREEN_CHANGE_NOTIFY = 1

export interface X11SessionOptions {
  readonly x: XConnection
  readonly sight: AccessibilitySight
  readonly emit: (event: InputEvent) => void
  readonly wallMs: () => number
  /** Milliseconds that only grow. */
  readonly nowMs: () => number
  /** The server has stopped to send input, or the screens have changed: this session is over. */
  readonly onBroken: (why: 'hook-dead' | 'screen-changed') => void
}

interface Press {
  readonly at: Promise<PointerAt>
  /** The server has answered where it was. */
  isAnswered: boolean
  seen: SeenPlace | null
}

export class X11Session {
  readonly #options: X11SessionOptions
  readonly #queue: HoldQueue
  readonly #windows: Windows
  readonly #pointer: Pointer
  readonly #clicks = new ClickCounter()
  readonly #presses = new Map<MouseButton, Press>()
  #clickSettings: ClickSettings = { timeMs: 400, distancePx: 5 }
  #typing: Typing | null = null
  #focus: KeyboardFocus | null = null
  #rest: PointerRest | null = null
  #raw: RawInputSelection | null = null
  #screenChange = -1
  readonly #sight: AccessibilitySight
  #window: AppWindow | null = null
  /** Where the pointer lay when it was last looked at, and whether a button was seen since. */
  #lastRest: { readonly x: number; readonly y: number } | null = null
  #hasClicked = false

  private constructor(options: X11SessionOptions) {
    this.#options = options
    this.#sight = options.sight
    this.#windows = new Windows(options.x)
    this.#pointer = new Pointer(options.x, this.#windows)
    this.#queue = new HoldQueue({
      emit: options.emit,
      wallMs: options.wallMs,
      nowMs: options.nowMs,
      setTimer: (work, ms) => {
        const timer = setTimeout(work, ms)
        return { clear: () => clearTimeout(timer) }
      },
    })
  }

  /** @throws if the display lacks what is needed, or goes away meanwhile */
  static async open(options: X11SessionOptions): Promise<X11Session> {
    const session = new X11Session(options)
    await session.#open()
    return session
  }

  /** What the server says that this session has selected. */
  async selected(): Promise<readonly { readonly device: number; readonly mask: number }[]> {
    return (await this.#raw?.selected()) ?? []
  }

  /** Nothing that was held is emitted any more. */
  close(): void {
    this.#queue.clear()
    this.#sight.leave()
    this.#options.x.close()
  }

  async #open(): Promise<void> {
    const { x } = this.#options
    const randr = await x.extension('randr')
    randr.SelectInput(x.root, SCREEN_CHANGE_NOTIFY)
    this.#screenChange = randr.firstEvent
    this.#clickSettings = await readClickSettings(x)
    this.#typing = await Typing.open(x)
    this.#raw = await openRawInput(x, (input) => this.#input(input))
    x.onEvent((event) => this.#event(event))
    this.#focus = await KeyboardFocus.open(x, this.#windows, {
      lost: () => {
        this.#window = null
        this.#pointer.focused = null
        this.#sight.leave()
        this.#queue.enter(null)
      },
      gained: (window) => {
        this.#window = window
        this.#pointer.focused = window
        this.#enter(window)
      },
    })
    this.#raw.select(true)
    this.#rest = await PointerRest.open(x)
    if (!(await this.#raw.stands())) throw new Error('the display does not send input')
  }

  #enter(window: AppWindow): void {
    // Nobody asks a browser, or a program without a name, what it shows.
    const isUnlisted = window.app === UNLISTED_APP
    if (isUnlisted) this.#sight.leave()
    const stay = isUnlisted ? null : this.#sight.enter(window, this.#queue)
    this.#queue.enter(stay ?? unknownStay(window))
  }

  #event(event: XEvent): void {
    switch (event.name) {
      case 'AlarmNotify':
        if (event.alarm === this.#rest?.alarm) this.#rested()
        return
      case 'ConfigureNotify':
        this.#pointer.forgetSize()
        this.#sight.moved()
        return
      case 'XkbStateNotify':
        this.#typing?.event(event)
        this.#queue.modifiers(this.#typing?.modifiers ?? [], this.#options.wallMs())
        return
      case 'XkbEvent':
        this.#typing?.event(event)
        return
      case 'FocusIn':
      case 'FocusOut':
        this.#focus?.event(event)
        return
      case 'PropertyNotify':
        this.#focus?.event(event)
        return
      default:
        if (event.type === this.#screenChange) this.#options.onBroken('screen-changed')
    }
  }

  #input({ type, detail, serverMs }: RawInput): void {
    switch (type) {
      case 'key':
        this.#key(detail)
        return
      case 'button-down':
      case 'button-up': {
        this.#hasClicked = true
        const isDown = type === 'button-down'
        const button = BUTTONS.get(detail)
        const wheel = WHEEL.get(detail)
        if (button !== undefined && isDown) this.#press(button, serverMs)
        else if (button !== undefined) this.#release(button)
        else if (wheel !== undefined && isDown) this.#scroll(wheel[0], wheel[1])
      }
    }
  }

  #key(code: number): void {
    const typing = this.#typing
    if (typing === null) return
    const { modifiers } = typing
    const key = typing.press(code)
    if (key !== null) this.#queue.key(key, this.#options.wallMs(), modifiers)
  }

  #press(button: MouseButton, serverMs: number): void {
    const atMs = this.#options.wallMs()
    let clicks = 1
    const slot = this.#queue.pointer((place) => ({ kind: 'button', atMs, button, down: true, clicks, place }))
    const at = this.#pointer.now()
    const press: Press = { at, isAnswered: false, seen: null }
    this.#presses.set(button, press)
    this.#see(at, (seen) => {
      press.seen = seen
      slot(seen)
    })
    // Positions are answered in the order of the presses.
    at.then(
      ({ rootX, rootY }) => {
        press.isAnswered = true
        clicks = this.#clicks.press(button, { atMs: serverMs, x: rootX, y: rootY }, this.#clickSettings)
      },
      () => undefined,
    )
  }

  #release(button: MouseButton): void {
    const atMs = this.#options.wallMs()
    const slot = this.#queue.pointer((place) => ({ kind: 'button', atMs, button, down: false, clicks: 1, place }))
    const press = this.#presses.get(button)
    this.#presses.delete(button)
    // A release that overtakes the answer about its press was where the answer says.
    const at = press !== undefined && !press.isAnswered ? press.at : this.#pointer.now()
    const settle = async (): Promise<void> => {
      const [before, after] = [press === undefined ? null : await press.at, await at]
      if (press === undefined || before === null || !isNear(before, after)) this.#see(at, slot)
      // What was under the press is what was clicked, whatever the press made of it.
      else if (press.seen !== null) slot(press.seen)
      else this.#see(press.at, slot)
    }
    // A display that doesn't answer is going away, and this session with it.
    settle().catch(() => slot(press?.seen ?? null))
  }

  #scroll(dx: number, dy: number): void {
    const atMs = this.#options.wallMs()
    const slot = this.#queue.pointer((place) => ({ kind: 'scroll', atMs, dx, dy, place }))
    this.#see(this.#pointer.now(), (seen) => {
      slot(seen)
      this.#sight.moved()
    })
  }

  /** The pointer came to rest: on what? */
  #rested(): void {
    const atMs = this.#options.wallMs()
    const slot = this.#queue.pointer((place: Place) => ({ kind: 'rest', atMs, place }))
    const at = this.#pointer.now()
    const hasClicked = this.#hasClicked
    this.#hasClicked = false
    at.then(
      (pointer) => {
        const { rootX: x, rootY: y, window } = pointer
        const isWhereItWas = this.#lastRest?.x === x && this.#lastRest.y === y
        this.#lastRest = { x, y }
        if (isWhereItWas) {
          slot(null)
          // It did something, but neither moved nor clicked, as far as we were told.
          if (!hasClicked) this.#checkHook()
        } else if (window === null || window.app !== this.#window?.app) {
          // Passing over another app's window is nothing that was done in it.
          slot(null)
        } else this.#see(at, slot)
      },
      () => slot(null),
    )
  }

  #checkHook(): void {
    this.#raw?.stands().then(
      (stands) => {
        if (!stands) this.#options.onBroken('hook-dead')
      },
      // The display went away: whoever holds the connection hears of it.
      () => undefined,
    )
  }

  /** Says where the pointer was, with the element there if its app tells in time. */
  #see(at: Promise<PointerAt>, slot: (seen: SeenPlace | null) => void): void {
    const look = async (): Promise<SeenPlace | null> => {
      const { window, place } = await at
      if (window === null || window.app === UNLISTED_APP) return { app: UNLISTED_APP, place }
      const element = await this.#sight.elementAt(window, await at)
      if (element.is === 'secure') return null
      return { app: window.app, place: element.is === 'target' ? { ...place, target: element.target } : place }
    }
    look().then(slot, () => slot(null))
  }
}

function unknownStay({ app, id }: AppWindow): FocusStay {
  const stay = new FocusStay(app, `window ${id}`)
  stay.condemn()
  return stay
}

function isNear(a: PointerAt, b: PointerAt): boolean {
  return (
    Math.abs(a.rootX - b.rootX) <= SAME_PX && Math.abs(a.rootY - b.rootY) <= SAME_PX && a.window?.id === b.window?.id
  )
}
