/** Keys as a browser names them (UI Events `key`), as input events name them. */
import type { KeyName } from '@fairtrace/core'

const NAMES: Readonly<Record<string, KeyName>> = {
  Enter: 'enter',
  Tab: 'tab',
  Escape: 'escape',
  Backspace: 'backspace',
  Delete: 'delete',
  Insert: 'insert',
  Home: 'home',
  End: 'end',
  PageUp: 'pageup',
  PageDown: 'pagedown',
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Meta: 'meta',
  OS: 'meta',
  ContextMenu: 'menu',
  PrintScreen: 'printscreen',
  Pause: 'pause',
  Control: 'ctrl',
  Alt: 'alt',
  Shift: 'shift',
  AltGraph: 'altgr',
  CapsLock: 'capslock',
  NumLock: 'numlock',
  ScrollLock: 'scrolllock',
  Fn: 'fn',
  Compose: 'compose',
  ' ': 'space',
  ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`F${i + 1}`, `f${i + 1}`])),
}

/** @returns the name, the one character that the key types, or null for a key that means nothing here (a dead key, an input method) */
export function keyNameOf(key: string): string | null {
  const name = NAMES[key]
  if (name !== undefined) return name
  return key.length === 1 || (key.length === 2 && (key.codePointAt(0) ?? 0) > 0xffff) ? key : null
}
