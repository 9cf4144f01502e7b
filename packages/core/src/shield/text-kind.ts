/**
 * What kind of text a run was: the one thing, beside a coarse length, that is learnt from it before it is wiped.
 *
 * Works on code points in place, so that no string of the text is ever made. Deterministic, and the same for small and
 * capital letters; the first rule that holds decides: the field → e-mail → URL → IBAN → card → date → phone → number → code →
 * sentence → word → other.
 */
import type { LengthClass, TextKind } from '../action.ts'
import type { FieldKind } from '../input-event.ts'
import { isEmail, isUrl } from './kinds/address.ts'
import { isDate } from './kinds/date.ts'
import { lowerCase } from './kinds/folding.ts'
import { isNumberText } from './kinds/number.ts'
import { isCard, isIban } from './kinds/payment.ts'
import { isPhone } from './kinds/phone.ts'
import { isProgram } from './kinds/program.ts'
import {
  countOf,
  isDigit,
  isIdeograph,
  isLetter,
  isSpace,
  isWordMark,
  pieces,
  sizeOf,
  type TextSpan,
  trim,
} from './text-span.ts'

/** Ideographs need no spaces between words: more than this many are taken for a sentence. */
const IDEOGRAPH_WORD_MAX = 4
/** Beside numbers, a word of this many letters makes words of a text: an address is one, a reference isn't. */
const WORD_BESIDE_NUMBERS = 3
const WORD_BESIDE_REFERENCES = 4

/** Kind of the first `length` code points of `codes` (small letters), typed into a field of kind `field`. */
export function classifyText(codes: Uint32Array, length: number, field: FieldKind): TextKind {
  if (field === 'search' || field === 'code') return field
  const text = trim({ codes, start: 0, end: length })
  if (text.start === text.end) return 'other'
  if (isEmail(text)) return 'email'
  if (isUrl(text)) return 'url'
  if (isIban(text)) return 'iban'
  if (isCard(text)) return 'card'
  if (isDate(text)) return 'date'
  if (isPhone(text)) return 'phone'
  if (isNumberText(text)) return 'number'
  return isProgram(text) ? 'code' : wording(text)
}

/** Kind of a text that somebody reviews, such as a label of an interface; never for what was typed, because a string stays in memory. */
export function textKindOf(text: string): TextKind {
  const codes = Uint32Array.from([...text].map((character) => lowerCase(character.codePointAt(0) ?? 0)))
  return classifyText(codes, codes.length, 'text')
}

/** Class of a final text of `characters` characters (at least 1). */
export function lengthClass(characters: number): LengthClass {
  if (characters <= 3) return 'tiny'
  if (characters <= 12) return 'short'
  if (characters <= 40) return 'medium'
  return characters <= 160 ? 'long' : 'very-long'
}

function wording(text: TextSpan): TextKind {
  const letters = countOf(text, isLetter)
  const size = sizeOf(text)
  if (countOf(text, isSpace) === 0) {
    if (countOf(text, isIdeograph) > IDEOGRAPH_WORD_MAX) return 'sentence'
    return letters > 0 && letters + countOf(text, isWordMark) === size ? 'word' : 'other'
  }
  if (countOf(text, isDigit) === 0) return letters * 2 >= size ? 'sentence' : 'other'
  return letters * 3 >= size && hasWord(text) ? 'sentence' : 'other'
}

function hasWord(text: TextSpan): boolean {
  const needed = hasReference(text) ? WORD_BESIDE_REFERENCES : WORD_BESIDE_NUMBERS
  for (const piece of pieces(text, isSpace)) {
    const letters = countOf(piece, isLetter)
    if (letters >= needed && letters + countOf(piece, isWordMark) === sizeOf(piece)) return true
    if (countOf(piece, isIdeograph) > 0) return true
  }
  return false
}

/** Letters and figures in one word, as plates, postcodes and articles have them. */
function hasReference(text: TextSpan): boolean {
  for (const piece of pieces(text, isSpace)) {
    if (countOf(piece, isLetter) > 0 && countOf(piece, isDigit) > 0) return true
  }
  return false
}
