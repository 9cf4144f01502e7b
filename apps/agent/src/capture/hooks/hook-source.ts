/**
 * The source of macOS and Windows: the system's input hooks. They know no field and no element, so keys yield nothing at all
 * there, and places are cells of the window's grid.
 *
 * Whose window a click went to is asked after the system had the time to bring it to the front; what isn't in that window
 * is nobody's.
 */
import type { InputEvent, MouseButton, Place } from '@fairtrace/core'
import type { InputSource, SourceProblem } from '@fairtrace/device'
import { appOf, UNLISTED_APP } from '../app-name.ts'
import { HoldQueue, type PlaceSlot } from '../hold-queue.ts'
import { Problems } from '../problems.ts'
import { RefusedSource } from '../refused-source.ts'
import {
  type HookLibraries,
  type HookPointerEvent,
  type HookWheelEvent,
  loadHookLibraries,
  type WindowLibrary,
} from './hook-library.ts'

/** A window that a click brings to the front is there after this time. */
const FRONT_MS = 150
const BUTTONS: ReadonlyMap<unknown, MouseButton> = new Map<unknown, MouseButton>([
  [1, 'left'],
  [2, 'right'],
  [3, 'middle'],
])
const HORIZONTAL = 4

export interface HookSourceOptions {
  readonly wallMs: () => number
  readonly nowMs: () => number
}

/** Where the libraries don't load, the source says that its hook is dead. */
export async function openHookSource(platform: 'darwin' | 'win32', options: HookSourceOptions): Promise<InputSource> {
  try {
    return new HookSource(await loadHookLibraries(), platform, options)
  } catch {
    return new RefusedSource('hook-dead')
  }
}

export class HookSource implements InputSource {
  readonly #libraries: HookLibraries
  readonly #platform: 'darwin' | 'win32'
  readonly #options: HookSourceOptions
  readonly #problems = new Problems()
  #queue: HoldQueue | null = null
  #isHooked = false

  constructor(libraries: HookLibraries, platform: 'darwin' | 'win32', options: HookSourceOptions) {
    this.#libraries = libraries
    this.#platform = platform
    this.#options = options
  }

  async attach(emit: (event: InputEvent) => void): Promise<void> {
    await this.detach()
    const { wallMs, nowMs } = this.#options
    const queue = new HoldQueue({
      emit,
      wallMs,
      nowMs,
      setTimer: (work, ms) => {
        const timer = setTimeout(work, ms)
        return { clear: () => clearTimeout(timer) }
      },
    })
    this.#queue = queue
    const { hook } = this.#libraries
    // Motion and keys are not listened to: nothing could be made of them here.
    hook.on('mousedown', (event) => this.#button(queue, event, true))
    hook.on('mouseup', (event) => this.#button(queue, event, false))
    hook.on('wheel', (event) => this.#wheel(queue, event))
    try {
      hook.start()
      this.#isHooked = true
      this.#problems.clear()
    } catch {
      hook.removeAllListeners()
      this.#problems.only(this.#platform === 'darwin' ? 'permission-missing' : 'hook-dead')
    }
  }

  async detach(): Promise<void> {
    this.#queue?.clear()
    this.#queue = null
    this.#libraries.hook.removeAllListeners()
    if (this.#isHooked) this.#libraries.hook.stop()
    this.#isHooked = false
    this.#problems.clear()
  }

  onProblem(listener: (problem: SourceProblem | null) => void): void {
    this.#problems.onProblem(listener)
  }

  close(): Promise<void> {
    return this.detach()
  }

  #button(queue: HoldQueue, { x, y, button: number, clicks: counted }: HookPointerEvent, down: boolean): void {
    const button = BUTTONS.get(number)
    if (button === undefined) return
    const atMs = this.#options.wallMs()
    const clicks = Math.max(1, counted)
    const slot = queue.pointer((place) => ({ kind: 'button', atMs, button, down, clicks, place }))
    this.#see(x, y, slot)
  }

  #wheel(queue: HoldQueue, { x, y, rotation, direction }: HookWheelEvent): void {
    const atMs = this.#options.wallMs()
    const notches = Math.sign(rotation)
    const [dx, dy] = direction === HORIZONTAL ? [notches, 0] : [0, -notches]
    this.#see(
      x,
      y,
      queue.pointer((place) => ({ kind: 'scroll', atMs, dx, dy, place })),
    )
  }

  #see(x: number, y: number, slot: PlaceSlot): void {
    setTimeout(() => {
      placeIn(this.#libraries.windows, x, y).then(slot, () => {
        // It can't be asked any more: the permission was taken away, or the library is dead.
        slot(null)
        this.#problems.only(this.#platform === 'darwin' ? 'permission-missing' : 'hook-dead')
      })
    }, FRONT_MS)
  }
}

async function placeIn(windows: WindowLibrary, x: number, y: number) {
  const { info, position } = await windows.activeWindowAsync()
  const place: Place = { x: x - position.x, y: y - position.y, width: position.width, height: position.height }
  const isInside = place.x >= 0 && place.y >= 0 && place.x < place.width && place.y < place.height
  // On either name a browser is one.
  const isBrowser = [info.execName, info.name].some((name) => appOf(name) === UNLISTED_APP && name.trim() !== '')
  return {
    app: isInside && !isBrowser ? appOf(info.execName.replace(/\.exe$/i, '') || info.name) : UNLISTED_APP,
    place,
  }
}
