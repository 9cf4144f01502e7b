/**
 * A seeded random source: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, about 2 ns a number.
 *
 * For simulation only, never for keys. Three words name a stream, so that two people, or two sessions of one person, can't
 * share one by a collision of hashes.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number, index: number, stream: number) {
    this.#a = seed | 0
    this.#b = index | 0
    this.#c = stream | 0
    // Small seeds differ in few bits; these rounds spread them over the state.
    for (let i = 0; i < 20; i++) this.next()
  }

  /** At least 0, below 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }

  /** Mean 0, standard deviation 1 (Box–Muller). */
  normal(): number {
    return gauss(this.next(), this.next())
  }

  /** `sigma` is the standard deviation of the logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal())
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.next()
  }

  /** A whole number, at least 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0]
  }

  /** One item; `weights` stand in the same order and needn't sum to 1. */
  weighted<Item>(items: readonly [Item, ...Item[]], weights: readonly number[]): Item {
    let left = this.next() * weights.reduce((sum, weight) => sum + weight, 0)
    for (const [i, item] of items.entries()) {
      left -= weights[i] ?? 0
      if (left < 0) return item
    }
    return items[0]
  }
}

/**
 * A normal number that belongs to `(seed, a, b)`: the same each time. A person has one for every pair of keys, and a
 * table of them would be most of what a simulated person weighs.
 */
export function fixedNormal(seed: number, a: number, b: number): number {
  const first = mix(seed ^ Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b))
  const second = mix(first ^ 0x27d4eb2f)
  return gauss(first / 4_294_967_296, second / 4_294_967_296)
}

/** 32 bits that stand for a text, to name a stream (FNV-1a, then mixed). */
export function streamOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

function gauss(u: number, v: number): number {
  return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
}

/** The finaliser of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(word: number): number {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
