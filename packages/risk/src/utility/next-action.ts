/**
 * What a release is good for: how often a model that was trained on it names the next action of somebody it has never seen.
 *
 * A back-off model over the last two actions: small, exact, and the same on both sides, so that the difference is the data's.
 */
import type { CandidateSegment, ReleasedAction, Target } from '@fairtrace/core'
import type { Random } from '../random.ts'

export interface NextAction {
  /** Share of next actions that were named in full: kind, target's role and label, key, shortcut, or kind of text. */
  readonly accuracy: number
  /** What always naming the commonest action reaches. */
  readonly majority: number
  /** Mean over kinds of the harmonic mean of precision and recall of the next action's kind. */
  readonly kindF1: number
  readonly tested: number
}

const CONTEXT = 2
const TEST_PEOPLE = 0.3

/** One step in order: what a model sees of it afterwards, and how it is named where it has to be foretold. */
export interface Step {
  readonly seen: string
  readonly name: string
}

/**
 * Trains on the people who are not tested, of `train`; tests on the others' segments of `test`. Both number people alike.
 * @returns null where either side is empty
 */
export function nextAction(
  train: readonly CandidateSegment[],
  test: readonly CandidateSegment[],
  random: Random,
): NextAction | null {
  const tested = testedPeople([...train, ...test], random)
  return nextStep(
    train.filter(({ person }) => !tested.has(person)).map(stepsOf),
    test.filter(({ person }) => tested.has(person)).map(stepsOf),
  )
}

/** Whom no model is trained on, by chance. */
export function testedPeople(all: readonly { readonly person: number }[], random: Random): ReadonlySet<number> {
  const people = [...new Set(all.map(({ person }) => person))].toSorted((a, b) => a - b)
  random.shuffle(people)
  return new Set(people.slice(0, Math.ceil(people.length * TEST_PEOPLE)))
}

/** Every step but the first of each sequence is foretold. @returns null where either side is empty */
export function nextStep(train: readonly (readonly Step[])[], test: readonly (readonly Step[])[]): NextAction | null {
  const model = new BackOff()
  for (const sequence of train) model.learn(sequence)
  const outcomes: { readonly truth: string; readonly guess: string }[] = []
  let common = 0
  for (const sequence of test) {
    for (let at = 1; at < sequence.length; at++) {
      const truth = sequence[at]?.name ?? ''
      outcomes.push({ truth, guess: model.guess(sequence.slice(Math.max(0, at - CONTEXT), at)) })
      if (truth === model.commonest()) common++
    }
  }
  if (outcomes.length === 0 || model.isEmpty) return null
  const right = outcomes.filter(({ truth, guess }) => truth === guess).length
  return {
    accuracy: right / outcomes.length,
    majority: common / outcomes.length,
    kindF1: macroF1(outcomes.map(({ truth, guess }) => [kindOf(truth), kindOf(guess)])),
    tested: outcomes.length,
  }
}

class BackOff {
  readonly #counts = new Map<string, Map<string, number>>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  learn(sequence: readonly Step[]): void {
    for (const [at, { name: next }] of sequence.entries()) {
      for (let length = 0; length <= Math.min(CONTEXT, at); length++) {
        const context = contextOf(sequence.slice(at - length, at))
        const counts = this.#counts.get(context) ?? new Map<string, number>()
        counts.set(next, (counts.get(next) ?? 0) + 1)
        this.#counts.set(context, counts)
      }
    }
  }

  /** The commonest next action after the longest context that was ever seen. */
  guess(before: readonly Step[]): string {
    for (let length = before.length; length > 0; length--) {
      const counts = this.#counts.get(contextOf(before.slice(before.length - length)))
      if (counts !== undefined) return most(counts)
    }
    return this.commonest()
  }

  commonest(): string {
    this.#commonest ??= most(this.#counts.get('') ?? new Map())
    return this.#commonest
  }

  #commonest: string | null = null
}

function contextOf(steps: readonly Step[]): string {
  return steps.map(({ seen }) => seen).join('\n')
}

/** Of equal ones the first by name, so that no order of reading decides. */
function most(counts: ReadonlyMap<string, number>): string {
  let best = ''
  let bestCount = 0
  for (const [name, count] of counts) {
    if (count > bestCount || (count === bestCount && name < best)) [best, bestCount] = [name, count]
  }
  return best
}

/** With the app as what was seen first. */
export function stepsOf({ app, actions }: Pick<CandidateSegment, 'app' | 'actions'>): Step[] {
  return [`in ${app ?? ''}`, ...actions.map(nameOf)].map((name) => ({ seen: name, name }))
}

/** Kind, and target's role and label, key, shortcut, or kind of text. */
export function nameOf(action: ReleasedAction): string {
  switch (action.kind) {
    case 'press':
      return `press ${action.key}`
    case 'hotkey':
      return `hotkey ${action.keys.join('+')}`
    case 'type':
      return `type ${action.text}`
    case 'drag':
      return `drag ${targetName(action.from)} ${targetName(action.to)}`
    default:
      return `${action.kind} ${targetName(action.target)}`
  }
}

function targetName(target: Target): string {
  return 'cell' in target ? `cell ${target.cell.join(',')}` : `${target.role} ${target.label ?? ''}`
}

function kindOf(name: string): string {
  return name.split(' ', 1)[0] ?? ''
}

/** @param pairs truth and guess */
export function macroF1(pairs: readonly (readonly [string, string])[]): number {
  const kinds = [...new Set(pairs.map(([truth]) => truth))]
  const scores = kinds.map((kind) => {
    const hits = pairs.filter(([truth, guess]) => truth === kind && guess === kind).length
    const truths = pairs.filter(([truth]) => truth === kind).length
    const guesses = pairs.filter(([, guess]) => guess === kind).length
    return hits === 0 ? 0 : (2 * hits) / (truths + guesses)
  })
  return scores.length === 0 ? Number.NaN : scores.reduce((sum, score) => sum + score, 0) / scores.length
}
