/** Numbers: figures with local separators, signs, a currency or a unit. */
import {
  containsAny,
  countAny,
  countOf,
  isAny,
  isDigit,
  isLetter,
  isOneOf,
  isSpace,
  pieces,
  sizeOf,
  type TextSpan,
} from '../text-span.ts'

const MARKS = "+-–−.,'’%‰$€£¥°#/×*()²³½¼¾±~≈:"
const list = (words: string): readonly string[] => words.split(' ')
const UNITS = list(
  'eur euro euros usd gbp pln chf czk sek nok dkk huf jpy zl gr kr fr kc ft lei ron mxn cad aud dollar dollars pounds zlotych ' +
    'franken cent cents mm cm dm m km ml cl dl l mg g kg t h min s sec std st stk pcs szt uds pz px pt kb mb gb tb kbit mbit w kw kwh ' +
    'mwh v a ah mah hz khz mhz ghz c f k pa hpa bar psi ha qm mio mrd mln tys bn x th nd rd er eme o',
)
const PREFIXES = list('no nr num nº n° № eur usd gbp chf pln us')

/** Figures and marks, and beside them at most one unit or currency. */
export function isNumberText(text: TextSpan): boolean {
  const digits = countOf(text, isDigit)
  if (digits === 0) return false
  let figures = 0
  let names = 0
  for (const piece of pieces(text, isSpace)) {
    const split = endOfFigures(piece)
    if (split > piece.start) figures++
    const rest = { ...piece, start: split }
    if (sizeOf(rest) === 0) continue
    const isUnit = figures > 0 && isOneOf(withoutMarks(rest), UNITS)
    const isPrefix = figures === 0 && isOneOf(withoutMarks(rest), PREFIXES)
    if ((!isUnit && !isPrefix) || ++names > 1) return false
  }
  const marks = countAny(text, MARKS)
  return figures > 0 && marks <= digits + 2 && !isTitle(text)
}

/** Groups of three after the first, with one separator: `1 234 567`. */
export function isInThousands(text: TextSpan, separator: (code: number) => boolean): boolean {
  const groups = [...pieces(text, separator)]
  return (
    groups.length > 1 &&
    groups.every(
      (group, i) => countOf(group, isDigit) === sizeOf(group) && (i === 0 ? sizeOf(group) <= 3 : sizeOf(group) === 3),
    )
  )
}

function endOfFigures(piece: TextSpan): number {
  let end = piece.start
  while (end < piece.end && (isDigit(piece.codes[end] ?? 0) || isAny(piece.codes[end] ?? 0, MARKS))) end++
  return end
}

/** `m²`, `zł.`, `/kg`. */
function withoutMarks(unit: TextSpan): TextSpan {
  let { start, end } = unit
  while (start < end && !isLetter(unit.codes[start] ?? 0)) start++
  while (end > start && isAny(unit.codes[end - 1] ?? 0, '.²³/')) end--
  return { ...unit, start, end }
}

/** `#12` is a number; `##` and `()` alone are none. */
function isTitle(text: TextSpan): boolean {
  return containsAny(text, '()') && countAny(text, '(') !== countAny(text, ')')
}
