/** A stretch of code points inside a buffer, and the few questions that the text kinds ask about one. */
export interface TextSpan {
  readonly codes: Uint32Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
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

export function containsAny(text: TextSpan, characters: string): boolean {
  return countOf(text, (code) => characters.includes(String.fromCodePoint(code))) > 0
}

/** Compares without regard to the case of ASCII letters; `prefix` is lower case. */
export function startsWith(text: TextSpan, prefix: string): boolean {
  if (text.end - text.start < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) {
    const code = text.codes[text.start + i] ?? 0
    const lower = code >= 0x41 && code <= 0x5a ? code + 0x20 : code
    if (lower !== prefix.charCodeAt(i)) return false
  }
  return true
}

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0xa0 || code === 0x3000
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
  if (code < 0xc0) return code === 0xaa || code === 0xb5 || code === 0xba
  if (code === 0xd7 || code === 0xf7) return false
  return !(code >= 0x2000 && code < 0x2c00) && !(code >= 0x3000 && code < 0x3040) && code < 0x1f000
}

/** Marks inside and after a word: apostrophe, hyphen, and the punctuation that ends one. */
export function isWordMark(code: number): boolean {
  return code === 0x27 || code === 0x2019 || '-.,!?:;"\''.includes(String.fromCodePoint(code))
}
