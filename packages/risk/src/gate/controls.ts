/**
 * Whether the attackers see anything on these very data: a gate whose attackers are blind proves nothing.
 *
 * *Planted*: everybody gets a weak habit of their own, one key after some of their actions; attackers must find people by it.
 * *Shuffled*: the people are dealt to the segments by chance; attackers must find nobody, or the protocol leaks.
 */
import { type CandidateSegment, NAMED_KEYS, type ReleasedAction } from '@fairtrace/core'
import { Random } from '../random.ts'

/** Share of segments in which a planted habit shows. */
const SHOWN = 0.7

export function withPlantedHabits(segments: readonly CandidateSegment[], seed: number): CandidateSegment[] {
  const random = new Random(seed, 'planted habits')
  return segments.map((segment) => {
    if (random.next() > SHOWN) return segment
    const habit = habitOf(segment.person)
    const at = random.below(segment.actions.length + 1)
    return { ...segment, actions: [...segment.actions.slice(0, at), ...habit, ...segment.actions.slice(at)] }
  })
}

/** Two keys in a row that few others press: a pair tells hundreds of people apart. */
function habitOf(person: number): readonly ReleasedAction[] {
  const key = (at: number): ReleasedAction => ({ kind: 'press', key: NAMED_KEYS[at % NAMED_KEYS.length] ?? 'enter' })
  return [key(person), key(Math.floor(person / NAMED_KEYS.length) + person * 7)]
}

/** Recordings keep together, so that what they share can't find a person who isn't there. */
export function withShuffledPeople(segments: readonly CandidateSegment[], seed: number): CandidateSegment[] {
  const random = new Random(seed, 'shuffled people')
  const recordings = [...new Map(segments.map(({ recording, person }) => [recording, person]))]
  const people = random.shuffle(recordings.map(([, person]) => person))
  const dealt = new Map(recordings.map(([recording], i) => [recording, people[i] ?? 0]))
  return segments.map((segment) => ({ ...segment, person: dealt.get(segment.recording) ?? segment.person }))
}
