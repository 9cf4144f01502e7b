/** Telephone numbers, as people write them at home and from abroad. */
import {
  codeAt,
  containsAny,
  countAny,
  countOf,
  isDigit,
  isSpace,
  pieces,
  sizeOf,
  startsWith,
  type TextSpan,
} from '../text-span.ts'
import { isInThousands } from './number.ts'
import { isInternationalNumber, isNationalNumber, prefixOf } from './phone-pattern.ts'

const PHONE_MARKS = '+-./()–'
const PHONE_DIGITS = { min: 7, max: 17 } as const

/** Countries whose numbers are known without a country code: nobody says where a text was typed. */
const WITH_PREFIX = ['DE', 'AT', 'CH', 'FR', 'GB', 'IE', 'NL', 'BE', 'SE', 'FI', 'RO', 'UA'] as const
const WITHOUT_PREFIX = ['US', 'ES', 'PT', 'PL', 'CZ', 'IT', 'GR', 'NO', 'DK'] as const
/** Those whose numbers are known from a row of digits alone, because it begins as an amount seldom does and has one size. */
const FROM_DIGITS = ['US', 'ES'] as const
const FROM_DIGITS_MIN = 9

/** What isn't grouped as people group telephone numbers, and could as well be an amount, is none. */
export function isPhone(text: TextSpan): boolean {
  const size = countOf(text, isDigit)
  if (size < PHONE_DIGITS.min || size > PHONE_DIGITS.max) return false
  if (size + countAny(text, PHONE_MARKS) + countOf(text, isSpace) !== sizeOf(text)) return false
  const digits = digitsOf(text)
  try {
    return isPhoneOf(text, digits)
  } finally {
    digits.fill(0)
  }
}

function isPhoneOf(text: TextSpan, digits: Uint8Array): boolean {
  const isGrouped = countOf(text, isDigit) !== sizeOf(text)
  if (startsWith(text, '+') || startsWith(text, '(+')) {
    return (
      isInternational(digits) ||
      (!isInThousands({ ...text, start: text.start + 1 }, isSpace) && containsAny(text, ' -/('))
    )
  }
  if (startsWith(text, '-')) return false
  if (startsWith(text, '00') && isInternational(digits.subarray(2))) return true
  if (startsWith(text, '0') || startsWith(text, '(')) {
    return hasNationalPrefix(digits) || isNationalNumber(digits, 'IT') || isLocal(text) || startsWith(text, '(')
  }
  if (isGrouped) return isGroupedNumber(text, digits)
  return digits.length >= FROM_DIGITS_MIN && FROM_DIGITS.some((country) => isNationalNumber(digits, country))
}

function digitsOf(text: TextSpan): Uint8Array {
  const digits = new Uint8Array(countOf(text, isDigit))
  let size = 0
  for (let i = text.start; i < text.end; i++) {
    const code = text.codes[i] ?? 0
    if (isDigit(code)) digits[size++] = code - 0x30
  }
  return digits
}

/** Also with the prefix of home kept in it, as in `+49 (0)30 …`. */
function isInternational(digits: Uint8Array): boolean {
  if (isInternationalNumber(digits)) return true
  const zero = digits.indexOf(0, 1)
  if (zero < 1 || zero > 3) return false
  return isInternationalNumber(digits.filter((_, i) => i !== zero))
}

function hasNationalPrefix(digits: Uint8Array): boolean {
  return WITH_PREFIX.some((country) => {
    const prefix = prefixOf(country)
    const starts = [...prefix].every((digit, i) => Number(digit) === digits[i])
    return prefix !== '' && starts && isNationalNumber(digits.subarray(prefix.length), country)
  })
}

/** Not a range (`1000-2000`), not thousands (`12 345 678`), unless three groups of three as Spain and Poland write them. */
function isGroupedNumber(text: TextSpan, digits: Uint8Array): boolean {
  if (isLocal(text)) return true
  const groups = [...pieces(text, (code) => !isDigit(code))]
  const isAmount = isInThousands(text, isSpace) || isInThousands(text, (code) => code === 0x2e)
  if (isAmount && !(digits.length === 9 && !containsAny(text, '.'))) return false
  // Two, two and four digits, or two throughout, are written as a date, also where there is no such day.
  if (groups.length === 3 && digits.length <= 8 && groups.some((group) => sizeOf(group) === 2)) return false
  if (groups.length < 3 || groups.some((group) => sizeOf(group) < 2 && codeAt(text, text.start) !== 0x31)) return false
  return isNorthAmerican(digits) || WITHOUT_PREFIX.some((country) => isNationalNumber(digits, country))
}

/** `1-212-…`: with the country code that is the prefix at home too. */
function isNorthAmerican(digits: Uint8Array): boolean {
  return digits.length === 11 && digits[0] === 1 && isNationalNumber(digits.subarray(1), 'US')
}

/** `555-0123`, `123-456-7890`: the hyphens of North America, also where no such number is given out. */
function isLocal(text: TextSpan): boolean {
  const sizes = [...pieces(text, (code) => code === 0x2d || code === 0x2e)].map((group) =>
    countOf(group, isDigit) === sizeOf(group) ? sizeOf(group) : 0,
  )
  return sizes.join('-') === '3-4' || sizes.join('-') === '3-3-4'
}
