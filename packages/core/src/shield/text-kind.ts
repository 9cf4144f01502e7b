/**
 * What kind of text a run was: the one thing, beside a coarse length, that is learnt from it before it is wiped.
 *
 * Works on code points in place, so that no string of the text is ever made. Deterministic; the first rule that holds
 * decides: the field → e-mail → URL → date → phone → number → code → sentence → word → other.
 */
import type { LengthClass, TextKind } from '../action.ts'
import type { FieldKind } from '../input-event.ts'
import {
  containsAny,
  countOf,
  isDigit,
  isIdeograph,
  isLetter,
  isSpace,
  isWordMark,
  startsWith,
  type TextSpan,
  trim,
} from './text-span.ts'

/** Top-level domains after which a bare host name counts as a URL; `notes.txt` must not. */
const DOMAIN_ENDS = ['com', 'org', 'net', 'edu', 'gov', 'io', 'dev', 'app', 'eu', 'de', 'fr', 'uk', 'us', 'ca', 'info']
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const PROGRAM_MARKS = '{}[]()=;<>|&$\\`_#~^*'
const NUMBER_MARKS = "+-.,'%$€£¥ "
const PHONE_MARKS = '+-./() '
const DATE_MARKS = '-/.'
const PHONE_DIGITS = { min: 7, max: 15 } as const
/** Ideographs need no spaces between words: more than this many are taken for a sentence. */
const IDEOGRAPH_WORD_MAX = 4

/** Kind of the first `length` code points of `codes`, typed into a field of kind `field`. */
export function classifyText(codes: Uint32Array, length: number, field: FieldKind): TextKind {
  if (field === 'search' || field === 'code') return field
  const text = trim({ codes, start: 0, end: length })
  if (text.start === text.end) return 'other'
  if (isEmail(text)) return 'email'
  if (isUrl(text)) return 'url'
  if (isDate(text)) return 'date'
  if (isPhone(text)) return 'phone'
  if (isNumberText(text)) return 'number'
  return isProgram(text) ? 'code' : wording(text)
}

/** Class of a final text of `characters` characters (at least 1). */
export function lengthClass(characters: number): LengthClass {
  if (characters <= 3) return 'tiny'
  if (characters <= 12) return 'short'
  if (characters <= 40) return 'medium'
  return characters <= 160 ? 'long' : 'very-long'
}

/** `local@host.end`, without spaces. */
function isEmail(text: TextSpan): boolean {
  const at = text.codes.subarray(0, text.end).indexOf(0x40, text.start)
  if (at <= text.start || countOf(text, isSpace) > 0) return false
  const host = { ...text, start: at + 1 }
  return !containsAny(host, '@') && isHost(host)
}

/** A scheme and `://`, `www.`, or a host name with a common ending, then anything without spaces. */
function isUrl(text: TextSpan): boolean {
  if (countOf(text, isSpace) > 0) return false
  if (startsWith(text, 'www.')) return true
  let end = text.start
  while (end < text.end && isLetter(text.codes[end] ?? 0)) end++
  if (end > text.start && startsWith({ ...text, start: end }, '://')) return true
  while (end < text.end && !containsAny({ ...text, start: end, end: end + 1 }, '/?#:')) end++
  const host = { ...text, end }
  if (!isHost(host)) return false
  const last = { ...host, start: host.codes.subarray(0, end).lastIndexOf(0x2e) + 1 }
  return DOMAIN_ENDS.some((ending) => ending.length === last.end - last.start && startsWith(last, ending))
}

/** Letters, digits and hyphens in at least two labels; the last one has at least two letters and nothing else. */
function isHost(host: TextSpan): boolean {
  let labels = 1
  let inLabel = 0
  let lettersOnly = true
  for (let i = host.start; i < host.end; i++) {
    const code = host.codes[i] ?? 0
    if (code === 0x2e) {
      if (inLabel === 0) return false
      labels++
      inLabel = 0
      lettersOnly = true
    } else if (isLetter(code) || isDigit(code) || code === 0x2d) {
      inLabel++
      if (!isLetter(code)) lettersOnly = false
    } else return false
  }
  return labels >= 2 && inLabel >= 2 && lettersOnly
}

/** `2024-05-31`, `31.5.24`, `14:30`, or a month's name with a day or a year; at most four words. */
function isDate(text: TextSpan): boolean {
  const digits = countOf(text, isDigit)
  if (digits === 0 || digits > 14) return false
  const words = 1 + countOf(text, isSpace)
  if (words > 4) return false
  if (countOf(text, isLetter) > 0) return hasMonth(text)
  const groups = digitGroups(text)
  if (groups === null) return false
  const [first = 0, second = 0, third = 0] = groups.values
  if (groups.mark === ':') return groups.values.length <= 3 && first < 24 && second < 60 && third < 60
  if (groups.values.length !== 3) return false
  const [day, month, year] = first > 31 ? [third, second, first] : [first, second, third]
  const inCalendar = day >= 1 && month >= 1 && Math.max(day, month) <= 31 && Math.min(day, month) <= 12
  return inCalendar && (year < 100 || (year >= 1_000 && year < 3_000))
}

/** Groups of digits in the first word, between marks of one kind; null if there is anything else, or one group only. */
function digitGroups(text: TextSpan): { readonly mark: string; readonly values: readonly number[] } | null {
  const values: number[] = [0]
  let mark = ''
  let inGroup = 0
  for (let i = text.start; i < text.end; i++) {
    const code = text.codes[i] ?? 0
    if (isDigit(code)) {
      if (++inGroup > 4) return null
      values[values.length - 1] = 10 * (values[values.length - 1] ?? 0) + (code - 0x30)
      continue
    }
    // A time of day may follow the date.
    if ((isSpace(code) || code === 0x54) && mark !== '') break
    const seen = String.fromCharCode(code)
    if (inGroup === 0 || !`${DATE_MARKS}:`.includes(seen) || (mark !== '' && mark !== seen)) return null
    mark = seen
    inGroup = 0
    values.push(0)
  }
  return mark === '' || inGroup === 0 ? null : { mark, values }
}

function hasMonth(text: TextSpan): boolean {
  let letters = 0
  let months = 0
  for (let i = text.start; i < text.end; i++) {
    if (!isLetter(text.codes[i] ?? 0)) continue
    const word = { ...text, start: i }
    let end = i
    while (end < text.end && isLetter(text.codes[end] ?? 0)) end++
    letters++
    if (end - i <= 9 && MONTHS.some((month) => startsWith(word, month))) months++
    i = end
  }
  return letters === 1 && months === 1
}

/** 7 to 15 digits with `+` at the start, or grouped as people group them. A plain row of digits is a number. */
function isPhone(text: TextSpan): boolean {
  const digits = countOf(text, isDigit)
  if (digits < PHONE_DIGITS.min || digits > PHONE_DIGITS.max) return false
  const marks = countOf(text, (code) => PHONE_MARKS.includes(String.fromCodePoint(code)))
  if (digits + marks !== text.end - text.start) return false
  if (text.codes[text.start] === 0x2b) return true
  // A sign in front is not a grouping.
  return containsAny({ ...text, start: text.start + 1 }, '-/() ')
}

function isNumberText(text: TextSpan): boolean {
  const digits = countOf(text, isDigit)
  const marks = countOf(text, (code) => NUMBER_MARKS.includes(String.fromCodePoint(code)))
  return digits > 0 && digits + marks === text.end - text.start && marks <= digits + 1
}

/** One mark in twelve characters belongs to a program: prose has fewer. */
function isProgram(text: TextSpan): boolean {
  const marks = countOf(text, (code) => PROGRAM_MARKS.includes(String.fromCodePoint(code)))
  return marks > 0 && marks * 12 >= text.end - text.start
}

function wording(text: TextSpan): TextKind {
  const letters = countOf(text, isLetter)
  const size = text.end - text.start
  if (countOf(text, isSpace) === 0) {
    if (countOf(text, isIdeograph) > IDEOGRAPH_WORD_MAX) return 'sentence'
    return letters > 0 && letters + countOf(text, isWordMark) === size ? 'word' : 'other'
  }
  return letters * 2 >= size ? 'sentence' : 'other'
}
