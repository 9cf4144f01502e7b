/**
 * Recognises what honey participants did, where no id is left of them.
 *
 * A window is `WINDOW` actions in a row, as words (action-token.ts). Its bit is the lowest bit of a MAC under the honey key. What
 * people do has bits by chance, half of them 0; a honey recording is made so that nearly all are. The evidence of a
 * run is the log-likelihood of "0 with 19 of 20" against "0 with 1 of 2", in bits, begun anew where it falls below nothing
 * (CUSUM). A window counts once in a run, so that doing the same thing over and over is no evidence.
 *
 * By Wald's bound the chance that a run of other people's actions begins at a given window and reaches `EVIDENCE_BITS` is at most
 * 2^-44 (6 × 10^-14): among a thousand million windows, 1 in 17,000. A run takes 48 distinct windows: a recording of about 60 actions.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { honeyMac } from './honey-ids.ts'

export const WINDOW = 5
export const EVIDENCE_BITS = 44
const HIT_BITS = Math.log2(0.95 / 0.5)
const MISS_BITS = Math.log2(0.05 / 0.5)
const CACHED_MAX = 65_536

/** Bits of windows. Made from the key once; the key itself is not needed after. */
export class WindowBits {
  readonly #key: KeyObject
  #cache = new Map<string, boolean>()

  /** @param windowKey see `windowKeyOf` */
  constructor(windowKey: Uint8Array) {
    this.#key = createSecretKey(windowKey)
  }

  /** @param words `WINDOW` of them, joined by a line end */
  isMarked(words: string): boolean {
    const known = this.#cache.get(words)
    if (known !== undefined) return known
    const bit = ((createHmac('sha256', this.#key).update(words).digest()[0] ?? 1) & 1) === 0
    if (this.#cache.size >= CACHED_MAX) this.#cache = new Map()
    this.#cache.set(words, bit)
    return bit
  }
}

/** The key of windows alone: whoever makes content, or searches for it, needs no more. */
export function windowKeyOf(honeyKey: string): Buffer {
  return honeyMac(honeyKey, 'windows')
}

/** Weighs one stream of actions. */
export class HoneyRun {
  readonly #bits: WindowBits
  readonly #last: string[] = []
  readonly #counted = new Set<string>()
  #score = 0
  /** The most evidence that any run reached, in bits. */
  best = 0

  constructor(bits: WindowBits) {
    this.#bits = bits
  }

  get isFound(): boolean {
    return this.best >= EVIDENCE_BITS
  }

  push(token: string): void {
    this.#last.push(token)
    if (this.#last.length > WINDOW) this.#last.shift()
    if (this.#last.length < WINDOW) return
    const words = this.#last.join('\n')
    if (this.#counted.has(words)) return
    this.#counted.add(words)
    this.#score += this.#bits.isMarked(words) ? HIT_BITS : MISS_BITS
    if (this.#score <= 0) {
      this.#score = 0
      this.#counted.clear()
    }
    this.best = Math.max(this.best, this.#score)
  }
}
