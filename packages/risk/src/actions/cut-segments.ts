/** Parts of recordings → segments, cut where the builder cuts: at a switch of app, at the end of a part, after so many actions. */
import type { CandidateSegment, ReleasedAction } from '@fairtrace/core'
import { Random } from '../random.ts'
import type { ActionPart } from './action-parts.ts'

/** A segment whose place in the release is not known yet. */
export type CutSegment = Omit<CandidateSegment, 'name' | 'order' | 'bytes'>

export class SegmentCutter {
  readonly segments: CutSegment[] = []
  readonly #actionsMax: number
  readonly #peopleMax: number
  readonly #people = new Map<string, number>()
  readonly #recordings = new Map<string, number>()

  /** @param peopleMax parts of people who come after so many others are passed over */
  constructor(actionsMax: number, peopleMax = Number.POSITIVE_INFINITY) {
    this.#actionsMax = actionsMax
    this.#peopleMax = peopleMax
  }

  get people(): number {
    return this.#people.size
  }

  push(part: ActionPart): void {
    if (!this.#people.has(part.person) && this.#people.size >= this.#peopleMax) return
    const person = numberOf(this.#people, part.person)
    // Two people may call their recordings alike: they are two.
    const recording = numberOf(this.#recordings, JSON.stringify([part.person, part.recording]))
    let app: string | null = null
    let actions: ReleasedAction[] = []
    const cut = (isEnd: boolean) => {
      if (actions.length > 0) {
        this.segments.push({ person, recording, app, task: part.task, outcome: isEnd ? part.outcome : null, actions })
      }
      actions = []
    }
    for (const [i, action] of part.actions.entries()) {
      if (action.kind === 'switch') {
        cut(false)
        app = action.app
        continue
      }
      actions.push(action)
      if (actions.length === this.#actionsMax) cut(i === part.actions.length - 1)
    }
    cut(true)
  }
}

/** In an order by chance and under names by chance, as a release has them. */
export function asReleased(segments: readonly CutSegment[], seed: number): CandidateSegment[] {
  const random = new Random(seed, 'places in the release')
  const order = random.shuffle(Int32Array.from(segments, (_, i) => i))
  return segments.map((segment, i) => ({
    ...segment,
    name: Array.from({ length: 4 }, () =>
      Math.floor(random.next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join(''),
    order: order[i] ?? 0,
    bytes: JSON.stringify(segment.actions).length,
  }))
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const held = numbers.get(name)
  if (held !== undefined) return held
  numbers.set(name, numbers.size)
  return numbers.size - 1
}
