/** Programs on the accessibility bus by their process, and their windows by the window on the display. */
import type { AppWindow } from '../x11/windows.ts'
import type { AccessibilityBus, Accessible } from './bus.ts'

const WINDOW_COORDINATES = 1
const SCREEN_COORDINATES = 0
/** A program with more windows is looked at no further. */
const WINDOWS_MAX = 24
const KNOWN_MAX = 64
/** Frames and shadows that toolkits count to a window, or don't. */
const DECORATION_PX_MAX = 80

export interface ScreenBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export class Programs {
  readonly #bus: AccessibilityBus
  /** By process; its root element. */
  readonly #roots = new Map<number, Accessible>()
  /** By window on the display. */
  readonly #windows = new Map<number, Accessible>()

  constructor(bus: AccessibilityBus) {
    this.#bus = bus
  }

  /** Windows came or went: their ids may be used again. */
  forgetWindows(): void {
    this.#windows.clear()
  }

  /** The program of a process, or null if it isn't on the bus. */
  async ofProcess(pid: number): Promise<Accessible | null> {
    const known = this.#roots.get(pid)
    if (known !== undefined) return known
    this.#roots.clear()
    for (const root of await this.#bus.programs()) {
      try {
        this.#roots.set(await this.#bus.pid(root.owner), root)
      } catch {
        // It went away while it was asked about: then it isn't the one.
      }
    }
    return this.#roots.get(pid) ?? null
  }

  /** The element of a window: of its program's windows the one that lies where it lies; null if that isn't clear. */
  async ofWindow(window: AppWindow, on: ScreenBox): Promise<Accessible | null> {
    const known = this.#windows.get(window.id)
    if (known !== undefined) return known
    const root = window.pid === null ? null : await this.ofProcess(window.pid)
    if (root === null) return null
    let best: { readonly element: Accessible; readonly distance: number } | null = null
    for (const element of (await this.#bus.children(root)).slice(0, WINDOWS_MAX)) {
      const box = await this.extents(element, SCREEN_COORDINATES).catch(() => null)
      if (box === null) continue
      const distance =
        Math.abs(box.x + box.width / 2 - (on.x + on.width / 2)) +
        Math.abs(box.y + box.height / 2 - (on.y + on.height / 2)) +
        Math.abs(box.width - on.width) +
        Math.abs(box.height - on.height)
      if (best === null || distance < best.distance) best = { element, distance }
    }
    if (best === null || best.distance > DECORATION_PX_MAX) return null
    if (this.#windows.size >= KNOWN_MAX) this.#windows.clear()
    this.#windows.set(window.id, best.element)
    return best.element
  }

  /** Of an element, relative to its window, or on the screen. */
  async extents(element: Accessible, coordinates: 0 | 1 = WINDOW_COORDINATES): Promise<ScreenBox> {
    const [x, y, width, height] = await this.#bus.call<readonly [number, number, number, number]>(
      element,
      'Component',
      'GetExtents',
      'u',
      [coordinates],
    )
    return { x, y, width, height }
  }
}
