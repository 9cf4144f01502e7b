/**
 * Nothing is released that fewer than `k` distinct people in scope used: no app, no label, no task, no way for a task to end.
 *
 * Counted over the sampled segments, so that the promise holds for what is in the release, not for what was in the vault. A
 * segment lies in one app, and labels and tasks are counted within their app; leaving out an app's segments therefore takes no
 * person away from anything that stays, and one pass of counting settles it. Counts only grow with people: one more participant
 * never removes anything from a release.
 */
import { FIELD, FIELDS, TARGET_FIELD } from './coded-action.ts'
import { SEGMENT_ENDS, type Segment } from './episodes.ts'
import { ABSENT, type Vocabulary } from './vocabulary.ts'

const LABEL_FIELDS = [FIELD.target + TARGET_FIELD.label, FIELD.toTarget + TARGET_FIELD.label] as const

/** Distinct people for each number. People come one after the other, so the last one seen tells whether to count. */
class DistinctPeople {
  readonly #counts: Uint32Array
  readonly #last: Int32Array

  constructor(size: number) {
    this.#counts = new Uint32Array(size)
    this.#last = new Int32Array(size).fill(-1)
  }

  add(id: number, person: number): void {
    if (this.#last[id] === person) return
    this.#last[id] = person
    this.#counts[id] = (this.#counts[id] ?? 0) + 1
  }

  count(id: number): number {
    return this.#counts[id] ?? 0
  }
}

export class KAnonymity {
  readonly #vocabulary: Vocabulary
  readonly #k: number
  readonly #apps: DistinctPeople
  readonly #labels: DistinctPeople
  readonly #tasks: DistinctPeople
  readonly #ends: DistinctPeople
  /** How many people used exactly this set of apps: enough to know how many are left when apps go. */
  readonly #appSets = new Map<string, number>()
  #person = -1
  #personApps = new Set<number>()

  constructor(vocabulary: Vocabulary, k: number) {
    this.#vocabulary = vocabulary
    this.#k = k
    this.#apps = new DistinctPeople(vocabulary.apps.length)
    this.#labels = new DistinctPeople(vocabulary.labels.length)
    this.#tasks = new DistinctPeople(vocabulary.apps.length * vocabulary.tasks.length)
    this.#ends = new DistinctPeople(vocabulary.apps.length * vocabulary.tasks.length * SEGMENT_ENDS.length)
  }

  /** First pass. `person` never goes back to an earlier number. */
  count(segment: Segment, person: number): void {
    if (person !== this.#person) this.#endPerson(person)
    this.#personApps.add(segment.app)
    this.#apps.add(segment.app, person)
    if (segment.task !== ABSENT) {
      this.#tasks.add(this.#taskId(segment), person)
      this.#ends.add(this.#endId(segment), person)
    }
    const offset = this.#vocabulary.labelOffsets[segment.app] ?? 0
    for (let at = 0; at < segment.actions.length; at += FIELDS) {
      for (const field of LABEL_FIELDS) {
        const label = segment.actions[at + field] ?? ABSENT
        if (label !== ABSENT) this.#labels.add(offset + label, person)
      }
    }
  }

  /** Distinct people with a segment that stays. */
  peopleLeft(): number {
    this.#endPerson(-1)
    let left = 0
    for (const [apps, people] of this.#appSets) {
      if (apps.split(' ').some((app) => this.keepsApp(Number(app)))) left += people
    }
    return left
  }

  keepsApp(app: number): boolean {
    return this.#apps.count(app) >= this.#k
  }

  keepsLabel(app: number, label: number): boolean {
    return this.#labels.count((this.#vocabulary.labelOffsets[app] ?? 0) + label) >= this.#k
  }

  /** Second pass: the task that may be named with this segment, or ABSENT. */
  taskOf(segment: Segment): number {
    if (segment.task === ABSENT) return ABSENT
    return this.#tasks.count(this.#taskId(segment)) >= this.#k ? segment.task : ABSENT
  }

  /** Second pass: how the task ended, where that may be said; else it is an excerpt like others. */
  endOf(segment: Segment): number {
    if (this.taskOf(segment) === ABSENT) return 0
    return this.#ends.count(this.#endId(segment)) >= this.#k ? segment.end : 0
  }

  /** Second pass: takes the labels out that too few people used, in place. Says how many. */
  removeRareLabels(segment: Segment): number {
    let removed = 0
    for (let at = 0; at < segment.actions.length; at += FIELDS) {
      for (const field of LABEL_FIELDS) {
        const label = segment.actions[at + field] ?? ABSENT
        if (label === ABSENT || this.keepsLabel(segment.app, label)) continue
        segment.actions[at + field] = ABSENT
        removed++
      }
    }
    return removed
  }

  #taskId(segment: Segment): number {
    return segment.app * this.#vocabulary.tasks.length + segment.task
  }

  #endId(segment: Segment): number {
    return this.#taskId(segment) * SEGMENT_ENDS.length + segment.end
  }

  #endPerson(next: number): void {
    if (this.#personApps.size > 0) {
      const apps = [...this.#personApps].sort((a, b) => a - b).join(' ')
      this.#appSets.set(apps, (this.#appSets.get(apps) ?? 0) + 1)
      this.#personApps = new Set()
    }
    this.#person = next
  }
}
