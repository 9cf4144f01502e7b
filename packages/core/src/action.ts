/**
 * What leaves a device: the action model, and its JSON form.
 *
 * ```json
 * {"kind":"click","button":"left","count":1,"target":{"role":"button","label":"Save","box":[512,40,96,32]}}
 * {"kind":"type","text":"number","length":"short"}
 * ```
 * Boxes are whole units of a rendered schematic of 1280 × 800; without a box, a cell of an 8 × 8 grid over the window.
 * Nothing here has a time, a path, a text, or an order of keys inside a text run.
 */
import { z } from 'zod'

export const SCHEMATIC = { width: 1280, height: 800 } as const
export const GRID = { columns: 8, rows: 8 } as const

/** Keys that leave by name. A character never stands here: characters only leave inside a shortcut. */
export const NAMED_KEYS = [
  'enter',
  'tab',
  'escape',
  'backspace',
  'delete',
  'insert',
  'home',
  'end',
  'pageup',
  'pagedown',
  'up',
  'down',
  'left',
  'right',
  'meta',
  'menu',
  'printscreen',
  'pause',
  'f1',
  'f2',
  'f3',
  'f4',
  'f5',
  'f6',
  'f7',
  'f8',
  'f9',
  'f10',
  'f11',
  'f12',
] as const
export type NamedKey = (typeof NAMED_KEYS)[number]

/** Modifiers in the order in which a shortcut names them. */
export const MODIFIERS = ['ctrl', 'alt', 'shift', 'meta'] as const
export type Modifier = (typeof MODIFIERS)[number]

/** What a text run was, decided in memory before the text is dropped. */
export const TEXT_KINDS = [
  'word',
  'sentence',
  'number',
  'date',
  'email',
  'url',
  'phone',
  'card',
  'iban',
  'code',
  'search',
  'other',
] as const
export type TextKind = (typeof TEXT_KINDS)[number]

/** Length of the final text in characters: 1–3, 4–12, 13–40, 41–160, more. */
export const LENGTH_CLASSES = ['tiny', 'short', 'medium', 'long', 'very-long'] as const
export type LengthClass = (typeof LENGTH_CLASSES)[number]

/** Notches of a merged scroll, rounded up to a power of two, at most 64. */
export const SCROLL_AMOUNTS = [1, 2, 4, 8, 16, 32, 64] as const

/** Roles that a target may have; a source's other roles become `other`. */
export const ROLES = [
  'button',
  'link',
  'textbox',
  'searchbox',
  'checkbox',
  'radio',
  'combobox',
  'listbox',
  'option',
  'menu',
  'menuitem',
  'tab',
  'tree',
  'treeitem',
  'grid',
  'cell',
  'row',
  'slider',
  'switch',
  'dialog',
  'toolbar',
  'image',
  'document',
  'scrollbar',
  'other',
] as const
export type Role = (typeof ROLES)[number]

const unit = (max: number) => z.int().min(0).max(max)
const boxSchema = z.tuple([
  unit(SCHEMATIC.width),
  unit(SCHEMATIC.height),
  unit(SCHEMATIC.width),
  unit(SCHEMATIC.height),
])
export const targetSchema = z.union([
  z.strictObject({ role: z.enum(ROLES), label: z.string().min(1).max(64).optional(), box: boxSchema }),
  z.strictObject({ cell: z.tuple([unit(GRID.columns - 1), unit(GRID.rows - 1)]) }),
])
export const appIdPattern = /^(?:desktop:[a-z0-9][a-z0-9._-]{0,63}|web:https?:\/\/[a-z0-9.-]{1,253}(?::\d{1,5})?)$/

const button = z.enum(['left', 'middle', 'right'])
const chordKey = z.union([z.enum(NAMED_KEYS), z.enum(MODIFIERS), z.string().regex(/^[a-z0-9]$|^space$|^symbol$/)])
export const actionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('hover'), target: targetSchema }),
  z.strictObject({
    kind: z.literal('click'),
    button,
    count: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    target: targetSchema,
  }),
  z.strictObject({ kind: z.literal('drag'), button, from: targetSchema, to: targetSchema }),
  z.strictObject({
    kind: z.literal('scroll'),
    direction: z.enum(['up', 'down', 'left', 'right']),
    amount: z.union([
      z.literal(1),
      z.literal(2),
      z.literal(4),
      z.literal(8),
      z.literal(16),
      z.literal(32),
      z.literal(64),
    ]),
    target: targetSchema,
  }),
  z.strictObject({ kind: z.literal('press'), key: z.enum(NAMED_KEYS) }),
  z.strictObject({ kind: z.literal('hotkey'), keys: z.array(chordKey).min(2).max(5) }),
  z.strictObject({ kind: z.literal('type'), text: z.enum(TEXT_KINDS), length: z.enum(LENGTH_CLASSES) }),
  z.strictObject({ kind: z.literal('switch'), app: z.string().regex(appIdPattern) }),
])

export type Target = z.infer<typeof targetSchema>
export type Action = z.infer<typeof actionSchema>
export type ActionKind = Action['kind']
