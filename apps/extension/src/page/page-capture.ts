/**
 * The listeners of one frame: what a person does in it → page events, in memory, for as long as a lease lives.
 *
 * They run on the page's own thread, so they do little: they look at what was acted on, and no more. Movement has no listener;
 * `pointerover` says which element the pointer entered, and a timer whether it came to rest there. What scripts do
 * (`isTrusted: false`) isn't seen. Of secret fields nothing is made, neither keys nor clicks.
 */
import type { FieldKind, MouseButton } from '@fairtrace/core'
import { fieldKindOf } from '../dom/field-kind.ts'
import { Places } from '../dom/places.ts'
import { SecretFields } from '../dom/secret-fields.ts'
import { deepActiveElement, deepElementAt, focusedBy, innermost, rootsOn } from '../dom/shadow.ts'
import { keyNameOf } from './key-names.ts'
import type { PageEvent } from './page-event.ts'

/** When this page's clock began, in Unix milliseconds. */
export const ORIGIN_MS = performance.timeOrigin
/** How long the pointer stays on an element before it counts as resting there. */
const REST_MS = 250
/** Pixels of one wheel notch in Chromium, and lines of one in Firefox. */
const NOTCH_PIXELS = 100
const NOTCH_LINES = 3
/** How far a hand slips during a click. */
const SLOP_PX = 3
/** Clicks that belong together where a page keeps the browser from counting them. */
const OWN_CLICK_MS = 500

const BUTTONS: readonly (MouseButton | undefined)[] = ['left', 'middle', 'right']
const CAPTURE = { capture: true, passive: true } as const
const PASSIVE = { passive: true } as const

type Listener = (event: never) => void

export class PageCapture {
  readonly #emit: (event: PageEvent) => void
  /** Something is held back, and waits for `settle`. */
  readonly #onWaiting: () => void
  /** The page is being left. */
  readonly #onLeave: () => void
  readonly #secrets = new SecretFields(document)
  readonly #places = new Places()
  readonly #listeners: readonly (readonly [EventTarget, string, Listener])[]
  /** Shadow trees with listeners of their own: what moves inside one tree isn't heard outside it. */
  #roots = new Set<ShadowRoot>()
  #isAttached = false
  /** Element that has the focus as far as was told, and what kind of field it is. */
  #focused: Element | null | 'unknown' = null
  #field: FieldKind | null = null
  readonly #heldKeys = new Set<string>()
  /** When the pointer entered what it is on. */
  #over: PointerEvent | null = null
  #restTimer: ReturnType<typeof setTimeout> | null = null
  /** A press that the page may have kept from becoming a mouse press. */
  #prevented: PointerEvent | null = null
  #ownClick: { element: EventTarget | null; atMs: number; count: number } | null = null
  #pressed: { element: EventTarget | null; event: MouseEvent } | null = null
  #wheel: {
    target: EventTarget | null
    element: EventTarget | null
    event: WheelEvent
    dx: number
    dy: number
  } | null = null

  constructor(hear: { event(event: PageEvent): void; waiting(): void; leave(): void }) {
    this.#emit = (event) => hear.event(event)
    this.#onWaiting = () => hear.waiting()
    this.#onLeave = () => hear.leave()
    this.#listeners = [
      [window, 'pointerover', this.#onOver],
      [window, 'pointerdown', this.#onPointerDown],
      [window, 'pointerup', this.#onPointerUp],
      [window, 'mousedown', this.#onMouseDown],
      [window, 'mouseup', this.#onMouseUp],
      [window, 'drop', this.#onDrop],
      [window, 'dragend', this.#onDragEnd],
      [window, 'wheel', this.#onWheel],
      [window, 'keydown', this.#onKeyDown],
      [window, 'keyup', this.#onKeyUp],
      [window, 'compositionend', this.#onComposed],
      [window, 'focusin', this.#onFocus],
      [window, 'focusout', this.#onFocus],
      [window, 'focus', this.#onFocus],
      [window, 'blur', this.#onBlur],
      [window, 'pagehide', this.#onLeave],
    ]
  }

  attach(): void {
    if (this.#isAttached) return
    this.#isAttached = true
    for (const [target, type, listener] of this.#listeners) {
      target.addEventListener(type, listener as EventListener, optionsOf(type))
    }
    this.#secrets.notice()
    this.#field = null
    if (document.hasFocus() && !isFrame(document.activeElement)) this.#readFocus(now())
  }

  /** Takes every listener away and forgets what was waiting, unsent. */
  detach(): void {
    if (!this.#isAttached) return
    this.#isAttached = false
    for (const [target, type, listener] of this.#listeners) {
      target.removeEventListener(type, listener as EventListener, optionsOf(type))
    }
    for (const root of this.#roots) this.#listenIn(root, false)
    this.#roots = new Set()
    if (this.#restTimer !== null) clearTimeout(this.#restTimer)
    this.#restTimer = null
    this.#places.forget()
    this.#over = null
    this.#prevented = null
    this.#ownClick = null
    this.#pressed = null
    this.#wheel = null
    this.#focused = null
    this.#field = null
    this.#heldKeys.clear()
  }

  /** Completes what was told so far. Called before events are sent on. */
  settle(): void {
    this.#tellWheel()
    this.#places.settle()
  }

  #tellWheel(): void {
    const wheel = this.#wheel
    this.#wheel = null
    if (wheel === null) return
    const place = this.#placeOf(wheel.element, wheel.event)
    if (place === null) return
    this.#emit({ kind: 'scroll', atMs: timeOf(wheel.event), dx: wheel.dx, dy: wheel.dy, place })
  }

  readonly #onRoot = (root: ShadowRoot): void => {
    this.#secrets.watch(root)
    if (this.#roots.has(root) || !this.#isAttached) return
    this.#roots.add(root)
    this.#listenIn(root, true)
  }

  #listenIn(root: ShadowRoot, isOn: boolean): void {
    const change = isOn ? 'addEventListener' : 'removeEventListener'
    root[change]('pointerover', this.#onOver as EventListener, CAPTURE)
    root[change]('focusin', this.#onFocus as EventListener, CAPTURE)
    root[change]('focusout', this.#onFocus as EventListener, CAPTURE)
  }

  // Pointer

  readonly #onOver = (event: PointerEvent): void => {
    if (!event.isTrusted) return
    this.#over = event
    this.#restTimer ??= setTimeout(this.#onRestTimer, REST_MS)
  }

  readonly #onRestTimer = (): void => {
    this.#restTimer = null
    const over = this.#over
    if (over === null) return
    const leftMs = over.timeStamp + REST_MS - performance.now()
    if (leftMs > 1) {
      this.#restTimer = setTimeout(this.#onRestTimer, leftMs)
      return
    }
    this.#over = null
    if (over.pointerType === 'touch') return
    const { clientX: x, clientY: y } = over
    const element = deepElementAt(x, y, this.#onRoot)
    if (element === null || isFrame(element) || this.#secrets.isSecretTarget(element)) return
    this.#tellWheel()
    this.#emit({ kind: 'rest', atMs: now(), place: this.#places.of(element, x, y) })
  }

  readonly #onPointerDown = (event: PointerEvent): void => {
    if (!event.isTrusted) return
    // Before the page hears of it: it may be the press that shows a password.
    this.#secrets.notice()
    for (const root of rootsOn(event)) this.#onRoot(root)
    this.#prevented = event.pointerType === 'touch' ? null : event
  }

  readonly #onMouseDown = (event: MouseEvent): void => {
    if (!event.isTrusted) return
    this.#prevented = null
    this.#button(event, true, Math.max(1, event.detail))
  }

  readonly #onMouseUp = (event: MouseEvent): void => {
    if (event.isTrusted) this.#button(event, false, 1)
  }

  /** A page that keeps its presses from becoming mouse events (canvases do) also keeps the browser from counting them. */
  readonly #onPointerUp = (event: PointerEvent): void => {
    const press = this.#prevented
    this.#prevented = null
    if (!event.isTrusted || press === null) return
    const last = this.#ownClick
    const element = press.target
    const continues =
      last !== null && last.element === element && press.timeStamp - last.atMs < OWN_CLICK_MS && last.count < 3
    this.#ownClick = { element, atMs: press.timeStamp, count: continues ? last.count + 1 : 1 }
    this.#button(press, true, this.#ownClick.count, element)
    this.#button(event, false, 1)
  }

  /** The browser gives no mouse release at the end of a drag of its own; the page that takes what was dropped hears of it. */
  readonly #onDrop = (event: DragEvent): void => {
    if (event.isTrusted) this.#button(event, false, 1)
  }

  readonly #onDragEnd = (event: DragEvent): void => {
    if (!event.isTrusted) return
    // Released already if it was dropped on something that takes it; the shield ignores a second release.
    const element = deepElementAt(event.clientX, event.clientY, this.#onRoot)
    if (element !== null) this.#button(event, false, 1, element)
  }

  readonly #onWheel = (event: WheelEvent): void => {
    // With ctrl it is a zoom, and a gesture on a touchpad looks the same.
    if (!event.isTrusted || event.ctrlKey) return
    const unit = event.deltaMode === 0 ? NOTCH_PIXELS : event.deltaMode === 1 ? NOTCH_LINES : 1
    const dx = event.deltaX / unit
    const dy = -event.deltaY / unit
    const wheel = this.#wheel
    if (wheel !== null && wheel.target === event.target && wheel.dy * dy >= 0 && wheel.dx * dx >= 0) {
      wheel.dx += dx
      wheel.dy += dy
      return
    }
    this.#tellWheel()
    this.#wheel = { target: event.target, element: innermost(event), event, dx, dy }
    this.#onWaiting()
  }

  #button(event: MouseEvent, down: boolean, clicks: number, element: EventTarget | null = innermost(event)): void {
    const button = BUTTONS[event.button]
    if (button === undefined) return
    this.#tellWheel()
    if (!down && this.#isAtPress(event, element)) this.#emit({ kind: 'release', atMs: timeOf(event), button })
    else {
      const place = this.#placeOf(element, event)
      this.#pressed = down && place !== null ? { element, event } : null
      if (place !== null) this.#emit({ kind: 'button', atMs: timeOf(event), button, down, clicks, place })
    }
    // A press elsewhere ends a rest that was about to count.
    this.#over = null
  }

  /** Whether the button is let go where it was pressed. */
  #isAtPress({ clientX, clientY, button }: MouseEvent, element: EventTarget | null): boolean {
    const pressed = this.#pressed
    if (pressed === null || pressed.element !== element || pressed.event.button !== button) return false
    const { event } = pressed
    return Math.abs(event.clientX - clientX) <= SLOP_PX && Math.abs(event.clientY - clientY) <= SLOP_PX
  }

  #placeOf(element: EventTarget | null, { clientX, clientY }: MouseEvent) {
    if (!(element instanceof Element) || isFrame(element) || this.#secrets.isSecretTarget(element)) return null
    return this.#places.of(element, clientX, clientY)
  }

  // Keyboard

  readonly #onKeyDown = (event: KeyboardEvent): void => {
    if (!event.isTrusted || event.repeat || event.isComposing) return
    const { key } = event
    // Before the page hears of it: these can press a button that shows a password.
    if (key === 'Enter' || key === ' ') this.#secrets.notice()
    if (this.#readFocus(timeOf(event), event) !== null) return
    const name = keyNameOf(key)
    if (name === null) return
    this.#tellWheel()
    this.#heldKeys.add(key)
    this.#emit({ kind: 'key', atMs: timeOf(event), key: name, down: true })
  }

  /** Only of keys that were told when they went down: what goes up in a secret field is nobody's business. */
  readonly #onKeyUp = (event: KeyboardEvent): void => {
    if (!event.isTrusted) return
    const name = keyNameOf(event.key)
    if (name === null || !(this.#heldKeys.delete(event.key) || this.#heldKeys.delete(swapCase(event.key)))) return
    this.#emit({ kind: 'key', atMs: timeOf(event), key: name, down: false })
  }

  /** What an input method or a dead key made: characters like others. */
  readonly #onComposed = (event: CompositionEvent): void => {
    if (!event.isTrusted) return
    const atMs = timeOf(event)
    if (this.#readFocus(atMs) !== null) return
    for (const key of event.data) {
      this.#emit({ kind: 'key', atMs, key, down: true })
      this.#emit({ kind: 'key', atMs, key, down: false })
    }
  }

  // Focus

  readonly #onFocus = (event: FocusEvent): void => {
    // Of a move from one field to another the second half says where to.
    if (!event.isTrusted || (event.type === 'focusout' && event.relatedTarget !== null)) return
    if (event.type === 'focusin') this.#readFocus(timeOf(event), event)
    else this.#readFocus(timeOf(event))
  }

  readonly #onBlur = (event: FocusEvent): void => {
    if (!event.isTrusted || event.target !== window) return
    for (const key of this.#heldKeys) {
      const name = keyNameOf(key)
      if (name !== null) this.#emit({ kind: 'key', atMs: timeOf(event), key: name, down: false })
    }
    this.#heldKeys.clear()
    this.#tellWheel()
    this.#over = null
    this.#field = null
    // A frame inside this one has it now: what happens there, the script in there says.
    if (document.hasFocus()) this.#readFocus(timeOf(event))
    else this.#emit({ kind: 'blur', atMs: timeOf(event) })
  }

  /**
   * Looks where the focus is, and tells it if it is new. Asked at every key: a tree that keeps its events to itself moves it unheard.
   * @returns null where keys may be told, else why not
   */
  #readFocus(atMs: number, event?: Event): FieldKind | null {
    const focused = event === undefined ? deepActiveElement(this.#onRoot) : focusedBy(event, this.#onRoot)
    if (focused === this.#focused && this.#field !== null && focused !== 'unknown') {
      // The same field as before, unless it became a password meanwhile.
      const isStill = focused === null || this.#field === 'secure' || !this.#secrets.isKnownSecret(focused)
      if (isStill) return isKept(this.#field) ? this.#field : null
    }
    const field = fieldKindOf(focused, this.#secrets)
    const isNew = field !== this.#field || (focused !== this.#focused && field !== 'none')
    this.#focused = focused
    if (isNew && document.hasFocus()) {
      this.#field = field
      this.#tellWheel()
      this.#emit({ kind: 'focus', atMs, field })
    }
    return isKept(field) ? field : null
  }
}

/** Everything before the page hears of it; but of the focus of the window only the window's own. */
function optionsOf(type: string): AddEventListenerOptions {
  return type === 'focus' || type === 'blur' ? PASSIVE : CAPTURE
}

/** Fields of which no key is told. */
function isKept(field: FieldKind): boolean {
  return field === 'secure' || field === 'unknown'
}

/** In Unix milliseconds, by the clock that no page can set. */
function timeOf(event: Event): number {
  return ORIGIN_MS + event.timeStamp
}

function now(): number {
  return ORIGIN_MS + performance.now()
}

function isFrame(element: EventTarget | null): boolean {
  return element instanceof HTMLIFrameElement || element instanceof HTMLFrameElement
}

function swapCase(key: string): string {
  const lower = key.toLowerCase()
  return lower === key ? key.toUpperCase() : lower
}
