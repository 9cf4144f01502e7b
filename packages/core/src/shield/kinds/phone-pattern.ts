/**
 * Which numbers a country gives to telephones, from the metadata of libphonenumber-js.
 *
 * Its functions take strings, and a string can't be overwritten: V8 keeps the last one that a regular expression saw. So
 * its patterns are read here, against digits in place. They use `\d`, classes, groups, `|`, `?`, `{n}` and `{n,m}` alone
 * (a test compares with the library).
 */
import metadata from 'libphonenumber-js/min/metadata'

type Digits = readonly number[] | Uint8Array

interface Country {
  readonly pattern: string
  /** Digits before a national number when it is dialled within the country; empty if there are none. */
  readonly prefix: string
}

/** Positions in the metadata's row of a country. */
const PATTERN = 2
const PREFIX = 5

const byCallingCode: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(metadata.country_calling_codes))
const byName: ReadonlyMap<string, readonly unknown[]> = new Map(Object.entries(metadata.countries))

/** Whether `digits` (country code first) are a number of some country. */
export function isInternationalNumber(digits: Digits): boolean {
  for (let size = 1; size <= 3; size++) {
    // One to three digits name a country, and no person.
    const countries = byCallingCode.get(digits.slice(0, size).join(''))
    if (countries?.some((country) => isNationalNumber(digits.slice(size), country)) === true) return true
  }
  return false
}

/** Whether `digits` are a number of `country` (ISO 3166), without the prefix of `prefixOf`. */
export function isNationalNumber(digits: Digits, country: string): boolean {
  const found = countryOf(country)
  return found !== null && matches(found.pattern, digits)
}

export function prefixOf(country: string): string {
  return countryOf(country)?.prefix ?? ''
}

function countryOf(name: string): Country | null {
  const row = byName.get(name)
  const pattern = row?.[PATTERN]
  const prefix = row?.[PREFIX]
  return typeof pattern === 'string' ? { pattern, prefix: typeof prefix === 'string' ? prefix : '' } : null
}

/** Whether the whole of `digits` matches; a set of positions is a bit mask, so a number has at most 30 digits. */
function matches(pattern: string, digits: Digits): boolean {
  if (digits.length > 30) return false
  const { ends } = readAlternatives(pattern, 0, 1, digits)
  return (ends & (1 << digits.length)) !== 0
}

interface Read {
  /** Where reading the pattern goes on. */
  readonly next: number
  /** Positions among the digits where a match may end. */
  readonly ends: number
}

function readAlternatives(pattern: string, at: number, starts: number, digits: Digits): Read {
  let ends = 0
  let next = at
  while (true) {
    let reached = starts
    while (next < pattern.length && pattern[next] !== '|' && pattern[next] !== ')') {
      const read = readRepeated(pattern, next, reached, digits)
      next = read.next
      reached = read.ends
    }
    ends |= reached
    if (pattern[next] !== '|') return { next, ends }
    next++
  }
}

function readRepeated(pattern: string, at: number, starts: number, digits: Digits): Read {
  const once = readAtom(pattern, at, starts, digits)
  const { min, max, next } = readCount(pattern, once.next)
  let reached = starts
  let ends = min === 0 ? starts : 0
  for (let i = 1; i <= max && reached !== 0; i++) {
    reached = readAtom(pattern, at, reached, digits).ends
    if (i >= min) ends |= reached
  }
  return { next, ends }
}

function readAtom(pattern: string, at: number, starts: number, digits: Digits): Read {
  if (pattern[at] === '(') {
    const inner = readAlternatives(pattern, at + (pattern.startsWith('(?:', at) ? 3 : 1), starts, digits)
    return { next: inner.next + 1, ends: inner.ends }
  }
  const end = pattern[at] === '[' ? pattern.indexOf(']', at) + 1 : at + (pattern[at] === '\\' ? 2 : 1)
  const atom = pattern.slice(at, end)
  let ends = 0
  for (let i = 0; i < digits.length; i++) {
    if ((starts & (1 << i)) !== 0 && takes(atom, digits[i] ?? -1)) ends |= 1 << (i + 1)
  }
  return { next: end, ends }
}

function readCount(pattern: string, at: number): { readonly min: number; readonly max: number; readonly next: number } {
  if (pattern[at] === '?') return { min: 0, max: 1, next: at + 1 }
  if (pattern[at] !== '{') return { min: 1, max: 1, next: at }
  const end = pattern.indexOf('}', at)
  const [min = 1, max = min] = pattern
    .slice(at + 1, end)
    .split(',')
    .map(Number)
  return { min, max, next: end + 1 }
}

/** `\d`, a digit, or a class such as `[2-9]` and `[013-5]`. */
function takes(atom: string, digit: number): boolean {
  if (atom === '\\d') return true
  if (!atom.startsWith('[')) return Number(atom) === digit
  for (let i = 1; i < atom.length - 1; i++) {
    const from = Number(atom[i])
    if (atom[i + 1] !== '-') {
      if (from === digit) return true
      continue
    }
    if (from <= digit && digit <= Number(atom[i + 2])) return true
    i += 2
  }
  return false
}
