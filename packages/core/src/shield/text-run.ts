/**
 * The text that is being typed: the only place where characters are held, and only until the run ends.
 *
 * A fixed buffer of code points that is overwritten afterwards; no string is ever made of it. Beyond its end characters
 * are counted, not kept: such a text is `very-long` whatever it says.
 *
 * Capitals never enter: they are a habit, and nothing that is learnt from a text may depend on them.
 */
import { isCombining, lowerCase } from './kinds/folding.ts'

export const TEXT_CHARACTERS_MAX = 4_096

export class TextRun {
  /** Code points of the text as corrected so far, in small letters; only the first `kept` belong to it. */
  readonly codes = new Uint32Array(TEXT_CHARACTERS_MAX)
  #length = 0
  #written = 0

  /** Characters of the final text, also those beyond the buffer. */
  get length(): number {
    return this.#length
  }

  get kept(): number {
    return Math.min(this.#length, TEXT_CHARACTERS_MAX)
  }

  add(code: number): void {
    // An accent that comes after its letter is no character of its own: on another keyboard it comes with it.
    if (isCombining(code)) return
    if (this.#length < TEXT_CHARACTERS_MAX) {
      this.codes[this.#length] = lowerCase(code)
      if (this.#length === this.#written) this.#written++
    }
    this.#length++
  }

  /** Takes back the last character; of an empty text there is nothing to take. */
  erase(): void {
    if (this.#length > 0) this.#length--
  }

  /** Takes back the last word and the spaces after it. */
  eraseWord(): void {
    while (this.#length > 0 && this.#endsInSpace()) this.#length--
    while (this.#length > 0 && !this.#endsInSpace()) this.#length--
  }

  /** Overwrites every character that was ever written, also those that were taken back. */
  wipe(): void {
    this.codes.fill(0, 0, this.#written)
    this.#written = 0
    this.#length = 0
  }

  #endsInSpace(): boolean {
    return this.codes[this.#length - 1] === 0x20
  }
}
