/** The reference job: a next-action model, what it beats and by how much, what it spends of a person, and what its loss gives away. */
import type { ReleasedSegment } from '@fairtrace/core'
import { epsilonOf, sigmaFor } from './accountant.ts'
import { accuracy, majority, nGram } from './baselines.ts'
import { type MembershipReport, membership } from './membership.ts'
import { NextActionModel, type Weights } from './model.ts'
import { secretRandom, seededRandom, shuffled } from './random.ts'
import { type Corpus, corpusOf } from './segments.ts'

const TEST_SHARE = 0.2
const EPOCHS = 8
const BATCH = 32
/** Segments of each kind that the attack looks at. */
const ATTACKED_MAX = 2_000
const PRIVATE = { sampling: 0.05, steps: 200, clip: 1 }
/** A model counts as trained if it predicts so much more than always saying the most frequent action. */
export const MARGIN = 0.05

export interface Budget {
  readonly epsilon: number
  readonly delta: number
  /** The most segments that one person has in the release, by its manifest. */
  readonly segmentsMax: number
}

export interface Metrics {
  readonly segments: number
  readonly actions: number
  readonly vocabulary: number
  /** Segments, by chance: a release says of none from which recording it is. */
  readonly heldOut: 'segments'
  readonly accuracy: { readonly model: number; readonly majority: number; readonly nGram: number }
  readonly margin: { readonly required: number; readonly reached: number; readonly isReached: boolean }
  readonly membership: MembershipReport
  readonly privacy: (Budget & { readonly sigma: number; readonly steps: number; readonly sampling: number }) | null
  readonly trainingMs: number
}

export interface Trained {
  readonly weights: Weights & { readonly words: readonly string[] }
  readonly metrics: Metrics
}

/**
 * @param budget null trains without one
 * @param words with a budget: a vocabulary that says nothing of the release, such as the charter's kinds and roles
 */
export function trainBaseline(
  segments: readonly ReleasedSegment[],
  {
    seed,
    budget,
    words,
  }: { readonly seed: number; readonly budget: Budget | null; readonly words?: readonly string[] },
): Trained {
  const random = seededRandom(seed)
  const corpus: Corpus = corpusOf(segments, words)
  const order = shuffled(corpus.sequences, random)
  const cut = Math.floor(order.length * TEST_SHARE)
  const test = order.slice(0, cut)
  const train = order.slice(cut)
  if (test.length === 0 || train.length === 0) throw new RangeError('too few segments to train and to test')
  const model = NextActionModel.create(corpus.vocabulary.length, random)
  const startedAt = performance.now()
  const privacy = budget === null ? null : privately(budget)
  if (privacy === null) model.fit(train, { epochs: EPOCHS, batch: BATCH }, random)
  // Its noise is nobody's to repeat, so that a private model isn't the same twice.
  else model.fitPrivately(train, { ...PRIVATE, sigma: privacy.sigma }, secretRandom())
  const trainingMs = Math.round(performance.now() - startedAt)
  const shares = {
    model: accuracy(model, test),
    majority: accuracy(majority(train), test),
    nGram: accuracy(nGram(train, 3), test),
  }
  const reached = shares.model - shares.majority
  const metrics: Metrics = {
    segments: corpus.sequences.length,
    actions: corpus.sequences.reduce((sum, { tokens }) => sum + tokens.length, 0),
    vocabulary: corpus.vocabulary.length,
    heldOut: 'segments',
    accuracy: shares,
    margin: { required: MARGIN, reached, isReached: reached >= MARGIN },
    membership: membership(
      train.slice(0, ATTACKED_MAX).map((sequence) => model.loss(sequence)),
      test.slice(0, ATTACKED_MAX).map((sequence) => model.loss(sequence)),
    ),
    privacy,
    trainingMs,
  }
  const weights = { ...model.weights(), words: corpus.vocabulary }
  return { weights, metrics }
}

function privately(budget: Budget) {
  const { sampling, steps } = PRIVATE
  const { segmentsMax, epsilon, delta } = budget
  const sigma = sigmaFor({ sampling, segmentsMax }, steps, epsilon, delta)
  return { ...budget, epsilon: epsilonOf({ sampling, segmentsMax, sigma }, steps, delta), sigma, steps, sampling }
}
