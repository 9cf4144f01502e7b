/** Who is signed in, in memory only: a restart signs everybody out, and nothing on disk says who was here. */
import { hashSecret, newSession } from '../consent/secrets.ts'
import type { StaffRole } from './accounts.ts'

export const SESSION_MS = 8 * 3_600_000
const SESSIONS_MAX = 10_000

export type SignedIn =
  | { readonly role: 'participant'; readonly name: string; readonly pseudonym: string; readonly joinedAtMs: number }
  | { readonly role: StaffRole; readonly name: string }

export class Sessions {
  readonly #nowMs: () => number
  /** Under the token's hash, oldest first. */
  readonly #sessions = new Map<string, { readonly who: SignedIn; readonly endsAtMs: number }>()

  /** @param nowMs of a clock that only the passing of time moves, never a demonstration */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** A new token each time, so that one set before sign-in is worth nothing after it. */
  start(who: SignedIn): string {
    for (const [hash, { endsAtMs }] of this.#sessions) {
      if (endsAtMs > this.#nowMs() && this.#sessions.size < SESSIONS_MAX) break
      this.#sessions.delete(hash)
    }
    const token = newSession()
    this.#sessions.set(hashSecret(token), { who, endsAtMs: this.#nowMs() + SESSION_MS })
    return token
  }

  find(token: string): SignedIn | null {
    const session = this.#sessions.get(hashSecret(token))
    return session !== undefined && this.#nowMs() < session.endsAtMs ? session.who : null
  }

  end(token: string): void {
    this.#sessions.delete(hashSecret(token))
  }
}
