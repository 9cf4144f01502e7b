/** Key names of pynput (DuckTrack, OpenCUA) → key names of input events. */
import { KEY_NAMES } from '@fairtrace/core'

const KNOWN: ReadonlySet<string> = new Set(KEY_NAMES)
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['esc', 'escape'],
  ['ctrl_l', 'ctrl'],
  ['ctrl_r', 'ctrl'],
  ['alt_l', 'alt'],
  ['alt_r', 'alt'],
  ['alt_gr', 'altgr'],
  ['shift_l', 'shift'],
  ['shift_r', 'shift'],
  ['cmd', 'meta'],
  ['cmd_l', 'meta'],
  ['cmd_r', 'meta'],
  ['page_up', 'pageup'],
  ['page_down', 'pagedown'],
  ['print_screen', 'printscreen'],
  ['caps_lock', 'capslock'],
  ['num_lock', 'numlock'],
  ['scroll_lock', 'scrolllock'],
])

/** The key of an input event for a recorder's `name`; null if it names none. */
export function keyFromPynput(name: string): string | null {
  // One character, by far the most frequent: code points beyond the first plane have two units.
  if (name.length === 1) return fromControl(name.charCodeAt(0)) ?? name
  const plain = name.startsWith('Key.') ? name.slice(4) : name
  const renamed = RENAMED.get(plain) ?? plain
  if (KNOWN.has(renamed)) return renamed
  if (/^<\d{1,3}>$/.test(plain)) return fromVirtualKey(Number(plain.slice(1, -1)))
  return plain.length === 2 && (plain.codePointAt(0) ?? 0) > 0xffff ? plain : null
}

/** With ctrl held, some systems report the control character instead of the letter. */
function fromControl(code: number): string | null {
  return code >= 1 && code <= 26 ? String.fromCharCode(code + 0x60) : null
}

/** Windows' virtual keys without a character: digits, letters, the number pad. */
function fromVirtualKey(code: number): string | null {
  if ((code >= 48 && code <= 57) || (code >= 65 && code <= 90)) return String.fromCharCode(code).toLowerCase()
  return code >= 96 && code <= 105 ? String(code - 96) : null
}
