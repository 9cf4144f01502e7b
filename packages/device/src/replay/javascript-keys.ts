/** JavaScript key codes (`KeyboardEvent.keyCode`, US layout) → key names, or the character that they type. */

const NAMED: ReadonlyMap<number, string> = new Map([
  [8, 'backspace'],
  [9, 'tab'],
  [13, 'enter'],
  [16, 'shift'],
  [17, 'ctrl'],
  [18, 'alt'],
  [19, 'pause'],
  [20, 'capslock'],
  [27, 'escape'],
  [32, 'space'],
  [33, 'pageup'],
  [34, 'pagedown'],
  [35, 'end'],
  [36, 'home'],
  [37, 'left'],
  [38, 'up'],
  [39, 'right'],
  [40, 'down'],
  [44, 'printscreen'],
  [45, 'insert'],
  [46, 'delete'],
  [91, 'meta'],
  [92, 'meta'],
  [93, 'menu'],
  [144, 'numlock'],
  [145, 'scrolllock'],
  [224, 'meta'],
  [225, 'altgr'],
])

const SHIFTED_DIGITS = ')!@#$%^&*('
/** Unshifted and shifted; codes differ between browsers. */
const SIGNS: ReadonlyMap<number, string> = new Map([
  [59, ';:'],
  [186, ';:'],
  [61, '=+'],
  [187, '=+'],
  [173, '-_'],
  [189, '-_'],
  [188, ',<'],
  [190, '.>'],
  [191, '/?'],
  [193, '/?'],
  [192, '`~'],
  [219, '[{'],
  [220, '\\|'],
  [226, '\\|'],
  [221, ']}'],
  [222, '\'"'],
  [106, '**'],
  [107, '++'],
  [109, '--'],
  [110, '..'],
  [111, '//'],
])

/** The key of an input event; null for a code that names no key. */
export function keyFromJavaScript(code: number, isShifted: boolean, isCapsLocked: boolean): string | null {
  const named = NAMED.get(code)
  if (named !== undefined) return named
  if (code >= 65 && code <= 90) return String.fromCharCode(isShifted !== isCapsLocked ? code : code + 32)
  if (code >= 48 && code <= 57) return isShifted ? SHIFTED_DIGITS.charAt(code - 48) : String.fromCharCode(code)
  if (code >= 96 && code <= 105) return String.fromCharCode(code - 48)
  if (code >= 112 && code <= 123) return `f${code - 111}`
  return SIGNS.get(code)?.charAt(isShifted ? 1 : 0) ?? null
}
