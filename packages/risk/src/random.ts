/**
 * A seeded random source: sfc32 (Chris Doty-Humphrey, PractRand). Every draw of a report comes from one of these, so that
 * the same input and seed give the same report. Never for keys.
 */
export class Random {
  #a: number
  #b: number
  #c = 0
  #counter = 1

  /** `stream` names what it is for, so that two uses of one seed don't share their numbers. */
  constructor(seed: number, stream = '') {
    this.#a = seed | 0
    this.#b = hashText(stream)
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

  /** A whole number, at least 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** Mean 0, standard deviation 1 (Box–Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }

  /** In place, and returned (Fisher–Yates). */
  shuffle<Items extends { length: number; [index: number]: unknown }>(items: Items): Items {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const kept = items[i]
      items[i] = items[j]
      items[j] = kept
    }
    return items
  }
}

/** 32 bits of a text (FNV-1a, then MurmurHash3's finaliser): names random streams, and buckets tokens. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
