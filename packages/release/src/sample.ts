/** What the first pass of a build leaves: the drawn segments in order, whose each is, and what the cap counted. Memory only. */
import type { Capped, CapSample } from './cap-sample.ts'
import { grownTo } from './cap-types.ts'
import { FIELDS } from './coded-action.ts'
import type { EpisodeDrops, Origin, Segment } from './episodes.ts'
import type { KAnonymity } from './k-anonymity.ts'
import type { SegmentLog } from './segment-log.ts'
import { ABSENT } from './vocabulary.ts'

export class Sample {
  readonly log: SegmentLog
  readonly cap: CapSample
  /** By the number of a segment: typed, since there are millions. */
  #persons = new Uint32Array(1 << 12)
  #recordings = new Uint32Array(1 << 12)
  #apps = new Int16Array(1 << 12)
  #segments = 0
  /** Names by number. */
  readonly people: string[] = []
  drops: EpisodeDrops = { appNotInCharter: 0, notShielded: 0, segmentsOverCap: 0 }
  keepsApp: (app: number) => boolean = () => false

  constructor(log: SegmentLog, cap: CapSample) {
    this.log = log
    this.cap = cap
  }

  add(segment: Segment, person: number, { recording, priority }: Origin): void {
    this.log.add(segment)
    this.cap.add(segment, person, priority)
    const number = this.#segments++
    this.#persons = grownTo(this.#persons, this.#segments)
    this.#recordings = grownTo(this.#recordings, this.#segments)
    this.#apps = grownTo(this.#apps, this.#segments)
    this.#persons[number] = person
    this.#recordings[number] = recording
    this.#apps[number] = segment.app
  }

  personOf(segment: number): number {
    return this.#persons[segment] ?? ABSENT
  }

  recordingOf(segment: number): number {
    return this.#recordings[segment] ?? 0
  }

  appOf(segment: number): number {
    return this.#apps[segment] ?? ABSENT
  }

  /** What the cap leaves of the segments, in their order, with the number of the segment that each was. */
  *pieces(capped: Capped): Generator<{ readonly piece: Segment; readonly segment: number }> {
    let segment = 0
    for (const whole of this.log.read()) {
      const length = whole.actions.length / FIELDS
      for (const [from, to] of capped.piecesOf(segment)) {
        // Only the last piece ends where the task ended.
        const end = to === length ? whole.end : 0
        yield { piece: { ...whole, end, actions: whole.actions.slice(from * FIELDS, to * FIELDS) }, segment }
      }
      segment++
    }
  }

  /** Names of the people of whom something is in the release. */
  peopleIn(capped: Capped, anonymity: KAnonymity): Set<string> {
    const found = new Set<string>()
    for (let segment = 0; segment < this.#segments; segment++) {
      const person = this.people[this.personOf(segment)] ?? ''
      if (found.has(person) || !anonymity.keepsApp(this.appOf(segment))) continue
      if (capped.piecesOf(segment).length > 0) found.add(person)
    }
    return found
  }
}
