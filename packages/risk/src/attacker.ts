/**
 * What an attacker is: it learns from units whose people it knows, and says of another unit whose it is.
 *
 * A *unit* is the least that is attacked at once (a sentence, ten actions, a segment). Attackers see what a release or a
 * protection leaves and nothing else; `person` and `group` serve training and judging, never as features.
 */
import type { Random } from './random.ts'

export interface Sample {
  /** From 0, without holes: an attacker makes one score for each number up to the highest that it was trained on. */
  readonly person: number
  /** The recording or session that the unit comes from: enrolment and test never share one. */
  readonly group: number
  /** The same length for every sample of a set; NaN: not seen in this unit. */
  readonly features: Float64Array
  /** What was done in order, as numbers from 0; empty where order says nothing. */
  readonly tokens: Int32Array
}

export interface Attacker {
  readonly name: string
  /**
   * Learns from `train`, whose order says nothing.
   * @param people how many there are: scores are made for persons 0 to `people` - 1, also for those not in `train`
   */
  fit(train: readonly Sample[], people: number, random: Random): Model
}

export interface Model {
  /**
   * One for each person, higher = likelier: log posteriors, up to a constant of the sample. Sums over linked units are
   * what the attacker believes of all of them.
   */
  scores(sample: Sample): Float64Array
}

/** What is believed of several units known to be one person's: the sum of their scores. */
export function linkScores(scores: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(scores[0]?.length ?? 0)
  for (const one of scores) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (one[i] ?? 0)
  return sum
}
