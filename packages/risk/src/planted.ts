/** Synthetic people with a planted habit, for tests: `strength` spreads between people in units of the spread within one; 0 removes it. */
import type { Sample } from './attacker.ts'
import { Random } from './random.ts'

export interface Planted {
  readonly people: number
  readonly groups: number
  readonly perGroup: number
  readonly strength: number
  readonly seed: number
}

const COLUMNS = 12
const TOKENS = 6

export function plantedSamples({ people, groups, perGroup, strength, seed }: Planted): Sample[] {
  const random = new Random(seed, 'planted')
  return Array.from({ length: people }, (_, person) => {
    const middle = Array.from({ length: COLUMNS }, () => strength * random.normal())
    // A favourite token stands where chance would put any other.
    const favourite = random.below(TOKENS)
    const often = 1 - Math.exp(-strength)
    return Array.from(
      { length: groups * perGroup },
      (_, i): Sample => ({
        person,
        group: person * groups + Math.floor(i / perGroup),
        features: Float64Array.from(middle, (value) => value + random.normal()),
        tokens: Int32Array.from({ length: 12 }, () => (random.next() < often ? favourite : random.below(TOKENS))),
      }),
    )
  }).flat()
}
