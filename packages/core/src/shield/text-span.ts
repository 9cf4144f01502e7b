/** A stretch of code points inside a buffer, in small letters, and the few questions that the text kinds ask about one. */
import { baseLetter } from './kinds/folding.ts'

export interface TextSpan {
  readonly codes: Uint32Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** The code point at `index`; 0 outside the span, which no question takes for anything. */
export function codeAt(text: TextSpan, index: number): number {
  return index >= text.start && index < text.end ? (text.codes[index] ?? 0) : 0
}

export function sizeOf(text: TextSpan): number {
  return text.end - text.start
}

export function trim(text: TextSpan): TextSpan {
  let { start, end } = text
  while (start < end && isSpace(text.codes[start] ?? 0)) start++
  while (end > start && isSpace(text.codes[end - 1] ?? 0)) end--
  return { codes: text.codes, start, end }
}

export function countOf(text: TextSpan, is: (code: number) => boolean): number {
  let count = 0
  for (let i = text.start; i < text.end; i++) if (is(text.codes[i] ?? 0)) count++
  return count
}

/** How many of the span's characters stand in `characters`. */
export function countAny(text: TextSpan, characters: string): number {
  return countOf(text, (code) => isAny(code, characters))
}

export function containsAny(text: TextSpan, characters: string): boolean {
  return countAny(text, characters) > 0
}

export function isAny(code: number, characters: string): boolean {
  return code !== 0 && characters.includes(String.fromCodePoint(code))
}

/** `prefix` is in small letters, as the span is. */
export function startsWith(text: TextSpan, prefix: string): boolean {
  if (sizeOf(text) < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (text.codes[text.start + i] !== prefix.charCodeAt(i)) return false
  return true
}

/** Whether `part` (ASCII) stands anywhere in the span. */
export function includes(text: TextSpan, part: string): boolean {
  for (let i = text.start; i <= text.end - part.length; i++) if (startsWith({ ...text, start: i }, part)) return true
  return false
}

/** Whether the span is one of `words`, which are written without accents. */
export function isOneOf(text: TextSpan, words: readonly string[]): boolean {
  return words.some((word) => {
    if (word.length !== sizeOf(text)) return false
    for (let i = 0; i < word.length; i++) {
      if (baseLetter(text.codes[text.start + i] ?? 0) !== word.charCodeAt(i)) return false
    }
    return true
  })
}

/** The pieces between characters that `separates` takes, none of them empty. */
export function* pieces(text: TextSpan, separates: (code: number) => boolean): Generator<TextSpan> {
  let start = text.start
  for (let i = text.start; i <= text.end; i++) {
    if (i < text.end && !separates(text.codes[i] ?? 0)) continue
    if (i > start) yield { codes: text.codes, start, end: i }
    start = i + 1
  }
}

/** A row of digits as a number; at most nine of them are read. */
export function numberOf(digits: TextSpan): number {
  let value = 0
  for (let i = digits.start; i < Math.min(digits.end, digits.start + 9); i++) {
    value = 10 * value + (digits.codes[i] ?? 0) - 0x30
  }
  return value
}

export function isDigits(text: TextSpan): boolean {
  return sizeOf(text) > 0 && countOf(text, isDigit) === sizeOf(text)
}

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0xa0 || code === 0x2009 || code === 0x202f || code === 0x3000
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

export function isIdeograph(code: number): boolean {
  return code >= 0x3040 && code <= 0x9fff
}

/** ASCII letters, and beyond ASCII everything that isn't plainly punctuation, a sign or a picture. */
export function isLetter(code: number): boolean {
  if (code < 0x80) return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  if (code < 0xc0) return code === 0xb5
  if (code === 0xd7 || code === 0xf7) return false
  return !(code >= 0x2000 && code < 0x2c00) && !(code >= 0x3000 && code < 0x3040) && code < 0x1f000
}

/** Marks inside and after a word: apostrophe, hyphen, and the punctuation that ends one. */
export function isWordMark(code: number): boolean {
  return code === 0x2019 || isAny(code, '\'-.,!?:;"')
}
