/** A simulated person: the same seed and index give the same habits, and the same session the same events. */
import { FairtraceError, type InputEvent } from '@fairtrace/core'
import { LISTED_PLANS } from './apps.ts'
import { drawHabits, type Habits, habitsToday } from './habits.ts'
import { Hand } from './hand.ts'
import { Performer } from './perform.ts'
import type { Witness } from './performed.ts'
import { Random, streamOf } from './random.ts'
import type { RawEvent } from './raw-event.ts'
import { MOMENTS, PLANNED_TASKS, type Step } from './tasks.ts'

export interface SessionOptions {
  /** The session ends with the first whole round of the task, or the first ordinary thing, that reaches about this many actions. */
  readonly actionsAbout: number
  /** `false` leaves out the `move` events, which no shield lets through, and changes nothing else: load at little cost. */
  readonly motion?: boolean
  /** Told of everything that the person really does, as it is done. */
  readonly witness?: Witness
}

export interface SimulatedParticipant {
  readonly index: number
  readonly habits: Habits
  /**
   * What a source on this person's machine reports, in order of time.
   *
   * @param taskId a task of `SIMULATED_TASKS`, done again and again; `null`: an ordinary stretch of work
   * @param startAtMs Unix milliseconds; another start is another session
   * @throws USAGE if there is no such task
   */
  session(taskId: string | null, startAtMs: number, options: SessionOptions): Generator<InputEvent>
}

/** @param seed names the population, @param index the person in it */
export function createParticipant(seed: number, index: number): SimulatedParticipant {
  const habits = drawHabits(seed, index)
  const participant = { seed, index, habits }
  return {
    index,
    habits,
    *session(taskId, startAtMs, options) {
      for (const event of rawSession(participant, taskId, startAtMs, options)) {
        yield event.kind === 'move' ? { kind: 'move', atMs: event.atMs } : event
      }
    },
  }
}

/** Who performs a session. */
export interface Performing {
  readonly seed: number
  readonly index: number
  readonly habits: Habits
}

/** The same session with the way of the pointer, as only the operating system ever sees it. Holds one step in memory. */
export function* rawSession(
  { seed, index, habits }: Performing,
  taskId: string | null,
  startAtMs: number,
  { actionsAbout, motion = true, witness }: SessionOptions,
): Generator<RawEvent> {
  const session = `${taskId ?? ''}\n${startAtMs}`
  const random = new Random(seed, index, streamOf(session))
  const paths = motion ? new Random(seed, index, streamOf(`${session}\nmotion`)) : null
  const script = taskId === null ? ordinaryWork(habits, random) : rounds(taskId)
  const today = habitsToday(habits, random)
  const hand = new Hand(today, random, paths, startAtMs, random.pick(LISTED_PLANS).id, witness)
  const performer = new Performer(today, random, hand)
  for (const stretch of script) {
    const before = performer.actions
    for (const step of stretch) {
      performer.perform(step)
      yield* hand.out
      hand.out.length = 0
    }
    const size = performer.actions - before
    // Whole rounds only: stops where one more would lead further past the mark than stopping stays short of it.
    if (performer.actions + size / 2 >= actionsAbout) return
    if (random.chance(BREAKS)) hand.pause(random.logNormal(120_000, 0.8))
  }
}

const BREAKS = 0.02
const STRAYS_IN_WORK = 0.04
const GOES_ON_IN_APP = 0.6

function* rounds(taskId: string): Generator<readonly Step[]> {
  const task = PLANNED_TASKS.find((candidate) => candidate.id === taskId)
  if (task === undefined) throw new FairtraceError('USAGE', `no simulated task is called ${taskId.slice(0, 64)}`)
  while (true) yield task.steps
}

/** Wanders from app to app by the person's likings. */
function* ordinaryWork(habits: Habits, random: Random): Generator<readonly Step[]> {
  let current = random.pick(LISTED_PLANS)
  while (true) {
    const moments = MOMENTS.get(current.id)
    if (moments === undefined) throw new RangeError(`nothing to do in ${current.id}`)
    yield [{ do: 'open', app: current.id }, ...random.pick(moments)]
    if (random.chance(STRAYS_IN_WORK)) yield [{ do: 'stray' }]
    if (random.chance(GOES_ON_IN_APP)) continue
    current = random.weighted(LISTED_PLANS, habits.work.appWeights[LISTED_PLANS.indexOf(current)] ?? [])
  }
}
