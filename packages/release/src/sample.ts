/** What the first pass of a build leaves: the drawn segments in order, whose each is, and what the cap counted. Memory only. */
import type { Capped, CapSample } from './cap-sample.ts'
import { FIELDS } from './coded-action.ts'
import type { EpisodeDrops, Segment } from './episodes.ts'
import type { KAnonymity } from './k-anonymity.ts'
import type { SegmentLog } from './segment-log.ts'

export class Sample {
  readonly log: SegmentLog
  readonly cap: CapSample
  /** By the number of a segment. */
  readonly origins: { readonly person: number; readonly recording: number; readonly app: number }[] = []
  /** Names by number. */
  readonly people: string[] = []
  drops: EpisodeDrops = { appNotInCharter: 0, notShielded: 0, segmentsOverCap: 0 }
  keepsApp: (app: number) => boolean = () => false

  constructor(log: SegmentLog, cap: CapSample) {
    this.log = log
    this.cap = cap
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
    for (const [segment, { person, app }] of this.origins.entries()) {
      if (anonymity.keepsApp(app) && capped.piecesOf(segment).length > 0) found.add(this.people[person] ?? '')
    }
    return found
  }
}
