/**
 * How often a password may be tried: a few times for a name, and not too often for all names together. In memory, under a
 * hash of the name; addresses are not looked at, let alone kept.
 */
import { FairtraceError } from '@fairtrace/core'
import { hashSecret } from '../consent/secrets.ts'

export const TRIES_PER_NAME_MAX = 10
export const TRIES_MAX = 200
export const TRIES_WINDOW_MS = 15 * 60_000
const NAMES_MAX = 10_000

interface Tries {
  count: number
  endsAtMs: number
}

export class SignInLimits {
  readonly #nowMs: () => number
  readonly #byName = new Map<string, Tries>()
  #all: Tries = { count: 0, endsAtMs: 0 }

  /** @param nowMs of a clock that only the passing of time moves */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /**
   * Counts a try before it is made, so that many at once count as many.
   * @throws `SIGN_IN_LIMITED`, whether or not the name exists or the password would be right
   */
  begin(name: string): void {
    const nowMs = this.#nowMs()
    const key = hashSecret(name)
    const own = this.#current(this.#byName.get(key), nowMs)
    this.#all = this.#current(this.#all, nowMs)
    if (own.count >= TRIES_PER_NAME_MAX || this.#all.count >= TRIES_MAX) {
      const waitMs =
        Math.max(
          own.count >= TRIES_PER_NAME_MAX ? own.endsAtMs : 0,
          this.#all.count >= TRIES_MAX ? this.#all.endsAtMs : 0,
        ) - nowMs
      throw new FairtraceError(
        'SIGN_IN_LIMITED',
        `too many tries; the next is possible in ${Math.ceil(waitMs / 60_000)} minutes`,
      )
    }
    own.count++
    this.#all.count++
    this.#byName.delete(key)
    this.#byName.set(key, own)
    const [oldest] = this.#byName.keys()
    if (oldest !== undefined && this.#byName.size > NAMES_MAX) this.#byName.delete(oldest)
  }

  /** Who gets in did not guess. */
  succeeded(name: string): void {
    this.#byName.delete(hashSecret(name))
    this.#all.count = Math.max(0, this.#all.count - 1)
  }

  #current(tries: Tries | undefined, nowMs: number): Tries {
    return tries !== undefined && nowMs < tries.endsAtMs ? tries : { count: 0, endsAtMs: nowMs + TRIES_WINDOW_MS }
  }
}
