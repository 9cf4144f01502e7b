/** The candidate as the risk gate sees it: what would be released, with whose it is. Exists in the builder's memory alone. */
import {
  type CandidateSegment,
  GRID,
  LENGTH_CLASSES,
  NAMED_KEYS,
  type ReleasedAction,
  ROLES,
  type Target,
  TEXT_KINDS,
} from '@fairtrace/core'
import type { Capped } from './cap-sample.ts'
import { BUTTONS, DIRECTIONS, FIELD, FIELDS, KINDS, TARGET_FIELD } from './coded-action.ts'
import { SEGMENT_ENDS, type Segment } from './episodes.ts'
import type { KAnonymity } from './k-anonymity.ts'
import { randomStream, shuffle } from './random.ts'
import type { Sample } from './sample.ts'
import { ABSENT, type Vocabulary } from './vocabulary.ts'

/** What of a build its candidates are made of. */
export interface Candidate {
  readonly sample: Sample
  readonly capped: Capped
  readonly anonymity: KAnonymity
  readonly vocabulary: Vocabulary
  readonly shortcuts: readonly (readonly string[])[]
  /** Place of each piece in the release, or ABSENT for one that is not in it. */
  readonly order: Int32Array
  /** Numbers of people by chance: the order of pseudonyms is no feature. */
  readonly numbers: Uint32Array
}

/** @param people how many there are */
export function candidateNumbers(people: number, secret: Uint8Array): Uint32Array {
  const numbers = Uint32Array.from({ length: people }, (_, i) => i)
  shuffle(numbers, randomStream(secret, 'candidates'))
  return numbers
}

/** What would be released. */
export function* candidateSegments(candidate: Candidate): Generator<CandidateSegment> {
  const { sample, capped, anonymity, order } = candidate
  let piece = -1
  for (const { piece: segment, segment: from } of sample.pieces(capped)) {
    piece++
    const place = order[piece] ?? ABSENT
    if (place === ABSENT) continue
    anonymity.removeRareLabels(segment)
    const task = anonymity.taskOf(segment)
    yield candidateOf({ ...segment, task, end: anonymity.endOf(segment) }, from, place, candidate)
  }
}

/** What was drawn, before anonymity and cap took anything out: what attack and utility are compared with. */
export function* drawnSegments(candidate: Candidate): Generator<CandidateSegment> {
  let segment = 0
  for (const drawn of candidate.sample.log.read()) yield candidateOf(drawn, segment, segment++, candidate)
}

function candidateOf(
  segment: Segment,
  from: number,
  place: number,
  { sample, vocabulary, shortcuts, numbers }: Candidate,
): CandidateSegment {
  const end = SEGMENT_ENDS[segment.end]
  const actions = actionsOf(segment, vocabulary, shortcuts)
  return {
    name: String(place),
    app: vocabulary.apps[segment.app] || null,
    task: vocabulary.tasks[segment.task]?.id ?? null,
    outcome: end === 'done' || end === 'not-done' ? end : null,
    actions,
    person: numbers[sample.personOf(from)] ?? 0,
    recording: sample.recordingOf(from),
    order: place,
    bytes: JSON.stringify(actions).length,
  }
}

function actionsOf(
  { app, actions }: Segment,
  vocabulary: Vocabulary,
  shortcuts: readonly (readonly string[])[],
): ReleasedAction[] {
  const found: ReleasedAction[] = []
  for (let at = 0; at < actions.length; at += FIELDS) {
    const field = (offset: number) => actions[at + offset] ?? ABSENT
    const target = (offset: number) => targetOf(actions, at + offset, app, vocabulary)
    const button = BUTTONS[field(FIELD.button)] ?? 'left'
    const kind = KINDS[field(FIELD.kind)]
    if (kind === 'hover') found.push({ kind, target: target(FIELD.target) })
    else if (kind === 'click')
      found.push({ kind, button, count: field(FIELD.count) as 1 | 2 | 3, target: target(FIELD.target) })
    else if (kind === 'drag') found.push({ kind, button, from: target(FIELD.target), to: target(FIELD.toTarget) })
    else if (kind === 'scroll')
      found.push({
        kind,
        direction: DIRECTIONS[field(FIELD.direction)] ?? 'down',
        amount: field(FIELD.amount) as 1,
        target: target(FIELD.target),
      })
    else if (kind === 'press') found.push({ kind, key: NAMED_KEYS[field(FIELD.key)] ?? 'enter' })
    else if (kind === 'hotkey') found.push({ kind, keys: [...(shortcuts[field(FIELD.keys)] ?? [])] as never })
    else
      found.push({
        kind: 'type',
        text: TEXT_KINDS[field(FIELD.text)] ?? 'other',
        length: LENGTH_CLASSES[field(FIELD.length)] ?? 'tiny',
      })
  }
  return found
}

function targetOf(actions: Int16Array, at: number, app: number, vocabulary: Vocabulary): Target {
  const field = (offset: number) => actions[at + offset] ?? ABSENT
  const cell = field(TARGET_FIELD.cell)
  if (cell !== ABSENT) return { cell: [cell % GRID.columns, Math.floor(cell / GRID.columns)] }
  const role = ROLES[field(TARGET_FIELD.role)] ?? 'other'
  const box: [number, number, number, number] = [
    field(TARGET_FIELD.x),
    field(TARGET_FIELD.y),
    field(TARGET_FIELD.width),
    field(TARGET_FIELD.height),
  ]
  const label = field(TARGET_FIELD.label)
  if (label === ABSENT) return { role, box }
  return { role, label: vocabulary.labels[(vocabulary.labelOffsets[app] ?? 0) + label] ?? '', box }
}
