/**
 * Who may see the review page: whoever brings a token that the agent made a moment ago, once, for a session in one browser.
 *
 * The adversary is another account of this computer, and a page on another port of it. Cookies know no ports, so a session's
 * cookie is bound to a path that nobody can guess, and every form repeats a value that only its page has.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@fairtrace/core'

const TOKEN_MS = 2 * 60_000
/** A session nobody uses ends by itself. */
const SESSION_IDLE_MS = 30 * 60_000
const TOKENS_MAX = 16
const SESSIONS_MAX = 16

export interface PageSession {
  /** First segment of every address of this session. */
  readonly path: string
  /** Value of its cookie. */
  readonly cookie: string
  /** What every form of it repeats. */
  readonly form: string
}

interface Token {
  readonly hash: Buffer
  readonly endsAtMs: number
  /** The session that it gave, once used. */
  session: PageSession | null
}

export class PageSessions {
  readonly #clock: Clock
  readonly #tokens: Token[] = []
  readonly #sessions = new Map<string, { readonly session: PageSession; usedAtMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** 256 random bits, base64url; only its hash is kept. */
  mint(): string {
    const token = randomBytes(32).toString('base64url')
    this.#tokens.push({ hash: hashOf(token), endsAtMs: this.#clock.nowMs() + TOKEN_MS, session: null })
    if (this.#tokens.length > TOKENS_MAX) this.#tokens.shift()
    return token
  }

  /**
   * Takes a token for a session, once. A second use means that two had it, and one of them should not: nobody keeps what it gave.
   */
  enter(token: string): PageSession | null {
    const hash = hashOf(token)
    const found = this.#tokens.find((one) => timingSafeEqual(one.hash, hash))
    if (found === undefined || found.endsAtMs <= this.#clock.nowMs()) return null
    if (found.session !== null) {
      this.#sessions.delete(found.session.path)
      return null
    }
    const session: PageSession = { path: random(), cookie: random(), form: random() }
    found.session = session
    this.#sessions.set(session.path, { session, usedAtMs: this.#clock.nowMs() })
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest)
    return session
  }

  /** The session of this path, if the cookie is its own and it was used lately. */
  find(path: string, cookie: string | null): PageSession | null {
    const found = this.#sessions.get(path)
    if (found === undefined || cookie === null) return null
    const nowMs = this.#clock.nowMs()
    if (found.usedAtMs + SESSION_IDLE_MS <= nowMs) {
      this.#sessions.delete(path)
      return null
    }
    if (!isSame(found.session.cookie, cookie)) return null
    found.usedAtMs = nowMs
    return found.session
  }
}

/** In time that tells nothing of where they differ. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hashOf(one), hashOf(other))
}

function random(): string {
  return randomBytes(24).toString('base64url')
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
