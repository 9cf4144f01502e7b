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

/**
 * Trains on the people who are not tested, of `train`; tests on the others' segments of `test`. Both number people alike.
 * @returns null where either side is empty
 */
export function nextAction(
  train: readonly CandidateSegment[],
  test: readonly CandidateSegment[],
  random: Random,
): NextAction | null {
  const people = [...new Set([...train, ...test].map(({ person }) => person))].toSorted((a, b) => a - b)
  random.shuffle(people)
  const tested = new Set(people.slice(0, Math.ceil(people.length * TEST_PEOPLE)))
  const model = new BackOff()
  for (const segment of train) if (!tested.has(segment.person)) model.learn(sequenceOf(segment))
  const outcomes: { readonly truth: string; readonly guess: string }[] = []
  let common = 0
  for (const segment of test) {
    if (!tested.has(segment.person)) continue
    const sequence = sequenceOf(segment)
    for (let at = 1; at < sequence.length; at++) {
      const truth = sequence[at] ?? ''
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

  learn(sequence: readonly string[]): void {
    for (const [at, next] of sequence.entries()) {
      for (let length = 0; length <= Math.min(CONTEXT, at); length++) {
        const context = contextOf(sequence.slice(at - length, at))
        const counts = this.#counts.get(context) ?? new Map<string, number>()
        counts.set(next, (counts.get(next) ?? 0) + 1)
        this.#counts.set(context, counts)
      }
    }
  }

  /** The commonest next action after the longest context that was ever seen. */
  guess(before: readonly string[]): string {
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

function contextOf(actions: readonly string[]): string {
  return actions.join('\n')
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

function sequenceOf({ app, actions }: CandidateSegment): string[] {
  return [`in ${app ?? ''}`, ...actions.map(nameOf)]
}

function nameOf(action: ReleasedAction): string {
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
