/** AT-SPI's roles and states (atspi-constants.h) in our words. */
import type { FieldKind, Role } from '@fairtrace/core'

export const PASSWORD_TEXT = 40

/** Every role that a person acts on, by its number; what isn't here is `other`. */
const ROLES: ReadonlyMap<number, Role> = new Map<number, Role>([
  [2, 'dialog'],
  [7, 'checkbox'],
  [8, 'menuitem'],
  [10, 'cell'],
  [11, 'combobox'],
  [12, 'textbox'],
  [16, 'dialog'],
  [26, 'image'],
  [27, 'image'],
  [31, 'listbox'],
  [32, 'option'],
  [33, 'menu'],
  [34, 'menu'],
  [35, 'menuitem'],
  [37, 'tab'],
  [41, 'menu'],
  [43, 'button'],
  [44, 'radio'],
  [45, 'menuitem'],
  [47, 'cell'],
  [48, 'scrollbar'],
  [51, 'slider'],
  [52, 'textbox'],
  [55, 'grid'],
  [56, 'cell'],
  [57, 'cell'],
  [58, 'cell'],
  [61, 'textbox'],
  [62, 'button'],
  [63, 'toolbar'],
  [65, 'tree'],
  [66, 'grid'],
  [76, 'textbox'],
  [77, 'textbox'],
  [79, 'textbox'],
  [82, 'document'],
  [88, 'link'],
  [90, 'row'],
  [91, 'treeitem'],
  [92, 'document'],
  [93, 'document'],
  [94, 'document'],
  [95, 'document'],
  [96, 'document'],
  [98, 'listbox'],
  [129, 'button'],
  [130, 'switch'],
])

export function roleOf(role: number): Role {
  return ROLES.get(role) ?? 'other'
}

/** Roles whose name is interface text. Names of the others are content: a cell, a document, what a field holds. */
export const LABELLED: ReadonlySet<Role> = new Set<Role>([
  'button',
  'link',
  'checkbox',
  'radio',
  'combobox',
  'menu',
  'menuitem',
  'tab',
  'switch',
  'slider',
  'toolbar',
  'dialog',
])

/** Roles that hold nothing else that is acted on: what is cached of them covers nobody. */
export const LEAVES: ReadonlySet<Role> = new Set<Role>([
  'button',
  'link',
  'checkbox',
  'radio',
  'option',
  'menuitem',
  'textbox',
  'slider',
  'switch',
  'cell',
  'scrollbar',
])

const DEFUNCT = 6
const EDITABLE = 7
const FOCUSED = 12
const MULTI_LINE = 17

/** Two words of 32 bits, as AT-SPI sends states. */
export type States = readonly number[]

function has(states: States, state: number): boolean {
  return (((states[state >> 5] ?? 0) >>> (state & 31)) & 1) === 1
}

export function isFocused(states: States): boolean {
  return has(states, FOCUSED) && !has(states, DEFUNCT)
}

/** Roles that take text where they are editable: entry, text, spin button, edit bar, paragraph, document, table cell … */
const TEXT_ROLES: ReadonlySet<number> = new Set([11, 12, 52, 56, 61, 73, 76, 77, 79, 82, 94])
/** Roles that take keys, but no text: buttons, menus, lists, trees, tabs and the like. */
const PLAIN_ROLES: ReadonlySet<number> = new Set([
  7, 8, 10, 11, 29, 31, 32, 33, 34, 35, 37, 38, 41, 43, 44, 45, 47, 48, 51, 55, 56, 57, 58, 61, 62, 63, 65, 66, 73, 88,
  90, 91, 94, 98, 99, 129, 130,
])
const ENTRY_LINES: ReadonlySet<number> = new Set([79, 61, 76])

/** Editors of code, by what their windows are called. */
const CODE_EDITORS =
  /^desktop:(?:code|code-oss|codium|vscodium|cursor|zed|dev\.zed\.zed|jetbrains-.*|emacs|gvim|neovide|geany|kate|kdevelop|qtcreator|org\.gnome\.builder|gnome-builder|sublime_text|sublime_merge|eclipse|android-studio|rstudio|spyder|thonny|bluefish|lapce)$/

/**
 * What typing into an element would be. Only what is surely a field of text, or surely none, is said to be so: a terminal
 * asks for passwords, a canvas may be anything, so both are unknown.
 * @param isSearch what its app says beyond the role
 */
export function fieldOf(role: number, states: States, app: string, isSearch: boolean): FieldKind {
  if (role === PASSWORD_TEXT) return 'secure'
  if (has(states, DEFUNCT)) return 'unknown'
  if (has(states, EDITABLE) && TEXT_ROLES.has(role)) {
    if (CODE_EDITORS.test(app)) return 'code'
    return isSearch && !has(states, MULTI_LINE) ? 'search' : 'text'
  }
  return PLAIN_ROLES.has(role) && !has(states, EDITABLE) ? 'none' : 'unknown'
}

/** Whether it may be worth asking if a field is one of search. */
export function isLine(role: number, states: States): boolean {
  return ENTRY_LINES.has(role) && has(states, EDITABLE) && !has(states, MULTI_LINE)
}
