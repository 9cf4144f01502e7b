/** Draws from a stream of segments what the gate can hold in memory: people by chance, of each a few segments by chance. */
import type { CandidateSegment } from '@fairtrace/core'
import { hashText, Random } from '../random.ts'

/** How many people are attacked, and by how many segments of each, at most. */
export const DRAWN_MAX = { people: 250, segmentsPerPerson: 24 } as const
/** Held while it is not known yet who is drawn. */
const PEOPLE_HELD = 2 * DRAWN_MAX.people

export class Draw {
  readonly #seed: number
  readonly #random: Random
  /** The people with the lowest numbers by hash: chance, and the same whatever the order of the stream. */
  readonly #held = new Map<number, { readonly rank: number; seen: number; readonly own: CandidateSegment[] }>()
  #barred = Number.POSITIVE_INFINITY
  #segments = 0
  #actions = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Random(seed, 'draw from the stream')
  }

  add(segment: CandidateSegment): void {
    this.#segments++
    this.#actions += segment.actions.length
    const rank = hashText(`${this.#seed} ${segment.person}`)
    if (rank >= this.#barred) return
    const held = this.#held.get(segment.person) ?? { rank, seen: 0, own: [] }
    this.#held.set(segment.person, held)
    held.seen++
    // A reservoir: each of the person's segments stays with the same chance.
    if (held.own.length < DRAWN_MAX.segmentsPerPerson) held.own.push(segment)
    else {
      const at = this.#random.below(held.seen)
      if (at < held.own.length) held.own[at] = segment
    }
    if (this.#held.size > PEOPLE_HELD) this.#forgetLast()
  }

  /** All that was seen, and what of it was kept. */
  get seen(): { readonly segments: number; readonly actions: number } {
    return { segments: this.#segments, actions: this.#actions }
  }

  kept(): CandidateSegment[] {
    return [...this.#held.values()].toSorted((a, b) => a.rank - b.rank).flatMap(({ own }) => own)
  }

  #forgetLast(): void {
    const [person, { rank }] = [...this.#held].reduce((last, one) => (one[1].rank > last[1].rank ? one : last))
    this.#held.delete(person)
    this.#barred = rank
  }
}
