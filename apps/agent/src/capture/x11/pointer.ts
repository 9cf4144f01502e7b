/** Where the pointer is, asked for when something was done with it: in which app's window, and where in it. */
import type { Place } from '@fairtrace/core'
import type { ScreenBox } from '../accessibility/program.ts'
import type { XConnection } from './connection.ts'
import type { AppWindow, Windows } from './windows.ts'

export interface PointerAt {
  readonly rootX: number
  readonly rootY: number
  /** Null over the desktop, and over windows that say nothing of themselves. */
  readonly window: AppWindow | null
  readonly place: Place
  /** The window on the screen. */
  readonly on: ScreenBox
}

interface Position {
  readonly child: number
  readonly rootX: number
  readonly rootY: number
  readonly childX: number
  readonly childY: number
}

const NOWHERE: ScreenBox = { x: 0, y: 0, width: 1, height: 1 }

export class Pointer {
  /** The window with the keyboard's focus: most of what is done is done in it. */
  focused: AppWindow | null = null
  readonly #x: XConnection
  readonly #windows: Windows
  #size: { readonly id: number; readonly width: number; readonly height: number } | null = null

  constructor(x: XConnection, windows: Windows) {
    this.#x = x
    this.#windows = windows
  }

  /** The focused window was resized. */
  forgetSize(): void {
    this.#size = null
  }

  /** Asked at once; the server answers in the order of the calls. Rejects when the display goes away. */
  async now(): Promise<PointerAt> {
    const guess = this.focused
    // Both in one write: it is one answer in nearly every case.
    const asked = this.#query(this.#x.root)
    const guessed = guess === null ? null : this.#query(guess.id).catch(() => null)
    const { child, rootX, rootY } = await asked
    const window = child === 0 ? null : (this.#windows.known(child) ?? (await this.#windows.below(child)))
    if (window === null) return { rootX, rootY, window, place: { x: 0, y: 0, width: 1, height: 1 }, on: NOWHERE }
    const inside = (window.id === guess?.id ? await guessed : null) ?? (await this.#query(window.id))
    const { width, height } = await this.#sizeOf(window)
    const { childX: x, childY: y } = inside
    return {
      rootX,
      rootY,
      window,
      place: { x, y, width, height },
      on: { x: inside.rootX - x, y: inside.rootY - y, width, height },
    }
  }

  async #sizeOf({ id }: AppWindow): Promise<{ readonly width: number; readonly height: number }> {
    if (this.#size?.id === id) return this.#size
    const { width, height } = await this.#windows.size(id)
    // Only of the focused window do we hear when its size changes.
    if (id === this.focused?.id) this.#size = { id, width, height }
    return { width, height }
  }

  #query(window: number): Promise<Position> {
    return this.#x.ask((client, callback) => client.QueryPointer(window, callback))
  }
}
