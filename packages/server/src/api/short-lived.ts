/** Values that are good once and briefly: a sign-in under way, a challenge, a passkey's word for the next act. */

export interface ShortLivedOptions {
  /** Of a clock that only the passing of time moves. */
  nowMs(): number
  readonly lifeMs: number
  /** At most so many; the oldest gives way. */
  readonly countMax: number
}

export class ShortLived<T> {
  readonly #options: ShortLivedOptions
  /** In the order of their ends: all live equally long. */
  readonly #values = new Map<string, { readonly value: T; readonly endsAtMs: number }>()

  constructor(options: ShortLivedOptions) {
    this.#options = options
  }

  /** Replaces what stood under the key. */
  put(key: string, value: T): void {
    this.#values.delete(key)
    const { lifeMs, countMax } = this.#options
    const nowMs = this.#options.nowMs()
    for (const [oldest, { endsAtMs }] of this.#values) {
      if (nowMs < endsAtMs && this.#values.size < countMax) break
      this.#values.delete(oldest)
    }
    this.#values.set(key, { value, endsAtMs: nowMs + lifeMs })
  }

  /** The value, which is gone with that; null if there is none, or its time is over. */
  take(key: string): T | null {
    const found = this.#values.get(key)
    this.#values.delete(key)
    return found !== undefined && this.#options.nowMs() < found.endsAtMs ? found.value : null
  }
}
