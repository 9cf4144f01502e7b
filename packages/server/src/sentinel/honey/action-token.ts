/**
 * One action as a short word that every form of it shares: our JSON, the columns of a release, the code of AgentNet.
 *
 * Where it happened (app, target) is left out: copies rename and drop that first. A `switch` is no word: releases have none.
 */

/** An action as some copy has it: names of our own JSON, or of a release's columns. */
export type LooseAction = Readonly<Record<string, unknown>>

/** @returns null for what is no action, or a `switch` */
export function actionToken(action: LooseAction): string | null {
  switch (action.kind) {
    case 'hover':
      return 'h'
    case 'click':
      return click(action.button, action.count)
    case 'drag':
      return `d:${initial(action.button)}`
    case 'scroll':
      return `s:${initial(action.direction)}`
    case 'press':
      return `p:${text(action.key)}`
    case 'hotkey':
      return `k:${Array.isArray(action.keys) ? action.keys.map(text).join('+') : text(action.keys)}`
    case 'type':
      return `t:${text(action.text ?? action.text_kind)}:${text(action.length)}`
    default:
      return null
  }
}

/** Longest text of one action; a longer object is none. */
const OBJECT_CHARACTERS_MAX = 1_000
const DEPTH_MAX = 64
const OPEN = 0x7b
const CLOSE = 0x7d

/** Bytes without one of these hold no action: our JSON, the same quoted into a text or a CSV field, AgentNet's code. */
export const ACTION_HINTS = ['"kind"', '\\"kind\\"', '""kind""', 'pyautogui.'] as const

/**
 * Words of the actions in a text: JSON objects with a `kind`, also quoted into a CSV field, a log line or another JSON text, and
 * calls of pyautogui. Linear in the length of the text, whatever is in it.
 */
export function* tokensIn(raw: string): Generator<string> {
  if (raw.includes('pyautogui.')) yield* agentNetTokens(raw)
  const plain = raw.replace(/\\"|""/g, '"')
  const starts: number[] = []
  for (let at = 0; at < plain.length; at++) {
    const code = plain.charCodeAt(at)
    if (code === OPEN) {
      if (starts.length === DEPTH_MAX) starts.shift()
      starts.push(at)
    } else if (code === CLOSE) {
      const start = starts.pop()
      if (start === undefined || at - start > OBJECT_CHARACTERS_MAX || plain.charCodeAt(at - 1) === OPEN) continue
      const token = tokenOf(plain.slice(start, at + 1))
      if (token !== null) yield token
    }
  }
}

function tokenOf(object: string): string | null {
  if (!object.includes('"kind"')) return null
  try {
    const parsed: unknown = JSON.parse(object)
    return parsed !== null && typeof parsed === 'object' ? actionToken(parsed as LooseAction) : null
  } catch {
    // Not JSON after all: no action.
    return null
  }
}

/** One call; a move that only leads to a scroll or a drag belongs to it. */
const CALL =
  /pyautogui\.(?:moveTo\([^)]{0,60}\)(?:\\+n|\n)pyautogui\.(dragTo|scroll|hscroll)|([A-Za-z]{4,12}))\(([^)]{0,120})\)/g
const OUR_NAMES: Readonly<Record<string, string>> = { esc: 'escape', win: 'meta', apps: 'menu', '<symbol>': 'symbol' }

function* agentNetTokens(raw: string): Generator<string> {
  for (const [, ledTo, alone, inside = ''] of raw.matchAll(CALL)) {
    const names = [...inside.matchAll(/'([^']{1,60})'/g)].map(([, name = '']) => OUR_NAMES[name] ?? name)
    const isMinus = inside.startsWith('-')
    switch (ledTo ?? alone) {
      case 'moveTo':
        yield 'h'
        break
      case 'click':
        yield 'c:l1'
        break
      case 'doubleClick':
        yield 'c:l2'
        break
      case 'tripleClick':
        yield 'c:l3'
        break
      case 'rightClick':
        yield 'c:r1'
        break
      case 'middleClick':
        yield 'c:m1'
        break
      case 'dragTo':
        yield `d:${initial(names[0])}`
        break
      case 'scroll':
        yield isMinus ? 's:d' : 's:u'
        break
      case 'hscroll':
        yield isMinus ? 's:l' : 's:r'
        break
      case 'press':
        yield `p:${text(names[0])}`
        break
      case 'hotkey':
        yield `k:${names.join('+')}`
        break
      case 'write':
        yield `t:${(names[0] ?? '').replace(/^<|>$/g, '')}`
        break
    }
  }
}

/** AgentNet has no count for the other buttons. */
function click(button: unknown, count: unknown): string {
  const which = initial(button)
  return `c:${which}${which === 'l' ? Number(count ?? 1) : 1}`
}

function initial(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 1) : '-'
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 32) : '-'
}
