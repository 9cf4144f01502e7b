/** What kind of field has the focus: decides what the shield makes of keys. */
import type { FieldKind } from '@fairtrace/core'
import { roleOf } from './describe-element.ts'
import { isEditable } from './editable.ts'
import type { SecretFields } from './secret-fields.ts'

/** Inputs that take no text. */
const WITHOUT_TEXT: ReadonlySet<string> = new Set([
  'button',
  'submit',
  'reset',
  'image',
  'checkbox',
  'radio',
  'range',
  'color',
  'file',
  'hidden',
])
/** Editors of program text, by the class names that they are known by. */
const CODE_EDITORS = '.monaco-editor, .cm-editor, .CodeMirror, .ace_editor, pre, code'

/** @param active as `deepActiveElement` gives it */
export function fieldKindOf(active: Element | null | 'unknown', secrets: SecretFields): FieldKind {
  if (active === 'unknown') return 'unknown'
  if (active === null) return document.designMode === 'on' ? 'text' : 'none'
  const { tagName } = active
  if (tagName === 'BUTTON' || tagName === 'A' || tagName === 'SELECT') return 'none'
  if (secrets.isSecret(active)) return 'secure'
  // What happens in there, the script in there says; if there is none, nobody may know.
  if (tagName === 'IFRAME' || tagName === 'FRAME' || tagName === 'OBJECT' || tagName === 'EMBED') return 'unknown'
  const isInput = tagName === 'INPUT'
  if (isInput && WITHOUT_TEXT.has((active as HTMLInputElement).type)) return 'none'
  if (!isInput && tagName !== 'TEXTAREA' && !isEditable(active)) {
    // A page that draws its own text field (on a canvas) says so by the role.
    const role = roleOf(active)
    if (role === 'searchbox') return 'search'
    return role === 'textbox' || role === 'combobox' ? 'text' : 'none'
  }
  if (active.closest(CODE_EDITORS) !== null) return 'code'
  const role = roleOf(active)
  return role === 'searchbox' || active.closest('[role="search"], search') !== null ? 'search' : 'text'
}
