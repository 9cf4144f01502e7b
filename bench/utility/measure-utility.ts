/** What is left of simulated work after shield, cutting, anonymity and cap: operations, targets, and what a model learns from it. */
import type { ReleasedAction } from '@fairtrace/core'
import {
  EXAMPLE_LIMITS,
  hits,
  type NextAction,
  nextStep,
  operationOf,
  pairs,
  protectSegments,
  Random,
  SegmentCutter,
  type Step,
  stepsOf,
  testedPeople,
} from '@fairtrace/risk'
import type { Performed } from '@fairtrace/testing/simulator'
import { type RecordedSession, recordedOffice } from './recorded-office.ts'

export interface Utility {
  /** Share of what was done in listed apps that stands in the actions, in order, as what it was. */
  readonly operations: number
  /** Share of clicks on known elements whose released point lies on the element that was clicked. */
  readonly hits: number
  readonly released: NextAction
  /** The better of two models that see everything: one that looks at labels and places, one that doesn't. */
  readonly unprotected: NextAction
  /** Share of the actions that the cap leaves. */
  readonly kept: number
}

const OFFICE = { people: 60, sessionsEach: 6, actionsAbout: 60 } as const

export function measureUtility(): Utility {
  const sessions = [...recordedOffice(OFFICE)]
  return { ...operationsOf(sessions), ...learnt(sessions) }
}

function operationsOf(sessions: readonly RecordedSession[]): Pick<Utility, 'operations' | 'hits'> {
  const [totals, clicks] = [
    { done: 0, found: 0 },
    { done: 0, hit: 0 },
  ]
  for (const { done, shielded } of sessions) {
    const apps = new Set(shielded.flatMap((action) => (action.kind === 'switch' ? [action.app] : [])))
    const truth = joined(done.filter(({ app, field }) => apps.has(app) && field !== 'secure' && field !== 'unknown'))
    // To rest on something changes nothing in it, and a switch is told by the app.
    const actions = shielded.filter(
      (action): action is ReleasedAction => action.kind !== 'switch' && action.kind !== 'hover',
    )
    const found = pairs(
      truth.map(({ operation }) => operation),
      actions.map(operationOf),
    )
    totals.done += truth.length
    totals.found += found.length
    clicks.done += truth.filter(isClick).length
    for (const [at, place] of found) {
      const [one, action] = [truth[at], actions[place]]
      if (one?.box && isClick(one) && action?.kind === 'click' && hits(action.target, one.box, one.window)) clicks.hit++
    }
  }
  return { operations: totals.found / totals.done, hits: clicks.hit / clicks.done }
}

function isClick({ operation, box }: Performed): boolean {
  return operation.startsWith('click') && box !== null
}

/** One turn of the wheel after another is one scroll, and one text after another is one text: there is nothing between them. */
function joined(done: readonly Performed[]): Performed[] {
  return done.filter(({ operation, app }, i) => {
    const before = done[i - 1]
    const isRun = operation === 'type' || operation.startsWith('scroll')
    return !(isRun && before?.operation === operation && before.app === app)
  })
}

function learnt(sessions: readonly RecordedSession[]): Pick<Utility, 'released' | 'unprotected' | 'kept'> {
  const cutter = new SegmentCutter(EXAMPLE_LIMITS.segmentActionsMax)
  for (const { person, recording, shielded } of sessions) {
    cutter.push({
      person: String(person),
      recording: String(recording),
      task: null,
      outcome: null,
      actions: [...shielded],
    })
  }
  const segments = protectSegments(cutter.segments, EXAMPLE_LIMITS, new Random(1, 'cap'))
  const tested = testedPeople(segments, new Random(1, 'who is tested'))
  const isTested = ({ person }: { readonly person: number }) => tested.has(person)
  const test = sessions.filter(isTested).flatMap((one) => stretches(one))
  const rest = sessions.filter((one) => !isTested(one)).flatMap((one) => stretches(one))
  const released = nextStep(
    segments.filter((one) => !isTested(one)).map(stepsOf),
    test.map(({ coarse }) => coarse),
  )
  const open = [
    nextStep(
      rest.map(({ exact }) => exact),
      test.map(({ exact }) => exact),
    ),
    nextStep(
      rest.map(({ coarse }) => coarse),
      test.map(({ coarse }) => coarse),
    ),
  ].filter((one) => one !== null)
  const unprotected = open.reduce((best, one) => (one.accuracy > best.accuracy ? one : best))
  if (released === null) throw new RangeError('the simulated office leaves nothing to learn from')
  const count = (list: readonly { readonly actions: readonly unknown[] }[]) =>
    list.reduce((sum, { actions }) => sum + actions.length, 0)
  return { released, unprotected, kept: count(segments) / count(cutter.segments) }
}

/** Between two switches, whole: as seen without a shield, and as a release names it. */
function stretches({ exact, shielded }: RecordedSession): { exact: Step[]; coarse: Step[] }[] {
  const found: { exact: Step[]; coarse: Step[] }[] = []
  let app: string | null = null
  let [exactly, named]: [ReleasedAction[], ReleasedAction[]] = [[], []]
  const cut = () => {
    const coarse = stepsOf({ app, actions: named })
    const seen = stepsOf({ app, actions: exactly })
    const exact = coarse.map(({ name }, i) => ({ name, seen: `${seen[i]?.seen} ${placeOf(exactly[i - 1])}` }))
    if (named.length > 0) found.push({ exact, coarse })
    exactly = []
    named = []
  }
  for (const [i, action] of shielded.entries()) {
    const raw = exact[i]
    // Labels alone tell the two apart: the same events make the same actions.
    if (raw?.kind !== action.kind) throw new RangeError('the two shields saw different actions')
    if (action.kind === 'switch') {
      cut()
      app = action.app
    } else if (raw.kind !== 'switch') {
      named.push(action)
      exactly.push(raw)
    }
  }
  cut()
  return found
}

/** Everything that stands in it: places, lengths, counts. */
function placeOf(action: ReleasedAction | undefined): string {
  return action === undefined ? '' : JSON.stringify(action)
}
