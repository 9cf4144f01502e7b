/** Keeps a sweep below so many bytes and queries a second, so that what it reads goes on working. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface SweepRate {
  readonly bytesPerSecond: number
  readonly queriesPerSecond: number
}

export class Throttle {
  readonly #rate: SweepRate
  #freeAtMs = performance.now()

  constructor(rate: SweepRate) {
    this.#rate = rate
  }

  async bytes(count: number): Promise<void> {
    await this.#take((count / this.#rate.bytesPerSecond) * 1_000)
  }

  async query(): Promise<void> {
    await this.#take(1_000 / this.#rate.queriesPerSecond)
  }

  async #take(ms: number): Promise<void> {
    const now = performance.now()
    this.#freeAtMs = Math.max(this.#freeAtMs, now - 100) + ms
    // Short waits are saved up: a timer costs more than they are.
    if (this.#freeAtMs - now > 20) await sleep(this.#freeAtMs - now)
  }
}
