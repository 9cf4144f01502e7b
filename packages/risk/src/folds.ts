/** Enrolment and test from different recordings: what they share (a day, a task, a device's state) must find nobody. */
import type { Sample } from './attacker.ts'
import type { Random } from './random.ts'

export interface Fold {
  readonly train: readonly Sample[]
  readonly test: readonly Sample[]
}

/**
 * `count` ways to part the groups of each person; every group is tested once.
 *
 * A person with fewer groups than `count` has none in the test of some folds; one with a single group is never tested,
 * because then nothing would be left to enrol.
 */
export function groupedFolds(samples: readonly Sample[], count: number, random: Random): Fold[] {
  const groups = new Map<number, Set<number>>()
  for (const { person, group } of samples) {
    const own = groups.get(person) ?? new Set()
    own.add(group)
    groups.set(person, own)
  }
  const foldOf = new Map<string, number>()
  for (const [person, own] of groups) {
    if (own.size < 2) continue
    const order = random.shuffle([...own])
    const first = random.below(count)
    for (const [i, group] of order.entries()) foldOf.set(`${person}\n${group}`, (first + i) % count)
  }
  return Array.from({ length: count }, (_, fold) => {
    const isTested = (sample: Sample) => foldOf.get(`${sample.person}\n${sample.group}`) === fold
    return { train: samples.filter((sample) => !isTested(sample)), test: samples.filter(isTested) }
  })
}
