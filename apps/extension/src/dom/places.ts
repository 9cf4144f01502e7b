/**
 * Where things are in the window's content, in frames too, without making the page lay itself out for it.
 *
 * Measuring at the moment of a click would force a layout in the middle of the page's own work. So it is done right after the next
 * frame, when the browser has laid everything out anyway. Until then the place has no target.
 */
import type { Box, Place, SeenTarget } from '@fairtrace/core'
import { describeElement } from './describe-element.ts'

type Unmeasured = { -readonly [Key in keyof Place]: Place[Key] }

/** A target that was acted on since the last `settle`. */
interface Acted {
  readonly role: string
  readonly label: string | undefined
  readonly places: Unmeasured[]
  box: Box | null
}

interface Offset {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export class Places {
  /** Each is looked at once between two calls of `settle`, a fifth of a second at most. */
  readonly #acted = new Map<Element, Acted>()
  readonly #unmeasured = new Map<Element, Acted[]>()
  #offset: Offset | null = null
  /** The frame after which things are measured. */
  #frame: number | null = null

  /** @param x,y in this frame's viewport. The target comes with its box: after the next frame, or with `settle`. */
  of(element: Element, x: number, y: number): Place {
    this.#offset ??= frameOffset()
    const { x: dx, y: dy, width, height } = this.#offset
    const place: Unmeasured = { x: x + dx, y: y + dy, width, height }
    const acted = this.#acted.get(element) ?? this.#look(element)
    acted.places.push(place)
    if (acted.box !== null) complete(acted)
    return place
  }

  /** Completes every place that was given out. One whose element is gone stays without a target: its cell is known. */
  settle(): void {
    this.#measure()
    this.forget()
  }

  forget(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame)
    this.#frame = null
    this.#unmeasured.clear()
    this.#acted.clear()
    this.#offset = null
  }

  #look(element: Element): Acted {
    const { role, label, element: meant } = describeElement(element)
    const acted: Acted = { role, label, places: [], box: null }
    this.#acted.set(element, acted)
    const waiting = this.#unmeasured.get(meant)
    if (waiting === undefined) this.#unmeasured.set(meant, [acted])
    else waiting.push(acted)
    this.#frame ??= requestAnimationFrame(this.#onFrame)
    return acted
  }

  /** Called before the frame is laid out; what is set now runs after it. */
  readonly #onFrame = (): void => {
    this.#frame = null
    setTimeout(this.#measure, 0)
  }

  readonly #measure = (): void => {
    for (const [element, all] of this.#unmeasured) this.#measured(all, element.getBoundingClientRect())
    this.#unmeasured.clear()
  }

  #measured(all: readonly Acted[], { left, top, width, height }: DOMRectReadOnly): void {
    // Removed before anybody measured it.
    if (width === 0 && height === 0) return
    this.#offset ??= frameOffset()
    const { x, y } = this.#offset
    for (const acted of all) {
      acted.box = { x: left + x, y: top + y, width, height }
      complete(acted)
    }
  }
}

function complete({ role, label, box, places }: Acted): void {
  if (box === null) return
  const target: SeenTarget = label === undefined ? { role, box } : { role, label, box }
  for (const place of places.splice(0)) place.target = target
}

/**
 * From this frame's viewport to that of the outermost frame of the same origin: the window, or, inside a page of another origin,
 * the frame as a window of its own. What lies around a frame of another origin is nobody's business here.
 */
function frameOffset(): Offset {
  let at: Window = window
  let x = 0
  let y = 0
  for (let frame = frameOf(at); frame !== null; frame = frameOf(at)) {
    const rect = frame.getBoundingClientRect()
    x += rect.left + frame.clientLeft
    y += rect.top + frame.clientTop
    at = frame.ownerDocument.defaultView ?? at
  }
  return { x, y, width: Math.max(1, at.innerWidth), height: Math.max(1, at.innerHeight) }
}

function frameOf(view: Window): HTMLElement | null {
  if (view === view.parent) return null
  try {
    return view.frameElement as HTMLElement | null
  } catch {
    // Another origin is around this frame: it counts as the window.
    return null
  }
}
