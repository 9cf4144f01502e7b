/**
 * Card numbers (ISO/IEC 7812: Luhn, with the lengths and first digits that are issued) and IBANs (ISO 13616: mod 97, with
 * each country's length), with and without separators.
 */
import { codeAt, isDigit, isLetter, isSpace, type TextSpan } from '../text-span.ts'

const CARD_DIGITS = { min: 14, max: 19 } as const
/** First four digits, lengths: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro. */
const CARDS: readonly (readonly [from: number, to: number, digits: readonly number[]])[] = [
  [4000, 4999, [16, 19]],
  [5100, 5599, [16]],
  [2221, 2720, [16]],
  [3400, 3499, [15]],
  [3700, 3799, [15]],
  [3000, 3059, [14]],
  [3600, 3699, [14]],
  [3800, 3999, [14]],
  [6011, 6011, [16, 19]],
  [6440, 6599, [16, 19]],
  [3528, 3589, [16, 17, 18, 19]],
  [6200, 6299, [16, 17, 18, 19]],
  [5000, 5099, [16, 18, 19]],
  [5600, 5899, [16, 18, 19]],
  [6304, 6304, [16, 18, 19]],
  [6759, 6763, [16, 18, 19]],
]

/** Characters of a country's IBAN, from the registry of ISO 13616. */
const IBAN_SIZES =
  'ad24ae23al28at20az28ba20be16bg22bh22br29by28ch21cr22cy28cz24de22dk18do28ee20eg29es24fi18fo18fr27gb22ge22gi23gl18gr27gt28' +
  'hr21hu28ie22il23iq23is26it27jo30kw30kz20lb28lc32li21lt20lu20lv21ly25mc27md24me22mk19mr27mt31mu30nl18no15pk24pl28ps29pt25' +
  'qa29ro24rs22sa24sc31se24si19sk24sm27st25sv28tl23tn24tr26ua29va22vg24xk20'

/** 14 to 19 digits, single spaces, hyphens or dashes between them. */
export function isCard(text: TextSpan): boolean {
  let digits = 0
  let first = 0
  let even = 0
  let odd = 0
  for (let i = text.start; i < text.end; i++) {
    const code = text.codes[i] ?? 0
    if (!isDigit(code)) {
      if (digits === 0 || !isSeparator(code) || !isDigit(codeAt(text, i + 1))) return false
      continue
    }
    const digit = code - 0x30
    // Luhn doubles every second digit from the right; which those are is known only at the end.
    if (digits % 2 === 0) even += doubled(digit)
    else even += digit
    if (digits % 2 === 0) odd += digit
    else odd += doubled(digit)
    if (digits < 4) first = 10 * first + digit
    if (++digits > CARD_DIGITS.max) return false
  }
  if (digits < CARD_DIGITS.min || (digits % 2 === 0 ? even : odd) % 10 !== 0) return false
  return CARDS.some(([from, to, lengths]) => from <= first && first <= to && lengths.includes(digits))
}

function isSeparator(code: number): boolean {
  return isSpace(code) || code === 0x2d || code === 0x2011 || code === 0x2013
}

function doubled(digit: number): number {
  return digit > 4 ? 2 * digit - 9 : 2 * digit
}

/** Two letters, two digits, then letters and digits; spaces or hyphens anywhere between. */
export function isIban(text: TextSpan): boolean {
  const characters: number[] = []
  for (let i = text.start; i < text.end; i++) {
    const code = text.codes[i] ?? 0
    if (isSeparator(code)) continue
    if (code > 0x7e || !(isDigit(code) || isLetter(code)) || characters.length === 34) return false
    characters.push(isDigit(code) ? code - 0x30 : code - 0x57)
  }
  if (characters.length < 15 || characters.length !== ibanSize(text)) return false
  let rest = 0
  // The first four stand last for the check; a letter counts as two digits, from 10.
  for (const value of [...characters.slice(4), ...characters.slice(0, 4)]) {
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  characters.fill(0)
  return rest === 1
}

function ibanSize(text: TextSpan): number {
  const [first, second] = [codeAt(text, text.start), codeAt(text, text.start + 1)]
  for (let i = 0; i < IBAN_SIZES.length; i += 4) {
    if (IBAN_SIZES.charCodeAt(i) === first && IBAN_SIZES.charCodeAt(i + 1) === second) {
      return Number(IBAN_SIZES.slice(i + 2, i + 4))
    }
  }
  return 0
}
