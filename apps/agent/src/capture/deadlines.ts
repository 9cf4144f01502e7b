/** A limit for many short waits, with one timer for all of them: most end long before it, and a timer for each would cost more than they do. */

interface Wait {
  readonly endsAtMs: number
  readonly onLate: () => void
}

export class Deadlines {
  readonly #ms: number
  readonly #waits = new Set<Wait>()
  #timer: NodeJS.Timeout | null = null

  /** @param ms the limit of each; it may be noticed up to as much later */
  constructor(ms: number) {
    this.#ms = ms
  }

  /** @returns what ends the wait in time */
  add(onLate: () => void): () => void {
    const wait: Wait = { endsAtMs: performance.now() + this.#ms, onLate }
    this.#waits.add(wait)
    this.#timer ??= setTimeout(() => this.#look(), this.#ms)
    return () => void this.#waits.delete(wait)
  }

  #look(): void {
    this.#timer = null
    const nowMs = performance.now()
    // In the order in which they were added.
    for (const wait of this.#waits) {
      if (wait.endsAtMs > nowMs) {
        this.#timer = setTimeout(() => this.#look(), wait.endsAtMs - nowMs)
        return
      }
      this.#waits.delete(wait)
      wait.onLate()
    }
  }
}
