/** The system's click count, for recordings that don't have it: presses of one button, soon after each other, in one place. */
import type { MouseButton } from '@fairtrace/core'

/** Windows' default; macOS and GTK are near it. */
const CLICK_MS = 500
const CLICK_PX = 5

export class ClickCounter {
  #last: { readonly button: MouseButton; readonly atMs: number; readonly x: number; readonly y: number } | null = null
  #count = 0

  /** Count of the press that happens now, from 1. */
  press(button: MouseButton, atMs: number, x: number, y: number): number {
    const last = this.#last
    const continues =
      last !== null &&
      last.button === button &&
      atMs - last.atMs <= CLICK_MS &&
      Math.abs(x - last.x) <= CLICK_PX &&
      Math.abs(y - last.y) <= CLICK_PX
    this.#count = continues ? this.#count + 1 : 1
    this.#last = { button, atMs, x, y }
    return this.#count
  }

  /** Time went backwards, or another person begins: the next press is a first one. */
  restart(): void {
    this.#last = null
  }
}
