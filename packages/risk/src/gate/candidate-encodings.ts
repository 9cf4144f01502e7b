/**
 * What an attacker sees of a candidate: everything that a release holds, in several ways of writing it, so that none is spared
 * because of how it was written.
 *
 * Also what nobody meant to say: how long a segment is, how many bytes it takes, where in the files it stands.
 */
import type { CandidateSegment } from '@fairtrace/core'
import type { Encoding } from '../assess.ts'
import type { Sample } from '../attacker.ts'
import { hashText } from '../random.ts'
import { actionFeatures, actionToken, kindToken } from '../recordings/action-features.ts'

/** Apps, tasks and names are open lists: they share so many columns by their hash. */
const BUCKETS = 32

export function encodeSegments(segments: readonly CandidateSegment[]): Encoding[] {
  const last = Math.max(1, ...segments.map(({ order }) => order))
  const encoding = (
    name: string,
    featuresOf: (segment: CandidateSegment) => number[],
    tokensOf: (segment: CandidateSegment) => number[],
  ): Encoding => ({
    name,
    samples: segments.map(
      (segment): Sample => ({
        person: segment.person,
        group: segment.recording,
        features: Float64Array.from(featuresOf(segment)),
        tokens: Int32Array.from(tokensOf(segment)),
      }),
    ),
  })
  const around = (segment: CandidateSegment) => surroundings(segment, last)
  return [
    encoding(
      'everything',
      (segment) => [...actionFeatures(segment.actions), ...around(segment)],
      (segment) => [appToken(segment), ...segment.actions.map(actionToken)],
    ),
    encoding(
      'kinds in order',
      (segment) => kindCounts(segment),
      (segment) => segment.actions.map(kindToken),
    ),
    encoding('what stands around it', around, (segment) => [appToken(segment), segment.actions.length]),
  ]
}

/** Of a segment without its actions: app, task, how it ended, length, size, place in the order, its name. */
function surroundings(segment: CandidateSegment, last: number): number[] {
  const app = new Array<number>(BUCKETS).fill(0)
  app[hashText(segment.app ?? '') % BUCKETS] = 1
  const task = new Array<number>(BUCKETS).fill(0)
  if (segment.task !== null) task[hashText(segment.task) % BUCKETS] = 1
  const outcome = segment.outcome === 'done' ? 1 : segment.outcome === 'not-done' ? -1 : 0
  const name = Number.parseInt(segment.name.slice(0, 8), 16) / 2 ** 32
  return [...app, ...task, outcome, segment.actions.length, segment.bytes, segment.order / last, name]
}

function kindCounts({ actions }: CandidateSegment): number[] {
  const counts = new Array<number>(8).fill(0)
  for (const action of actions) {
    const kind = kindToken(action)
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

function appToken({ app }: CandidateSegment): number {
  return hashText(app ?? '') & 0x7fffffff
}
