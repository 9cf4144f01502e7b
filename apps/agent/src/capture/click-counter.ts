/** The system's click count: presses of one button, soon after each other, in one place, as the desktop's settings say. */
import type { MouseButton } from '@fairtrace/core'

export class ClickCounter {
  #last: { readonly button: MouseButton; readonly atMs: number; readonly x: number; readonly y: number } | null = null
  #count = 0

  /** Count of the press that happens now, from 1. */
  press(
    button: MouseButton,
    at: { readonly atMs: number; readonly x: number; readonly y: number },
    settings: { readonly timeMs: number; readonly distancePx: number },
  ): number {
    const last = this.#last
    const continues =
      last !== null &&
      last.button === button &&
      at.atMs >= last.atMs &&
      at.atMs - last.atMs <= settings.timeMs &&
      Math.abs(at.x - last.x) <= settings.distancePx &&
      Math.abs(at.y - last.y) <= settings.distancePx
    this.#count = continues ? this.#count + 1 : 1
    this.#last = { button, ...at }
    return this.#count
  }
}
