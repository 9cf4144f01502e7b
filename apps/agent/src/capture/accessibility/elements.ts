/** The element at a point of a window: its role, its name where that is interface text, its box. */
import type { Box, Role, SeenTarget } from '@fairtrace/core'
import type { AccessibilityBus, Accessible } from './bus.ts'
import type { Programs, ScreenBox } from './program.ts'
import { LABELLED, LEAVES, PASSWORD_TEXT, roleOf } from './roles.ts'
import type { SecureFields } from './secure-fields.ts'

const WINDOW_COORDINATES = 1
const DEPTH_MAX = 24
const LABEL_MAX = 64
/** What was seen this short a time ago is still there; later its box is asked for again. */
const FRESH_MS = 700
/** Older than this it is looked for anew. */
const STALE_MS = 15_000
const KNOWN_MAX = 64

/** `secure`: a password field, of which nothing is said, not even where it is. */
export type ElementAt =
  | { readonly is: 'secure' }
  | { readonly is: 'nothing' }
  | { readonly is: 'target'; readonly target: SeenTarget }

/** What is known of an element: a leaf covers nobody, so a point in its box is it; anything else is only known when it was hit. */
interface Known {
  readonly element: Accessible
  readonly role: Role
  readonly found: ElementAt
  readonly box: Box
  readonly foundMs: number
  checkedMs: number
}

export class Elements {
  readonly #bus: AccessibilityBus
  readonly #programs: Programs
  readonly #secure: SecureFields
  readonly #nowMs: () => number
  /** Of the window that was looked at last. */
  #window: Accessible | null = null
  #known: Known[] = []

  constructor(bus: AccessibilityBus, programs: Programs, secure: SecureFields, nowMs: () => number) {
    this.#bus = bus
    this.#programs = programs
    this.#secure = secure
    this.#nowMs = nowMs
  }

  /** The window's content may have moved: by a scroll, a resize. */
  forget(): void {
    this.#known = []
  }

  /** @param x, y in the window @throws if its program doesn't answer */
  async at(window: Accessible, x: number, y: number): Promise<ElementAt> {
    if (this.#window === null || !isSameElement(this.#window, window)) {
      this.#window = window
      this.#known = []
    }
    const leaf = this.#known.find(({ role, box }) => LEAVES.has(role) && contains(box, x, y))
    if (leaf !== undefined && (await this.#stands(leaf))) return leaf.found
    return this.#find(window, x, y)
  }

  /** Whether what is known of an element is so still. */
  async #stands(known: Known): Promise<boolean> {
    const nowMs = this.#nowMs()
    if (nowMs - known.checkedMs < FRESH_MS) return true
    const box = nowMs - known.foundMs < STALE_MS ? await this.#programs.extents(known.element).catch(() => null) : null
    if (box !== null && isSame(box, known.box)) {
      known.checkedMs = nowMs
      return true
    }
    this.#known = []
    return false
  }

  async #find(window: Accessible, x: number, y: number): Promise<ElementAt> {
    let parent = window
    let element = window
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      const [owner, path] = await this.#bus.call<readonly [string, string]>(
        element,
        'Component',
        'GetAccessibleAtPoint',
        'iiu',
        [Math.round(x), Math.round(y), WINDOW_COORDINATES],
      )
      if (path.endsWith('/null') || (owner === element.owner && path === element.path)) break
      parent = element
      element = { owner, path }
    }
    if (element === window) return { is: 'nothing' }
    const before = this.#known.find((known) => isSameElement(known.element, element))
    if (before !== undefined && (await this.#stands(before))) return before.found
    return this.#describe(element, parent)
  }

  async #describe(element: Accessible, parent: Accessible): Promise<ElementAt> {
    const [number, box] = await Promise.all([
      this.#bus.call<number>(element, 'Accessible', 'GetRole'),
      this.#programs.extents(element),
    ])
    const role = roleOf(number)
    // The icon inside a password field is part of it.
    const isSecure = this.#isSecure(element, number) || (role === 'image' && (await this.#liesInSecure(parent)))
    if (isSecure) return this.#remember(element, 'textbox', { is: 'secure' }, box)
    if (box.width <= 0 || box.height <= 0) return { is: 'nothing' }
    const label = LABELLED.has(role) ? (await this.#bus.name(element)).trim() : ''
    const target: SeenTarget = label === '' || label.length > LABEL_MAX ? { role, box } : { role, label, box }
    return this.#remember(element, role, { is: 'target', target }, box)
  }

  /** Whether it is a password field, or was one ever. */
  #isSecure(element: Accessible, role: number): boolean {
    if (role === PASSWORD_TEXT) this.#secure.add(element)
    return this.#secure.has(element)
  }

  async #liesInSecure(parent: Accessible): Promise<boolean> {
    return this.#isSecure(parent, await this.#bus.call<number>(parent, 'Accessible', 'GetRole'))
  }

  #remember(element: Accessible, role: Role, found: ElementAt, box: Box): ElementAt {
    const nowMs = this.#nowMs()
    if (this.#known.length >= KNOWN_MAX) this.#known.shift()
    this.#known.push({ element, role, found, box, foundMs: nowMs, checkedMs: nowMs })
    return found
  }
}

function isSameElement(a: Accessible, b: Accessible): boolean {
  return a.path === b.path && a.owner === b.owner
}

function contains(box: Box, x: number, y: number): boolean {
  return x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height
}

function isSame(a: ScreenBox, b: Box): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
}
