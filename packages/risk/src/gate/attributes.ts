/**
 * Guessing what a person is like from one segment: habits that show in their other recordings, such as whether they prefer
 * shortcuts. Nobody needs a name for that to hurt. Reported against the best guess without any segment.
 */
import type { CandidateSegment } from '@fairtrace/core'
import { forest } from '../attackers/forest.ts'
import type { Random } from '../random.ts'
import { encodeSegments } from './candidate-encodings.ts'

export interface AttributeFigure {
  readonly attribute: string
  /** Share of single segments from which it was guessed right. */
  readonly accuracy: number
  /** What guessing the commoner answer reaches. */
  readonly base: number
}

interface Attribute {
  readonly name: string
  counts(segment: CandidateSegment): { readonly hits: number; readonly of: number }
}

const share = (name: string, isHit: (kind: string) => boolean): Attribute => ({
  name,
  counts: ({ actions }) => ({ hits: actions.filter(({ kind }) => isHit(kind)).length, of: actions.length }),
})

const ATTRIBUTES: readonly Attribute[] = [
  share('prefers shortcuts', (kind) => kind === 'hotkey'),
  share('prefers the keyboard', (kind) => kind === 'press' || kind === 'hotkey' || kind === 'type'),
  share('scrolls much', (kind) => kind === 'scroll'),
  share('rests the pointer on things', (kind) => kind === 'hover'),
]

/** People are halved at the median; one half must be guessed for segments of people whom the attacker never saw. */
export function attributeAttacks(segments: readonly CandidateSegment[], random: Random): AttributeFigure[] {
  const samples = encodeSegments(segments)[0]?.samples ?? []
  return ATTRIBUTES.map((attribute) => {
    const halves = halvesOf(segments, attribute)
    let right = 0
    let tested = 0
    let upper = 0
    const labelled = samples.map((sample) => ({
      ...sample,
      // The person becomes the group: what is tested is of people who were never seen.
      group: sample.person % FOLDS,
      person: halves.get(sample.person) ?? 0,
    }))
    for (let fold = 0; fold < FOLDS; fold++) {
      const train = labelled.filter(({ group }) => group !== fold)
      const test = labelled.filter(({ group }) => group === fold)
      if (train.length === 0 || test.length === 0) continue
      const model = forest(TREES).fit(train, 2, random)
      for (const sample of test) {
        const [low = 0, high = 0] = model.scores(sample)
        if ((high > low ? 1 : 0) === sample.person) right++
        upper += sample.person
        tested++
      }
    }
    const base = tested === 0 ? Number.NaN : Math.max(upper, tested - upper) / tested
    return { attribute: attribute.name, accuracy: tested === 0 ? Number.NaN : right / tested, base }
  })
}

const FOLDS = 4
/** Two answers need fewer and blunter trees than hundreds of people. */
const TREES = { trees: 24, leafMin: 5 } as const

/** 1: above the median of all people. */
function halvesOf(segments: readonly CandidateSegment[], { counts }: Attribute): ReadonlyMap<number, 0 | 1> {
  const totals = new Map<number, { hits: number; of: number }>()
  for (const segment of segments) {
    const own = totals.get(segment.person) ?? { hits: 0, of: 0 }
    const { hits, of } = counts(segment)
    totals.set(segment.person, { hits: own.hits + hits, of: own.of + of })
  }
  const shares = [...totals].map(([person, { hits, of }]) => ({ person, share: of === 0 ? 0 : hits / of }))
  const median = shares.toSorted((a, b) => a.share - b.share)[Math.floor(shares.length / 2)]?.share ?? 0
  return new Map(shares.map((one) => [one.person, one.share >= median ? 1 : 0]))
}
