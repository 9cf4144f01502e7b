/** Notices that the machine slept: the wall clock went on, the clock that sleeps with the machine did not. */
import type { Clock } from '@fairtrace/core'

/** Less than this is a clock that was corrected, or a machine under load. */
const SLEPT_MS_MIN = 5_000

export class SleepWatch {
  readonly #clock: Clock
  readonly #monotonicMs: () => number
  #aheadMs: number

  constructor(clock: Clock, monotonicMs: () => number) {
    this.#clock = clock
    this.#monotonicMs = monotonicMs
    this.#aheadMs = clock.nowMs() - monotonicMs()
  }

  /** Whether it slept since this was asked last. */
  hasSlept(): boolean {
    const aheadMs = this.#clock.nowMs() - this.#monotonicMs()
    const hasSlept = aheadMs - this.#aheadMs > SLEPT_MS_MIN
    this.#aheadMs = aheadMs
    return hasSlept
  }
}
