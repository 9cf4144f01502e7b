/**
 * Recordings → task segments: short, unlinkable, at most so many a person.
 *
 * A segment ends at every switch of app, at the end of its recording part and after `segmentActionsMax` actions, so it lies in
 * one app and one task. Of each person's segments a uniform sample is kept. What a segment carries on is its app, its task and
 * its actions: no person, recording, device, position or time.
 */
import { type Action, FairtraceError, type TaskOutcome } from '@fairtrace/core'
import { encodeAction, FIELDS, type Shortcuts } from './coded-action.ts'
import { randomStream } from './random.ts'
import { ABSENT, UNNAMED_APP, type Vocabulary } from './vocabulary.ts'

/** One part of a recording as the vault gives it; parts arrive ordered by person, then recording, then part. */
export interface RecordedPart {
  readonly person: string
  /** Tells the person's recordings apart where the risk gate asks; goes nowhere else. */
  readonly recording: string
  /** Task id of the charter, or null for none. */
  readonly task: string | null
  /** How the task ended at the end of this part, or null: it goes on elsewhere, or nobody said. */
  readonly outcome: TaskOutcome | null
  readonly actions: readonly Action[]
}

/** Where a segment stands in its task: in the middle of it, or at its end, as the participant marked it. */
export const SEGMENT_ENDS = ['excerpt', 'done', 'not-done'] as const

/** Fields of `actions.length / FIELDS` actions. `app` and `task` are numbers in the vocabulary; no task is ABSENT. */
export interface Segment {
  readonly app: number
  readonly task: number
  /** Index into SEGMENT_ENDS. */
  readonly end: number
  readonly actions: Int16Array
}

/** What the builder knows of a segment and the release doesn't say. */
export interface Origin {
  readonly recording: number
  /** 32 bits by the person's own chance. */
  readonly priority: number
}

export interface EpisodeRules {
  readonly segmentActionsMax: number
  readonly segmentsPerPersonMax: number
}

/** What did not go on, and why. Actions, except for `segmentsOverCap`. */
export interface EpisodeDrops {
  appNotInCharter: number
  notShielded: number
  segmentsOverCap: number
}

export interface EpisodeMaker {
  readonly drops: EpisodeDrops
  /** Calls `keep` for the sampled segments of each person, one person after the other, numbered from 0. */
  push(part: RecordedPart): void
  end(): void
}

/**
 * @param conforms whether the charter in force allows the action; one that it doesn't takes its whole segment along
 * @throws `SEGMENT_CORRUPT` if a person comes back after another one: the sample would be taken twice
 */
export function createEpisodes(
  vocabulary: Vocabulary,
  rules: EpisodeRules,
  secret: Uint8Array,
  shortcuts: Shortcuts,
  keep: (segment: Segment, person: number, origin: Origin) => void,
  conforms: (action: Action) => boolean,
): EpisodeMaker {
  const drops: EpisodeDrops = { appNotInCharter: 0, notShielded: 0, segmentsOverCap: 0 }
  const people = new Set<string>()
  let person: string | null = null
  let random = randomStream(secret, 'sample')
  let sample: { readonly segment: Segment; readonly recording: number }[] = []
  let met = 0
  let recording: string | null = null
  let recordings = 0

  // A reservoir: every one of the person's segments is as likely to be kept as any other, and memory stays bounded. The draws
  // depend on this person alone, so that one more participant changes nobody else's sample.
  const offer = (segment: Segment): void => {
    met++
    if (sample.length < rules.segmentsPerPersonMax) {
      sample.push({ segment, recording: recordings - 1 })
      return
    }
    drops.segmentsOverCap++
    const place = random.below(met)
    if (place < sample.length) sample[place] = { segment, recording: recordings - 1 }
  }
  const flush = (): void => {
    for (const { segment, recording: number } of sample)
      keep(segment, people.size - 1, { recording: number, priority: random.word() >>> 0 })
    sample = []
    met = 0
  }
  const begin = (next: string): void => {
    flush()
    if (people.has(next)) throw new FairtraceError('SEGMENT_CORRUPT', 'the recordings are not ordered by person')
    people.add(next)
    person = next
    recording = null
    random = randomStream(secret, 'sample', next)
  }

  return {
    drops,
    push(part) {
      if (part.person !== person) begin(part.person)
      if (part.recording !== recording) recordings++
      recording = part.recording
      cutSegments(part, vocabulary, rules.segmentActionsMax, shortcuts, drops, conforms, offer)
    },
    end: flush,
  }
}

function cutSegments(
  part: RecordedPart,
  vocabulary: Vocabulary,
  actionsMax: number,
  shortcuts: Shortcuts,
  drops: EpisodeDrops,
  conforms: (action: Action) => boolean,
  offer: (segment: Segment) => void,
): void {
  const task = part.task === null ? ABSENT : (vocabulary.taskIds.get(part.task) ?? ABSENT)
  let app: number | undefined = UNNAMED_APP
  const fields = new Int16Array(actionsMax * FIELDS)
  let count = 0
  let clean = true
  let left = part.actions.length
  const cut = (): void => {
    if (count > 0 && app !== undefined) {
      // A segment that ends with the part ends with its task, if the participant said how that ended.
      const end = left === 0 && part.outcome !== null ? SEGMENT_ENDS.indexOf(part.outcome) : 0
      if (clean) offer({ app, task, end, actions: fields.slice(0, count * FIELDS) })
      else drops.notShielded += count
    }
    count = 0
    clean = true
  }
  for (const action of part.actions) {
    left--
    if (action.kind === 'switch') {
      cut()
      app = vocabulary.appIds.get(action.app)
      continue
    }
    if (app === undefined) {
      drops.appNotInCharter++
      continue
    }
    if (!conforms(action)) clean = false
    encodeAction(action, vocabulary.labelIds[app] ?? new Map(), shortcuts, fields, count * FIELDS)
    count++
    if (count === actionsMax) cut()
  }
  cut()
}
