/** What a keysym is as a key of an input event: a name, a character, or a part of one. */
import { createRequire } from 'node:module'
import type { KeyName } from '@fairtrace/core'

export type KeyMeaning =
  | { readonly is: 'named'; readonly key: KeyName }
  | { readonly is: 'character'; readonly key: string }
  /** A dead key: the mark that it puts on the next character. */
  | { readonly is: 'mark'; readonly mark: string }
  /** The compose key: what follows makes one character. */
  | { readonly is: 'compose' }

const NAMED: ReadonlyMap<number, KeyName> = new Map<number, KeyName>([
  [0xff08, 'backspace'],
  [0xff09, 'tab'],
  [0xfe20, 'tab'],
  [0xff0d, 'enter'],
  [0xff8d, 'enter'],
  [0xff13, 'pause'],
  [0xff6b, 'pause'],
  [0xff14, 'scrolllock'],
  [0xff1b, 'escape'],
  [0xff50, 'home'],
  [0xff51, 'left'],
  [0xff52, 'up'],
  [0xff53, 'right'],
  [0xff54, 'down'],
  [0xff55, 'pageup'],
  [0xff56, 'pagedown'],
  [0xff57, 'end'],
  [0xff61, 'printscreen'],
  [0xff15, 'printscreen'],
  [0xff63, 'insert'],
  [0xff67, 'menu'],
  [0xff7f, 'numlock'],
  [0xff80, 'space'],
  [0xff95, 'home'],
  [0xff96, 'left'],
  [0xff97, 'up'],
  [0xff98, 'right'],
  [0xff99, 'down'],
  [0xff9a, 'pageup'],
  [0xff9b, 'pagedown'],
  [0xff9c, 'end'],
  [0xff9e, 'insert'],
  [0xff9f, 'delete'],
  [0xffff, 'delete'],
  [0xffe1, 'shift'],
  [0xffe2, 'shift'],
  [0xffe3, 'ctrl'],
  [0xffe4, 'ctrl'],
  [0xffe5, 'capslock'],
  [0xffe6, 'capslock'],
  [0xffe7, 'alt'],
  [0xffe8, 'alt'],
  [0xffe9, 'alt'],
  [0xffea, 'alt'],
  [0xffeb, 'meta'],
  [0xffec, 'meta'],
  [0xffed, 'meta'],
  [0xffee, 'meta'],
  [0xfe03, 'altgr'],
  [0xfe11, 'altgr'],
  [0xff7e, 'altgr'],
  [0x20, 'space'],
])
const FUNCTION_KEYS = ['f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7', 'f8', 'f9', 'f10', 'f11', 'f12'] as const
const F1 = 0xffbe
const MULTI_KEY = 0xff20

/** Signs and digits of the number pad, whose keysyms are these plus 0xff80. */
const PAD = /^[*+,\-./0-9=]$/

/** Combining marks of the dead keys from 0xfe50 on. */
const MARKS: ReadonlyMap<number, string> = new Map(
  [
    0x300, 0x301, 0x302, 0x303, 0x304, 0x306, 0x307, 0x308, 0x30a, 0x30b, 0x30c, 0x327, 0x328, 0x345, 0x3099, 0x309a,
    0x323, 0x309, 0x31b,
  ].map((code, i) => [0xfe50 + i, String.fromCodePoint(code)]),
)

/** @returns null for a key that neither types nor has a name here (volume, brightness …) */
export function meaningOf(keysym: number): KeyMeaning | null {
  const named = NAMED.get(keysym) ?? FUNCTION_KEYS[keysym - F1]
  if (named !== undefined) return { is: 'named', key: named }
  const mark = MARKS.get(keysym)
  if (mark !== undefined) return { is: 'mark', mark }
  if (keysym === MULTI_KEY) return { is: 'compose' }
  const key = characterOf(keysym)
  return key === null ? null : { is: 'character', key }
}

function characterOf(keysym: number): string | null {
  // Latin-1 is itself; Unicode is a million higher; the alphabets of the eighties need a table.
  if ((keysym > 0x20 && keysym < 0x7f) || (keysym >= 0xa0 && keysym <= 0xff)) return String.fromCharCode(keysym)
  if (keysym > 0x01000000 && keysym <= 0x0110ffff) return String.fromCodePoint(keysym - 0x01000000)
  if (keysym > 0xff80 && keysym < 0xffbe) {
    const pad = String.fromCharCode(keysym - 0xff80)
    return PAD.test(pad) ? pad : null
  }
  return keysym > 0xff && keysym < 0xfe00 ? (alphabets().get(keysym) ?? null) : null
}

let table: ReadonlyMap<number, string> | null = null

/** Read when the first such key is pressed: most keyboards have none. */
function alphabets(): ReadonlyMap<number, string> {
  const { keySyms } = createRequire(import.meta.url)('x11') as { keySyms: Record<string, KeysymEntry> }
  // Descriptions begin with the character, some of them in parentheses.
  table ??= new Map(
    Object.values(keySyms).flatMap(({ code, description }) => {
      const character = /^\(?(\P{ASCII})\)? /u.exec(description ?? '')?.[1]
      return character === undefined ? [] : [[code, character] as const]
    }),
  )
  return table
}

interface KeysymEntry {
  readonly code: number
  readonly description?: string
}
