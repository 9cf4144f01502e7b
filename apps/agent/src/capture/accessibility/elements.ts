/** The element at a point of a window: its role, its name where that is interface text, its box. */
import type { Box, SeenTarget } from '@fairtrace/core'
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

interface Leaf {
  readonly element: Accessible
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
  #leaves: Leaf[] = []

  constructor(bus: AccessibilityBus, programs: Programs, secure: SecureFields, nowMs: () => number) {
    this.#bus = bus
    this.#programs = programs
    this.#secure = secure
    this.#nowMs = nowMs
  }

  /** The window's content may have moved: by a scroll, a resize, a key. */
  forget(): void {
    this.#leaves = []
  }

  /** @param x, y in the window @throws if its program doesn't answer */
  async at(window: Accessible, x: number, y: number): Promise<ElementAt> {
    if (this.#window?.owner !== window.owner || this.#window.path !== window.path) {
      this.#window = window
      this.#leaves = []
    }
    const known = await this.#known(x, y)
    return known ?? (await this.#find(window, x, y))
  }

  async #known(x: number, y: number): Promise<ElementAt | null> {
    const nowMs = this.#nowMs()
    const leaf = this.#leaves.find(({ box, foundMs }) => nowMs - foundMs < STALE_MS && contains(box, x, y))
    if (leaf === undefined) return null
    if (nowMs - leaf.checkedMs < FRESH_MS) return leaf.found
    const box = await this.#programs.extents(leaf.element).catch(() => null)
    if (box !== null && isSame(box, leaf.box)) {
      leaf.checkedMs = nowMs
      return leaf.found
    }
    this.#leaves = []
    return null
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
    // The icon inside a password field is part of it.
    for (const candidate of [element, parent]) {
      if (await this.#isSecure(candidate)) return this.#remember(candidate, { is: 'secure' })
    }
    return this.#describe(element)
  }

  async #describe(element: Accessible): Promise<ElementAt> {
    const [number, box] = await Promise.all([
      this.#bus.call<number>(element, 'Accessible', 'GetRole'),
      this.#programs.extents(element),
    ])
    if (box.width <= 0 || box.height <= 0) return { is: 'nothing' }
    const role = roleOf(number)
    const label = LABELLED.has(role) ? (await this.#bus.name(element)).trim() : ''
    const target: SeenTarget = label === '' || label.length > LABEL_MAX ? { role, box } : { role, label, box }
    const found: ElementAt = { is: 'target', target }
    return LEAVES.has(role) ? this.#remember(element, found, box) : found
  }

  /** Whether it is a password field, or was one ever. */
  async #isSecure(element: Accessible): Promise<boolean> {
    if (this.#secure.has(element)) return true
    if ((await this.#bus.call<number>(element, 'Accessible', 'GetRole')) !== PASSWORD_TEXT) return false
    this.#secure.add(element)
    return true
  }

  async #remember(element: Accessible, found: ElementAt, known?: Box): Promise<ElementAt> {
    const box = known ?? (await this.#programs.extents(element))
    const nowMs = this.#nowMs()
    if (this.#leaves.length >= KNOWN_MAX) this.#leaves.shift()
    this.#leaves.push({ element, found, box, foundMs: nowMs, checkedMs: nowMs })
    return found
  }
}

function contains(box: Box, x: number, y: number): boolean {
  return x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height
}

function isSame(a: ScreenBox, b: Box): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
}
