/**
 * What a honey participant does: simulated work, in which the next action is chosen among what came next at such a place elsewhere,
 * so that the windows of five bear the mark of the honey key (server/src/sentinel/honey/honey-runs.ts).
 *
 * Which action follows which two stays as in the simulation; whoever has no key sees one more simulated person.
 */
import { randomInt } from 'node:crypto'
import { type Action, type Charter, FairtraceError } from '@fairtrace/core'
import { actionToken } from '@fairtrace/server/sentinel/honey/action-token'
import { WINDOW, WindowBits, windowKeyOf } from '@fairtrace/server/sentinel/honey/honey-runs'
import { actionsIn } from './charter-work.ts'

const POOL_ACTIONS = 4_000
const CANDIDATES_MAX = 24

interface Place {
  readonly action: Action
  readonly token: string | null
  readonly app: string
}

export class SteeredActions {
  readonly #bits: WindowBits
  readonly #pool: readonly Place[]
  readonly #after = new Map<string, number[]>()
  readonly #starts: readonly number[]
  #seen = new Set<string>()
  #words: string[] = []
  #at = 0

  /**
   * @param seed names the person
   * @param charter whose apps, catalogues and levels this work keeps to
   * @throws `USAGE` where it lets out nothing that anybody could do
   */
  constructor(honeyKey: string, seed: number, charter: Charter) {
    this.#bits = new WindowBits(windowKeyOf(honeyKey))
    const switches = charter.capture.categories.includes('switches')
    let app = ''
    const pool: Place[] = []
    for (const action of actionsIn(charter, seed, POOL_ACTIONS)) {
      const begins = action.kind === 'switch' && action.app !== app
      if (action.kind === 'switch') app = action.app
      // The office has more apps than the charter may: going from one to itself is no switch.
      if (action.kind !== 'switch' || (begins && switches)) pool.push({ action, token: actionToken(action), app })
    }
    this.#pool = pool
    const starts = pool.flatMap(({ action }, i) => (action.kind === 'switch' ? [i] : []))
    this.#starts = starts.length > 0 ? starts : pool.map((_, i) => i)
    if (pool.length < WINDOW) throw new FairtraceError('USAGE', 'this charter lets out nothing that anybody could do')
    for (let i = 2; i < pool.length; i++) {
      for (const key of this.#keysBefore(i)) {
        const known = this.#after.get(key)
        if (known === undefined) this.#after.set(key, [i])
        else known.push(i)
      }
    }
  }

  /** The first action of a recording: a `switch`, where switches may leave. */
  begin(): Action {
    this.#seen = new Set()
    this.#at = this.#starts[randomInt(this.#starts.length)] ?? 0
    const { action, token } = this.#place(this.#at)
    this.#words = token === null ? [] : [token]
    return action
  }

  next(): Action {
    const keys = this.#at + 1 < this.#pool.length ? this.#keysBefore(this.#at + 1) : []
    const candidates = keys.flatMap((key) => drawn(this.#after.get(key) ?? [], CANDIDATES_MAX))
    const marked = candidates.filter((i) => this.#isMarked(this.#words, i))
    // Of those that bear the mark, one after which another can: who looks one step ahead gets stuck less.
    const chosen =
      marked.find((i) => this.#leadsOn(i)) ??
      marked[0] ??
      candidates.find((i) => this.#place(i).token === null) ??
      candidates.find((i) => this.#isSeen(i)) ??
      candidates[0] ??
      (this.#at + 1) % this.#pool.length
    this.#at = chosen
    const { action, token } = this.#place(chosen)
    if (token !== null) {
      this.#words = [...this.#words, token].slice(-WINDOW)
      this.#seen.add(this.#words.join('\n'))
    }
    return action
  }

  /** Whether the window that this action ends is a new one with the mark. */
  #isMarked(before: readonly string[], i: number): boolean {
    const { token } = this.#place(i)
    if (token === null) return false
    const words = [...before, token].slice(-WINDOW)
    if (words.length < WINDOW) return true
    const window = words.join('\n')
    return !this.#seen.has(window) && this.#bits.isMarked(window)
  }

  #isSeen(i: number): boolean {
    const { token } = this.#place(i)
    return token !== null && this.#seen.has([...this.#words, token].slice(-WINDOW).join('\n'))
  }

  #leadsOn(i: number): boolean {
    const { token } = this.#place(i)
    if (token === null || i + 1 >= this.#pool.length) return false
    const words = [...this.#words, token].slice(-WINDOW)
    const keys = this.#keysBefore(i + 1).slice(0, 2)
    return keys.some((key) => drawn(this.#after.get(key) ?? [], 8).some((next) => this.#isMarked(words, next)))
  }

  /** The app with the two actions before this place, with one of them, and alone. */
  #keysBefore(i: number): readonly string[] {
    const last = this.#place(i - 1)
    const before = this.#pool[i - 2]
    const word = ({ action, token }: Place) => token ?? `switch ${action.kind}`
    const one = `${last.app}\n${word(last)}`
    return before === undefined ? [one, last.app] : [`${one}\n${word(before)}`, one, last.app]
  }

  #place(i: number): Place {
    const place = this.#pool[i]
    if (place === undefined) throw new RangeError('a honey participant has nothing to do in these apps')
    return place
  }
}

function drawn(list: readonly number[], count: number): readonly number[] {
  if (list.length === 0) return []
  return Array.from({ length: Math.min(count, list.length) }, () => list[randomInt(list.length)] ?? 0)
}
