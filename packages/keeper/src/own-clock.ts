/**
 * The keeper's own time. Grants end and passkeys begin to work by it, so that moving the vault's clock gains nothing; and moving this
 * one back is noticed, because the highest time that was seen is kept.
 */
import { type Clock, FairtraceError } from '@fairtrace/core'
import type { KeeperStore } from './store.ts'

/** What clocks that are set over the network may step back. */
const STEP_BACK_MS = 5_000
/** The kept time lags behind by this much at most, so that reading it costs no write. */
const KEEP_MS = 10_000

export class OwnClock {
  readonly #clock: Clock
  readonly #store: KeeperStore
  #highest: number
  #kept: number

  constructor(clock: Clock, store: KeeperStore) {
    this.#clock = clock
    this.#store = store
    this.#kept = Number(store.db.prepare('select time_ms from highest').get()?.time_ms ?? 0)
    this.#highest = this.#kept
  }

  /** @throws `KEEPER_CLOCK_BACK` */
  nowMs(): number {
    const nowMs = this.#clock.nowMs()
    // Stated as what we accept, so that NaN is refused.
    if (!(nowMs >= this.#highest - STEP_BACK_MS)) {
      throw new FairtraceError(
        'KEEPER_CLOCK_BACK',
        `the clock is ${Math.round((this.#highest - nowMs) / 1_000)} s back`,
      )
    }
    this.#highest = Math.max(this.#highest, nowMs)
    if (this.#highest - this.#kept >= KEEP_MS) this.keep()
    return this.#highest
  }

  /** Writes the highest time down. */
  keep(): void {
    this.#store.db.prepare('update highest set time_ms = max(time_ms, ?)').run(Math.floor(this.#highest))
    this.#kept = this.#highest
  }
}
