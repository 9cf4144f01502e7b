/** Actions as plain sentences, for the participant who reviews what would leave. */
import type { Action, LengthClass, Target, TextKind } from '@fairtrace/core'

/** @example describeAction({ kind: 'click', button: 'left', count: 1, target: { role: 'button', label: 'Save', box } }) // clicked the Save button */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case 'hover':
      return `rested on ${describeTarget(action.target)}`
    case 'click':
      return `${CLICKS[action.count]} ${describeTarget(action.target)}${BUTTONS[action.button]}`
    case 'drag':
      return `dragged from ${describeTarget(action.from)} to ${describeTarget(action.to)}`
    case 'scroll':
      return `scrolled ${action.direction} over ${describeTarget(action.target)}`
    case 'press':
      return `pressed the ${action.key} key`
    case 'hotkey':
      return `used the shortcut ${action.keys.join('+')}`
    case 'type':
      return `typed ${LENGTHS[action.length]} ${TEXTS[action.text]}`
    case 'switch':
      return `went to ${action.app.replace(/^(?:desktop|web):/, '')}`
  }
}

const CLICKS = { 1: 'clicked', 2: 'double-clicked', 3: 'triple-clicked' } as const

const BUTTONS = { left: '', right: ' with the right button', middle: ' with the middle button' } as const

const LENGTHS: Readonly<Record<LengthClass, string>> = {
  tiny: 'a very short',
  short: 'a short',
  medium: 'a medium-long',
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

const ROLE_WORDS: Readonly<Partial<Record<string, string>>> = {
  textbox: 'text field',
  searchbox: 'search field',
  combobox: 'choice list',
  listbox: 'list',
  menuitem: 'menu item',
  treeitem: 'tree item',
  other: 'element',
}

function describeTarget(target: Target): string {
  if ('cell' in target) return `the window, about ${placeInWindow(target.cell)}`
  const role = ROLE_WORDS[target.role] ?? target.role
  if (target.label !== undefined) return `the ${target.label} ${role}`
  return /^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`
}

function placeInWindow([column, row]: readonly [number, number]): string {
  const across = column < 3 ? 'left' : column < 5 ? 'middle' : 'right'
  const down = row < 3 ? 'top' : row < 5 ? 'centre' : 'bottom'
  return `${down} ${across}`
}
