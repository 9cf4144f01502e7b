/** Looking into shadow trees, closed ones too: a password field can stand in one. */
import { browser } from 'wxt/browser'

type OpenRoot = (element: HTMLElement) => ShadowRoot | null

/** Null where this browser has no such call; undefined until it is needed: the build reads this file outside any page. */
let openRoot: OpenRoot | null | undefined

/** The element's shadow root, or null for none; `undefined` where this browser doesn't let us know. */
function shadowRootOf(element: Element): ShadowRoot | null | undefined {
  if (!canHostShadow(element)) return null
  if (element.shadowRoot !== null) return element.shadowRoot
  openRoot ??= findOpenRoot()
  return openRoot?.(element as HTMLElement)
}

/**
 * What has the focus, through every shadow tree.
 * @returns null for nothing in particular, and `unknown` where a tree can't be looked into
 */
export function deepActiveElement(onRoot: (root: ShadowRoot) => void): Element | null | 'unknown' {
  let active = document.activeElement
  for (;;) {
    if (active === null) return null
    const { tagName } = active
    if (tagName === 'BODY' || tagName === 'HTML') return null
    const root = shadowRootOf(active)
    if (root === undefined) return 'unknown'
    if (root === null) return active
    onRoot(root)
    const inner = root.activeElement
    if (inner === null) return active
    active = inner
  }
}

/** What an event is about, inside every shadow tree that lets it out. */
export function innermost(event: Event): Element | null {
  const { target } = event
  if (!(target instanceof Element)) return null
  // What an event shows of a shadow tree is its host; nothing else has anything inside.
  if (!canHostShadow(target)) return target
  const inner = event.composedPath()[0]
  return inner instanceof Element ? inner : target
}

/** What has the focus, as an event of it or of the keyboard shows: its target, if nothing can be inside that. */
export function focusedBy(event: Event, onRoot: (root: ShadowRoot) => void): Element | null | 'unknown' {
  const { target } = event
  if (target instanceof Element && !canHostShadow(target) && target.tagName !== 'HTML') return target
  return deepActiveElement(onRoot)
}

/** Shadow trees that an event came through. */
export function rootsOn(event: Event): readonly ShadowRoot[] {
  const { target } = event
  if (!(target instanceof Element) || !canHostShadow(target)) return []
  return event.composedPath().filter((node) => node instanceof ShadowRoot)
}

/** The element at a point of this frame's viewport, through every shadow tree that can be looked into. */
export function deepElementAt(x: number, y: number, onRoot: (root: ShadowRoot) => void): Element | null {
  let found = document.elementFromPoint(x, y)
  for (let root = found === null ? null : shadowRootOf(found); root != null; root = found && shadowRootOf(found)) {
    onRoot(root)
    const inner = root.elementFromPoint(x, y)
    if (inner === null || inner === found || inner.getRootNode() !== root) break
    found = inner
  }
  return found
}

/** DOM standard, section 4.8: the elements that a shadow root can be attached to, besides custom ones. */
const HOSTS: ReadonlySet<string> = new Set(
  'ARTICLE ASIDE BLOCKQUOTE BODY DIV FOOTER H1 H2 H3 H4 H5 H6 HEADER MAIN NAV P SECTION SPAN'.split(' '),
)

function canHostShadow({ tagName }: Element): boolean {
  return HOSTS.has(tagName) || tagName.includes('-')
}

function findOpenRoot(): OpenRoot | null {
  const { dom } = browser as unknown as { dom?: { openOrClosedShadowRoot?: OpenRoot } }
  const open = dom?.openOrClosedShadowRoot
  if (open !== undefined) return (element) => open.call(dom, element)
  if ('openOrClosedShadowRoot' in Element.prototype) {
    return (element) => (element as unknown as { openOrClosedShadowRoot: ShadowRoot | null }).openOrClosedShadowRoot
  }
  return null
}
