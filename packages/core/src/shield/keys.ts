/**
 * Names of keys, as sources state them in `InputEvent.key`.
 *
 * A name has at least two characters, so that it can't be confused with the one character that a key types.
 */
import { MODIFIERS, type Modifier, NAMED_KEYS, type NamedKey } from '../action.ts'

/** Keys that change what other keys type, or nothing at all: they never leave, alone or in a shortcut. */
const SILENT_KEYS = ['altgr', 'capslock', 'numlock', 'scrolllock', 'fn', 'compose'] as const

/** Every name that an input event may give a key; `space` types a character but has a name in every source. */
export const KEY_NAMES = [...NAMED_KEYS, ...MODIFIERS, ...SILENT_KEYS, 'space'] as const
export type KeyName = (typeof KEY_NAMES)[number]

/** What the keyboard step makes of a key; `code` is a Unicode code point. */
export type Key =
  | { readonly is: 'named'; readonly name: NamedKey }
  | { readonly is: 'modifier'; readonly name: Modifier }
  | { readonly is: 'character'; readonly code: number }
  | { readonly is: 'silent' }

const BY_NAME: ReadonlyMap<string, Key> = new Map<string, Key>([
  ...NAMED_KEYS.map((name): [string, Key] => [name, { is: 'named', name }]),
  // After the named keys: `meta` is both, and is a modifier until its lone tap is over.
  ...MODIFIERS.map((name): [string, Key] => [name, { is: 'modifier', name }]),
  ...SILENT_KEYS.map((name): [string, Key] => [name, { is: 'silent' }]),
  ['space', { is: 'character', code: 0x20 }],
  // Control characters that some sources report for the keys themselves.
  ['\r', { is: 'named', name: 'enter' }],
  ['\n', { is: 'named', name: 'enter' }],
  ['\t', { is: 'named', name: 'tab' }],
  ['\b', { is: 'named', name: 'backspace' }],
  ['\u001b', { is: 'named', name: 'escape' }],
  ['\u007f', { is: 'named', name: 'delete' }],
])

/** Parses the `key` of an input event; null for a name that isn't known, or anything but one printable character. */
export function parseKey(key: string): Key | null {
  const known = BY_NAME.get(key)
  if (known !== undefined) return known
  // The length is the source's: it is bounded before anything reads the characters.
  if (key.length === 0 || key.length > 2) return null
  const code = key.codePointAt(0) ?? 0
  const units = code > 0xffff ? 2 : 1
  if (key.length !== units || code < 0x20 || (code >= 0x7f && code < 0xa0)) return null
  return { is: 'character', code }
}

/** How a character stands in a shortcut: `a`–`z` and `0`–`9` by name, everything else only as `symbol`. */
export function chordName(code: number): string {
  if (code >= 0x41 && code <= 0x5a) return String.fromCharCode(code + 0x20)
  if (isLowerOrDigit(code)) return String.fromCharCode(code)
  return code === 0x20 ? 'space' : 'symbol'
}

/** Whether a chord names the key that types `code` (letters, digits, space) rather than hiding it as a symbol. */
export function isPlainKey(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || isLowerOrDigit(code) || code === 0x20
}

function isLowerOrDigit(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39)
}
