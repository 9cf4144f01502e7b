/**
 * A simulated typist: log-normal times from press to press and of each key, with the person's own offset for every pair of
 * keys and every key. Fast typists press the next key before they let go of the last, as real ones do.
 */
import type { TypingHabits } from './habits.ts'
import { fixedNormal, type Random } from './random.ts'
import type { RawEvent } from './raw-event.ts'

// Standard deviations of logarithms, as measured on 150 people typing (docs/simulator.md).
const PAIR_SHARED = 0.27
const PAIR_OWN = 0.23
const KEY_SHARED = 0.2
const KEY_OWN = 0.12
/** The times that all hands share: some pairs are hard for everybody. */
const EVERYBODY = 0x5eed

interface Pending {
  readonly key: string
  readonly atMs: number
}

/** One stretch of typing. Presses come in order; each key is let go in its own time, at the latest when it comes again. */
export class Typist {
  readonly #habits: TypingHabits
  readonly #random: Random
  readonly #out: RawEvent[]
  /** Of the last event, and of the last press: times of typing count from press to press. */
  #nowMs: number
  #pressedAtMs: number
  #previous = 0
  #held: Pending[] = []

  constructor(habits: TypingHabits, random: Random, startMs: number, out: RawEvent[]) {
    this.#habits = habits
    this.#random = random
    this.#nowMs = startMs
    this.#pressedAtMs = startMs
    this.#out = out
  }

  /** Types a text with the person's mistakes, each of which is put right. */
  type(text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (this.#random.chance(this.#habits.errors)) this.#mistype(text.slice(i + 1, i + 1 + this.#habits.noticesAfter))
      this.#character(text.charAt(i))
    }
  }

  /** Presses and lets go of one key. */
  stroke(key: string): void {
    this.#press(key)
    this.#held.push({ key, atMs: this.#nowMs + this.#dwellMs(key) })
  }

  /** Holds the modifiers down while each key is struck. */
  chord(modifiers: readonly string[], ...keys: readonly string[]): void {
    for (const modifier of modifiers) this.#press(modifier)
    for (const key of keys) this.stroke(key)
    this.end()
    for (const modifier of modifiers.toReversed())
      this.#release({ key: modifier, atMs: this.#nowMs + this.#dwellMs(modifier) / 3 })
  }

  /** Lets go of every key. @returns when the last one came up, Unix milliseconds */
  end(): number {
    this.#releaseUntil(Number.POSITIVE_INFINITY)
    return this.#nowMs
  }

  #character(character: string): void {
    const isCapital = character !== character.toLowerCase()
    if (!isCapital) this.stroke(character)
    else if (this.#habits.capitals === 'shift') this.chord(['shift'], character)
    else this.stroke(this.#habits.capitals === 'none' ? character.toLowerCase() : character)
  }

  #mistype(unnoticed: string): void {
    this.stroke(String.fromCharCode(97 + this.#random.below(26)))
    for (const character of unnoticed) this.stroke(character.toLowerCase())
    for (let i = 0; i <= unnoticed.length; i++) this.stroke('backspace')
  }

  #press(key: string): void {
    const atMs = Math.max(this.#nowMs, this.#pressedAtMs + this.#flightMs(key))
    // A key that is still down can't be pressed again.
    const still = this.#held.find((held) => held.key === key)
    if (still !== undefined) {
      this.#held = this.#held.filter((held) => held !== still)
      this.#held.push({ key, atMs: Math.min(still.atMs, atMs - 1) })
    }
    this.#releaseUntil(atMs)
    this.#nowMs = Math.max(this.#nowMs, atMs)
    this.#pressedAtMs = this.#nowMs
    this.#previous = codeOf(key)
    this.#out.push({ kind: 'key', atMs: this.#nowMs, key, down: true })
  }

  #releaseUntil(atMs: number): void {
    if (this.#held.length === 0) return
    const due = this.#held.filter((held) => held.atMs <= atMs).toSorted((a, b) => a.atMs - b.atMs)
    this.#held = this.#held.filter((held) => held.atMs > atMs)
    for (const pending of due) this.#release(pending)
  }

  #release({ key, atMs }: Pending): void {
    this.#nowMs = Math.max(this.#nowMs, atMs)
    this.#out.push({ kind: 'key', atMs: this.#nowMs, key, down: false })
  }

  #flightMs(key: string): number {
    const { hand, strokeMs, strokeSigma, pauses, pauseMs } = this.#habits
    const code = codeOf(key)
    const pair =
      PAIR_SHARED * fixedNormal(EVERYBODY, this.#previous, code) + PAIR_OWN * fixedNormal(hand, this.#previous, code)
    const ms = this.#random.logNormal(strokeMs, strokeSigma) * Math.exp(pair)
    return this.#random.chance(pauses) ? ms + this.#random.logNormal(pauseMs, 0.5) : ms
  }

  #dwellMs(key: string): number {
    const { hand, dwellMs, dwellSigma } = this.#habits
    const code = codeOf(key)
    const own = KEY_SHARED * fixedNormal(EVERYBODY, code, -1) + KEY_OWN * fixedNormal(hand, code, -1)
    return this.#random.logNormal(dwellMs, dwellSigma) * Math.exp(own)
  }
}

/** Tells keys apart; capitals are struck with the same finger as small letters. */
function codeOf(key: string): number {
  const code = key.length === 1 ? key.toLowerCase().charCodeAt(0) : 256
  return key.length === 1 ? code : code + key.charCodeAt(0) * 31 + key.length
}
