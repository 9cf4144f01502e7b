/** What is done in which order: n-grams as a bag, and a Markov chain. Both keep only what was seen of each person. */
import type { Attacker, Sample } from '../attacker.ts'

/** Runs of up to so many tokens. */
const GRAMS = 3
/** Everybody's habits count as so many observations of one's own. */
const EVERYBODY = 2

/** Counts of one thing (an n-gram; a step in a context), person by person, and over all. */
class Counts {
  readonly total = new Map<string, number>()
  readonly #own = new Map<string, Map<number, number>>()

  add(key: string, person: number): void {
    this.total.set(key, (this.total.get(key) ?? 0) + 1)
    let own = this.#own.get(key)
    if (own === undefined) {
      own = new Map()
      this.#own.set(key, own)
    }
    own.set(person, (own.get(person) ?? 0) + 1)
  }

  of(key: string): ReadonlyMap<number, number> {
    return this.#own.get(key) ?? NOBODY
  }
}

const NOBODY: ReadonlyMap<number, number> = new Map()

export const ngrams: Attacker = {
  name: 'n-grams',
  fit(train, people) {
    const counts = new Counts()
    const sizes = new Float64Array(people)
    let all = 0
    for (const { person, tokens } of train) {
      for (const gram of gramsOf(tokens)) {
        counts.add(gram, person)
        sizes[person] = (sizes[person] ?? 0) + 1
        all++
      }
    }
    return {
      scores({ tokens }: Sample) {
        const scores = new Float64Array(people)
        let grams = 0
        for (const gram of gramsOf(tokens)) {
          grams++
          // What nobody did tells nobody apart but by how much is known of each, which the last loop counts.
          const weight = EVERYBODY * (((counts.total.get(gram) ?? 0) + 0.5) / (all + 1)) * GRAM_SHARE
          for (const [person, count] of counts.of(gram)) {
            scores[person] = (scores[person] ?? 0) + Math.log1p(count / weight)
          }
        }
        return scores.map(
          (score, person) => score - grams * Math.log1p((sizes[person] ?? 0) / (EVERYBODY * GRAM_SHARE)),
        )
      },
    }
  },
}

/** Everybody's habits weigh this much more in the bag, where one person has many n-grams. */
const GRAM_SHARE = 25

export const markov: Attacker = {
  name: 'Markov chain',
  fit(train, people) {
    const steps = new Counts()
    const contexts = new Counts()
    const tokensSeen = new Counts()
    let all = 0
    for (const { person, tokens } of train) {
      for (const [i, token] of tokens.entries()) {
        const before = String(tokens[i - 1] ?? -1)
        steps.add(`${before} ${token}`, person)
        contexts.add(before, person)
        tokensSeen.add(String(token), person)
        all++
      }
    }
    return {
      scores({ tokens }: Sample) {
        const scores = new Float64Array(people)
        for (const [i, token] of tokens.entries()) {
          const before = String(tokens[i - 1] ?? -1)
          const step = `${before} ${token}`
          const alone = ((tokensSeen.total.get(String(token)) ?? 0) + 0.5) / (all + 1)
          const common = ((steps.total.get(step) ?? 0) + alone) / ((contexts.total.get(before) ?? 0) + 1)
          const weight = EVERYBODY * common
          for (const [person, count] of contexts.of(before)) {
            scores[person] = (scores[person] ?? 0) - Math.log1p(count / EVERYBODY)
          }
          for (const [person, count] of steps.of(step)) {
            scores[person] = (scores[person] ?? 0) + Math.log1p(count / weight)
          }
        }
        return scores
      },
    }
  },
}

/** Every run of 1 to `GRAMS` tokens, with its beginning and end marked. */
function* gramsOf(tokens: Int32Array): Generator<string> {
  for (let i = 0; i < tokens.length; i++) {
    let gram = ''
    for (let j = i; j < Math.min(tokens.length, i + GRAMS); j++) {
      gram += ` ${tokens[j]}`
      yield gram
    }
  }
}
