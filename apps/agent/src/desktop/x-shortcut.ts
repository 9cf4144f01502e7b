/** Pause and resume by one shortcut wherever the focus is: a passive grab, which sees that combination and no other key. */
import type { XConnection } from '../capture/x11/connection.ts'

export const SHORTCUT = 'Ctrl+Alt+Shift+P'
const KEYSYM_P = 0x70
const SHIFT = 1
const LOCK = 2
const CONTROL = 4
const ALT = 8
const NUM_LOCK = 16
const ASYNCHRONOUS = 1

/** @returns false where another program has the shortcut, or no key types a `p` */
export async function grabPauseShortcut(x: XConnection, pressed: () => void): Promise<boolean> {
  const { min_keycode: first, max_keycode: last } = x.client.display
  const keysyms = await x.ask<readonly (readonly number[])[]>((client, done) =>
    client.GetKeyboardMapping(first, last - first + 1, done),
  )
  const at = keysyms.findIndex((symbols) => symbols.includes(KEYSYM_P))
  if (at === -1) return false
  const keycode = first + at
  try {
    // Whether Caps Lock or Num Lock is on makes another combination for the server.
    for (const locks of [0, LOCK, NUM_LOCK, LOCK | NUM_LOCK]) {
      await x.ask<undefined>((client, done) =>
        client.GrabKey(x.root, 0, CONTROL | ALT | SHIFT | locks, keycode, ASYNCHRONOUS, ASYNCHRONOUS, done),
      )
    }
  } catch {
    // Taken: the indicator and the commands pause as well.
    return false
  }
  x.onEvent(({ name, keycode: code }) => {
    if (name === 'KeyPress' && code === keycode) pressed()
  })
  return true
}
