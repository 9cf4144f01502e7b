/** Remembers what was used, for as long as it could be used again. In memory only, and it holds hashes, no device and no time. */
export class Once {
  readonly #windowMs: number
  #recent = new Set<string>()
  #before = new Set<string>()
  #turnedAtMs = Number.NEGATIVE_INFINITY

  /** @param windowMs how long a request is good for, from the first moment at which it is taken to the last */
  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /**
   * Whether nobody has used `mark` yet; it is used from here on. A mark is kept for at least the window and for at most two.
   * @param nowMs of a clock that doesn't go back
   */
  take(mark: string, nowMs: number): boolean {
    if (nowMs - this.#turnedAtMs >= this.#windowMs) {
      // After a pause of a whole window what was recent is too old as well.
      this.#before = nowMs - this.#turnedAtMs < 2 * this.#windowMs ? this.#recent : new Set()
      this.#recent = new Set()
      this.#turnedAtMs = nowMs
    }
    if (this.#recent.has(mark) || this.#before.has(mark)) return false
    this.#recent.add(mark)
    return true
  }
}
