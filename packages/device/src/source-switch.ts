/** A source, switched on and off one call after the other; the last wish wins, and what comes unwished for is dropped. */
import type { InputEvent } from '@fairtrace/core'
import type { InputSource } from './source.ts'
import type { Timer, Timers } from './timers.ts'

const RETRY_FIRST_MS = 5_000
const RETRY_MS_MAX = 60_000

export interface SourceSwitchOptions {
  readonly source: InputSource
  readonly timers: Timers
  readonly emit: (event: InputEvent) => void
  /** Told when the source could not hook in, and when it could again. */
  readonly onFailing: (isFailing: boolean) => void
}

export class SourceSwitch {
  readonly #options: SourceSwitchOptions
  #isWanted = false
  #isOn = false
  #failures = 0
  #retry: Timer | null = null
  #lastTurn: Promise<void> = Promise.resolve()

  constructor(options: SourceSwitchOptions) {
    this.#options = options
  }

  /** Off counts at once: whatever the source still says is dropped. Returns when the source has done what is wished now. */
  want(isWanted: boolean): Promise<void> {
    this.#isWanted = isWanted
    this.#retry?.clear()
    return this.#turn()
  }

  /** Off and on again, where it is on: the source says anew what has the focus. */
  again(): Promise<void> {
    if (!this.#isWanted) return this.#lastTurn
    this.#isWanted = false
    void this.#turn()
    return this.want(true)
  }

  #turn(): Promise<void> {
    const wished = this.#isWanted
    this.#lastTurn = this.#lastTurn.then(() => this.#bring(wished))
    return this.#lastTurn
  }

  async #bring(isOn: boolean): Promise<void> {
    if (isOn === this.#isOn) return
    const { source, timers, emit, onFailing } = this.#options
    try {
      if (isOn) {
        this.#isOn = true
        await source.attach((event) => {
          if (this.#isWanted && this.#isOn) emit(event)
        })
      } else {
        this.#isOn = false
        await source.detach()
      }
      if (this.#failures > 0) onFailing(false)
      this.#failures = 0
    } catch {
      // Fails closed: what is not surely on counts as off, and the cause, which could quote what it saw, goes no further.
      this.#isOn = false
      onFailing(true)
      if (!this.#isWanted) return
      const waitMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MS_MAX)
      this.#retry = timers.set(waitMs, () => void this.#turn())
    }
  }
}
