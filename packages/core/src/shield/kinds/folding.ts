/** Characters without what a keyboard or a habit adds: capitals, accents, combining marks. */

const TABLE_END = 0x250
/** Letters that carry a stroke or join two: Unicode doesn't take them apart. */
const STROKES: ReadonlyMap<string, string> = new Map([
  ['ł', 'l'],
  ['ø', 'o'],
  ['đ', 'd'],
  ['ß', 's'],
  ['æ', 'a'],
  ['œ', 'o'],
])

const lowerTable = new Uint32Array(TABLE_END)
const baseTable = new Uint32Array(TABLE_END)
for (let code = 0; code < TABLE_END; code++) {
  lowerTable[code] = slowLower(code)
  const letter = String.fromCodePoint(slowLower(code))
  baseTable[code] = (STROKES.get(letter) ?? letter.normalize('NFD')).codePointAt(0) ?? code
}

/** The small letter of `code`, where it has exactly one. Single characters only: no string of a text is made. */
export function lowerCase(code: number): number {
  return code < TABLE_END ? (lowerTable[code] ?? code) : slowLower(code)
}

/** The letter of a small one without its accent, for comparison with a list of words. */
export function baseLetter(code: number): number {
  return code < TABLE_END ? (baseTable[code] ?? code) : code
}

/** A mark that a dead key or an input method puts on the letter before it. */
export function isCombining(code: number): boolean {
  return (code >= 0x300 && code < 0x370) || code === 0x200d || (code >= 0xfe00 && code < 0xfe10)
}

function slowLower(code: number): number {
  const lower = String.fromCodePoint(code).toLowerCase()
  const first = lower.codePointAt(0) ?? code
  return lower.length === (first > 0xffff ? 2 : 1) ? first : code
}
