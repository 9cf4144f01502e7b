/** Actions as plain sentences, for the participant who reviews what would leave. */
import type { Action, LengthClass, Target, TextKind } from '@fairtrace/core'
import { appText } from './device-state.ts'

/** One line of a recording as a person reads it: one action, or several of a kind in a row. */
export interface ActionLine {
  readonly text: string
  /** The actions `[from, to)`. */
  readonly from: number
  readonly to: number
}

/** Names in a line that stands for several; the others are counted. */
const NAMES_MAX = 2

/**
 * As `describeAction`, with what belongs together in one line: where the pointer went on its way, and what was done
 * several times over.
 */
export function describeActions(actions: readonly Action[]): readonly ActionLine[] {
  const lines: ActionLine[] = []
  for (let from = 0; from < actions.length; ) {
    let to = from + 1
    const first = actions[from]
    if (first === undefined) break
    while (to < actions.length && belongsTo(first, actions[to])) to++
    lines.push({ text: describeRun(actions.slice(from, to), first), from, to })
    from = to
  }
  return lines
}

/** @example describeAction({ kind: 'click', button: 'left', count: 1, target: { role: 'button', label: 'Save', box } }) // clicked the Save button */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case 'hover':
      return `pointed at ${describeTarget(action.target)}`
    case 'click':
      return describeClick(action)
    case 'drag':
      return `dragged from ${describeTarget(action.from)} to ${describeTarget(action.to)}${BUTTONS[action.button]}`
    case 'scroll':
      return `scrolled ${action.direction} over ${describeTarget(action.target)}`
    case 'press':
      return `pressed ${keyText(action.key)}`
    case 'hotkey':
      return `pressed ${action.keys.map(keyText).join('+')}`
    case 'type':
      return `typed ${LENGTHS[action.length]} ${TEXTS[action.text]}`
    case 'switch':
      return `went to ${appText(action.app)}`
  }
}

function belongsTo(first: Action, next: Action | undefined): boolean {
  if (next === undefined) return false
  if (first.kind === 'hover') return next.kind === 'hover'
  return (first.kind === 'press' || first.kind === 'hotkey') && describeAction(first) === describeAction(next)
}

function describeRun(run: readonly Action[], first: Action): string {
  if (run.length === 1) return describeAction(first)
  if (first.kind !== 'hover') return `${describeAction(first)}, ${run.length} times`
  const names = [...new Set(run.map((action) => (action.kind === 'hover' ? describeTarget(action.target) : '')))]
  const more = names.length - NAMES_MAX
  const shown = more > 1 ? [...names.slice(0, NAMES_MAX), `${more} more places`] : names
  const last = shown.pop() ?? ''
  return `pointed at ${shown.length === 0 ? last : `${shown.join(', ')} and ${last}`}`
}

function describeClick({ button, count, target }: Extract<Action, { kind: 'click' }>): string {
  const what = describeTarget(target)
  if (button === 'right' && count === 1) return `right-clicked ${what}`
  return `${CLICKS[count]} ${what}${BUTTONS[button]}`
}

const CLICKS = { 1: 'clicked', 2: 'double-clicked', 3: 'triple-clicked' } as const

const BUTTONS = { left: '', right: ' with the right button', middle: ' with the middle button' } as const

const LENGTHS: Readonly<Record<LengthClass, string>> = {
  tiny: 'a very short',
  short: 'a short',
  medium: 'a medium-length',
  long: 'a long',
  'very-long': 'a very long',
}

const TEXTS: Readonly<Record<TextKind, string>> = {
  word: 'word or name',
  sentence: 'sentence',
  number: 'number',
  date: 'date',
  email: 'e-mail address',
  url: 'web address',
  phone: 'phone number',
  card: 'payment card number',
  iban: 'bank account number (IBAN)',
  code: 'piece of code',
  search: 'search',
  other: 'text',
}

/** Keys as they are printed on a keyboard. */
const KEYS: Readonly<Partial<Record<string, string>>> = {
  pageup: 'Page Up',
  pagedown: 'Page Down',
  up: 'the up arrow',
  down: 'the down arrow',
  left: 'the left arrow',
  right: 'the right arrow',
  meta: 'the Windows or Command key',
  menu: 'the menu key',
  printscreen: 'Print Screen',
  escape: 'Esc',
  space: 'Space',
  symbol: 'a symbol',
}

function keyText(key: string): string {
  return KEYS[key] ?? `${key.charAt(0).toUpperCase()}${key.slice(1)}`
}

const ROLE_WORDS: Readonly<Partial<Record<string, string>>> = {
  textbox: 'text field',
  searchbox: 'search field',
  checkbox: 'check box',
  radio: 'choice',
  combobox: 'choice list',
  listbox: 'list',
  option: 'list entry',
  menuitem: 'menu item',
  treeitem: 'tree item',
  grid: 'table',
  cell: 'table cell',
  row: 'table row',
  scrollbar: 'scroll bar',
  other: 'part of the window',
}

/** As a person would say it: "the Save button", "a table cell", "the window, top right". */
export function describeTarget(target: Target): string {
  if ('cell' in target) return `the window, ${placeInWindow(target.cell)}`
  const role = ROLE_WORDS[target.role] ?? target.role
  if (target.label !== undefined) return `the ${target.label} ${role}`
  return /^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`
}

function placeInWindow([column, row]: readonly [number, number]): string {
  const across = column < 3 ? 'left' : column < 5 ? '' : 'right'
  const down = row < 3 ? 'top' : row < 5 ? '' : 'bottom'
  const where = `${down} ${across}`.trim()
  return where === '' ? 'in the middle' : `${where.includes(' ') ? '' : 'at the '}${where}`
}
