/**
 * What an element of a page is called: its role, and its name where that is text of the interface.
 *
 * One file without imports: `fairtrace catalogue` puts it into a page as it is, so that a catalogue and a recording name the same
 * things alike. Never read here: values, contenteditable text, alternative texts of pictures, and any attribute but `role`, `type`,
 * `href` (whether there is one), `multiple`, `size`, `aria-label`, `aria-labelledby`, `aria-hidden`, `placeholder`,
 * `contenteditable`, and `title` and `value` where they are the only name of a button. The shield checks every name against the
 * charter's catalogue again.
 */

export interface DescribedElement {
  /** A role of the action model, or `other`. */
  readonly role: string
  readonly label?: string
  /** The element that role and label belong to: what the person meant by a click on something inside it. */
  readonly element: Element
}

const LABEL_LENGTH_MAX = 64
/** How far up a click on an icon or a word looks for the button around it. */
const ANCESTORS_MAX = 12

const ARIA_ROLES: Readonly<Record<string, string>> = {
  button: 'button',
  link: 'link',
  textbox: 'textbox',
  spinbutton: 'textbox',
  searchbox: 'searchbox',
  checkbox: 'checkbox',
  radio: 'radio',
  combobox: 'combobox',
  listbox: 'listbox',
  option: 'option',
  menu: 'menu',
  menubar: 'menu',
  menuitem: 'menuitem',
  menuitemcheckbox: 'menuitem',
  menuitemradio: 'menuitem',
  tab: 'tab',
  tree: 'tree',
  treeitem: 'treeitem',
  grid: 'grid',
  table: 'grid',
  treegrid: 'grid',
  cell: 'cell',
  gridcell: 'cell',
  columnheader: 'cell',
  rowheader: 'cell',
  row: 'row',
  slider: 'slider',
  switch: 'switch',
  dialog: 'dialog',
  alertdialog: 'dialog',
  toolbar: 'toolbar',
  img: 'image',
  image: 'image',
  document: 'document',
  scrollbar: 'scrollbar',
}

const INPUT_ROLES: Readonly<Record<string, string>> = {
  button: 'button',
  submit: 'button',
  reset: 'button',
  image: 'button',
  color: 'button',
  file: 'button',
  checkbox: 'checkbox',
  radio: 'radio',
  range: 'slider',
  search: 'searchbox',
}

const TAG_ROLES: Readonly<Record<string, string>> = {
  BUTTON: 'button',
  SUMMARY: 'button',
  TEXTAREA: 'textbox',
  OPTION: 'option',
  TABLE: 'grid',
  TD: 'cell',
  TH: 'cell',
  TR: 'row',
  IMG: 'image',
  svg: 'image',
  CANVAS: 'image',
  DIALOG: 'dialog',
  HTML: 'document',
  BODY: 'document',
}

/** Roles that take over what lies inside them. A dialog or a toolbar doesn't: a word in it isn't the dialog. */
const TAKING: ReadonlySet<string> = new Set([
  'button',
  'link',
  'textbox',
  'searchbox',
  'checkbox',
  'radio',
  'combobox',
  'option',
  'menuitem',
  'tab',
  'treeitem',
  'slider',
  'switch',
  'cell',
])
/** Roles whose own text is their name. Text in cells, rows and documents is what people work on. */
const NAMED_BY_TEXT: ReadonlySet<string> = new Set([
  'button',
  'link',
  'option',
  'menuitem',
  'tab',
  'treeitem',
  'switch',
])
const NAMED_BY_AUTHOR: ReadonlySet<string> = new Set([
  ...NAMED_BY_TEXT,
  'textbox',
  'searchbox',
  'checkbox',
  'radio',
  'combobox',
  'listbox',
  'menu',
  'slider',
  'toolbar',
  'dialog',
])

/** The target that the person meant by `element`: the nearest button, field, cell … around it, or the element alone. */
export function describeElement(element: Element): DescribedElement {
  let at: Element | null = element
  for (let i = 0; i < ANCESTORS_MAX && at !== null; i++) {
    const role = roleOf(at)
    if (TAKING.has(role)) return named(at, role)
    // A click on a label is a click on its field; the box is the label's.
    if (at.tagName === 'LABEL') {
      const { control } = at as HTMLLabelElement
      if (control !== null) return { ...named(control, roleOf(control)), element: at }
    }
    at = parentOf(at)
  }
  return named(element, roleOf(element))
}

/** The role of this element alone; `other` where it has none of the action model. */
export function roleOf(element: Element): string {
  const aria = element.getAttribute('role')
  if (aria !== null) {
    const role = ARIA_ROLES[aria.trim().split(/\s+/, 1)[0] ?? '']
    if (role !== undefined) return role
  }
  const { tagName } = element
  if (tagName === 'INPUT') return INPUT_ROLES[(element as HTMLInputElement).type] ?? 'textbox'
  if (tagName === 'A') return element.hasAttribute('href') ? 'link' : 'other'
  if (tagName === 'SELECT') {
    const { multiple, size } = element as HTMLSelectElement
    return multiple || size > 1 ? 'listbox' : 'combobox'
  }
  const role = TAG_ROLES[tagName]
  if (role !== undefined) return role
  return isEditingHost(element) ? 'textbox' : 'other'
}

/** The element's name, if it is text of the interface and short enough to be one. */
export function labelOf(element: Element, role: string = roleOf(element)): string | undefined {
  if (!NAMED_BY_AUTHOR.has(role)) return undefined
  // Inside an editor every button or link is somebody's text.
  if (!isEditingHost(element) && isEditable(element)) return undefined
  return (
    clean(element.getAttribute('aria-label')) ??
    labelledBy(element) ??
    fieldLabel(element) ??
    (NAMED_BY_TEXT.has(role) ? ownText(element) : undefined) ??
    (role === 'textbox' || role === 'searchbox' ? clean(element.getAttribute('placeholder')) : undefined) ??
    (role === 'button' || role === 'link' || role === 'menuitem' || role === 'tab'
      ? clean(element.getAttribute('title'))
      : undefined)
  )
}

function named(element: Element, role: string): DescribedElement {
  const label = labelOf(element, role)
  return label === undefined ? { role, element } : { role, label, element }
}

function labelledBy(element: Element): string | undefined {
  const ids = element.getAttribute('aria-labelledby')
  if (ids === null) return undefined
  const root = element.getRootNode() as Document | ShadowRoot
  const texts = ids
    .split(/\s+/)
    .slice(0, 4)
    .map((id) => (id === '' ? null : root.getElementById(id)))
    .map((labelling) => (labelling === null ? undefined : ownText(labelling)))
  return clean(texts.filter((text) => text !== undefined).join(' '))
}

function fieldLabel(element: Element): string | undefined {
  if (element.tagName === 'INPUT') {
    const { type } = element as HTMLInputElement
    // The attribute is the author's caption; the value of every other field is the person's.
    if (type === 'submit' || type === 'button' || type === 'reset') return clean(element.getAttribute('value'))
  } else if (element.tagName !== 'SELECT' && element.tagName !== 'TEXTAREA') return undefined
  const label = (element as Partial<HTMLInputElement>).labels?.[0]
  return label === undefined ? undefined : ownText(label)
}

/** Text of the element without fields, editors and what is hidden from assistive technology; nothing if it is too long. */
function ownText(element: Element): string | undefined {
  // Most buttons hold a word and nothing else.
  const text = element.firstElementChild === null ? element.textContent : textUnder(element, '')
  return clean(text)
}

function textUnder(node: Node, before: string): string | null {
  let text = before
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.nodeType === 3) text += ` ${(child as Text).data}`
    else if (child.nodeType === 1 && isReadable(child as Element)) {
      const more = textUnder(child, text)
      if (more === null) return null
      text = more
    }
    // Longer than any name, white space included: no need to read on.
    if (text.length > 4 * LABEL_LENGTH_MAX) return null
  }
  return text
}

function isReadable(element: Element): boolean {
  const { tagName } = element
  if (tagName === 'INPUT' || tagName === 'TEXTAREA' || tagName === 'SELECT' || tagName === 'SCRIPT') return false
  if (tagName === 'STYLE' || tagName === 'svg' || tagName === 'IFRAME') return false
  return element.getAttribute('aria-hidden') !== 'true' && !isEditingHost(element)
}

function clean(text: string | null): string | undefined {
  if (text === null || text.length > 4 * LABEL_LENGTH_MAX) return undefined
  const short = text.replace(/\s+/g, ' ').trim()
  return short.length === 0 || short.length > LABEL_LENGTH_MAX ? undefined : short
}

function isEditingHost(element: Element): boolean {
  const editable = element.getAttribute('contenteditable')
  return editable !== null && editable !== 'false'
}

/** By the attribute, not by `isContentEditable`, for which the browser would compute the page's styles. */
function isEditable(element: Element): boolean {
  const host = element.closest('[contenteditable]')
  return host !== null && isEditingHost(host)
}

/** The parent, out of a shadow tree too. */
function parentOf(element: Element): Element | null {
  if (element.parentElement !== null) return element.parentElement
  const root = element.getRootNode()
  return 'host' in root ? (root as ShadowRoot).host : null
}
