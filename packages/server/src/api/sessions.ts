/** Who is signed in, in memory only: a restart signs everybody out, and nothing on disk says who was here. */
import { hashSecret, newSession } from '../consent/secrets.ts'
import type { StaffRole } from '../runtime/sign-in-settings.ts'

/** A session ends then, however busy it is … */
export const SESSION_MS = 8 * 3_600_000
/** … and sooner when nothing came under it for so long. */
export const SESSION_IDLE_MS = 30 * 60_000
const SESSIONS_MAX = 10_000
const SESSIONS_PER_PERSON_MAX = 10

export type SignedIn =
  | { readonly kind: 'participant'; readonly name: string; readonly pseudonym: string; readonly joinedAtMs: number }
  | {
      readonly kind: 'staff'
      /** Shown to themselves alone. */
      readonly name: string
      /** Digest of the provider and its name for them: the same at each sign-in, and tells nobody who it is. */
      readonly account: string
      /** All that their groups give them. Nobody chooses one: what a person may do doesn't depend on a hat. */
      readonly roles: ReadonlySet<StaffRole>
      /** Their groups as the organisation stated them at sign-in; a charter's audience is named by groups. */
      readonly groups: readonly string[]
    }

interface Session {
  readonly who: SignedIn
  readonly person: string
  readonly endsAtMs: number
  idleEndsAtMs: number
}

export class Sessions {
  readonly #nowMs: () => number
  /** Under the token's hash, oldest first. */
  readonly #sessions = new Map<string, Session>()

  /** @param nowMs of a clock that only the passing of time moves, never a demonstration */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** A new token each time, so that one set before sign-in is worth nothing after it. */
  start(who: SignedIn): string {
    const person = personKey(who)
    this.#makeRoom(person)
    const token = newSession()
    const nowMs = this.#nowMs()
    this.#sessions.set(hashSecret(token), {
      who,
      person,
      endsAtMs: nowMs + SESSION_MS,
      idleEndsAtMs: nowMs + SESSION_IDLE_MS,
    })
    return token
  }

  /** Who holds this token; null if nobody does any more. Finding it counts as its use. */
  find(token: string): SignedIn | null {
    const session = this.#sessions.get(hashSecret(token))
    if (session === undefined || !this.#holds(session)) return null
    session.idleEndsAtMs = this.#nowMs() + SESSION_IDLE_MS
    return session.who
  }

  end(token: string): void {
    this.#sessions.delete(hashSecret(token))
  }

  /** Ends every session of a person, on whatever machine. */
  endAll(who: SignedIn): void {
    const person = personKey(who)
    for (const [hash, session] of this.#sessions) if (session.person === person) this.#sessions.delete(hash)
  }

  #holds({ endsAtMs, idleEndsAtMs }: Session): boolean {
    const nowMs = this.#nowMs()
    return nowMs < endsAtMs && nowMs < idleEndsAtMs
  }

  /** What is over goes; then the oldest of this person, so that nobody crowds out others; then the oldest of all. */
  #makeRoom(person: string): void {
    const own: string[] = []
    for (const [hash, session] of this.#sessions) {
      if (!this.#holds(session)) this.#sessions.delete(hash)
      else if (session.person === person) own.push(hash)
    }
    const tooMany = Math.max(0, own.length - SESSIONS_PER_PERSON_MAX + 1)
    for (const hash of own.slice(0, tooMany)) this.#sessions.delete(hash)
    const [oldest] = this.#sessions.keys()
    if (oldest !== undefined && this.#sessions.size >= SESSIONS_MAX) this.#sessions.delete(oldest)
  }
}

/** The same for all sessions of a person, and different from everybody else's. */
export function personKey(who: SignedIn): string {
  return who.kind === 'participant' ? `participant:${who.pseudonym}` : `staff:${who.account}`
}
