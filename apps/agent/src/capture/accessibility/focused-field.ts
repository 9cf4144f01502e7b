/** What has the focus inside a program: asked for when the program reports it, and again after keys. */
import type { AppId, FieldKind } from '@fairtrace/core'
import type { Confirmation } from '../focus-stay.ts'
import type { AccessibilityBus, Accessible } from './bus.ts'
import { fieldOf, isFocused, isLine, PASSWORD_TEXT, roleOf, type States } from './roles.ts'
import type { SecureFields } from './secure-fields.ts'

/** A program that takes longer was busy: it may not have looked at its keys yet. */
const PROMPT_MS = 100
const ALL = 1
const CANONICAL_ORDER = 1
const FOCUSED_BIT = 1 << 12

/** AT-SPI's rule for "has the state focused": states, attributes, roles, interfaces, and how each is matched. */
const FOCUSED_RULE = [[FOCUSED_BIT, 0], ALL, {}, ALL, [], ALL, [], ALL, false]

export class FocusedFields {
  readonly #bus: AccessibilityBus
  readonly #secure: SecureFields
  readonly #nowMs: () => number

  constructor(bus: AccessibilityBus, secure: SecureFields, nowMs: () => number) {
    this.#bus = bus
    this.#secure = secure
    this.#nowMs = nowMs
  }

  /** The field of an element that was reported to have the focus. @throws if its program doesn't answer */
  async field(element: Accessible, app: AppId): Promise<FieldKind> {
    const [role, states] = await Promise.all([this.#role(element), this.#states(element)])
    if (role === PASSWORD_TEXT) this.#secure.add(element)
    if (this.#secure.has(element)) return 'secure'
    return fieldOf(role, states, app, isLine(role, states) && (await this.#isSearch(element)))
  }

  /** Asks again, after keys: the role may have become a password's, and its program may have been busy. */
  async confirm(element: Accessible): Promise<Confirmation> {
    const askedMs = this.#nowMs()
    const role = await this.#role(element)
    if (role === PASSWORD_TEXT) this.#secure.add(element)
    if (this.#secure.has(element)) return 'doubtful'
    return this.#nowMs() - askedMs > PROMPT_MS ? 'slow' : 'ordinary'
  }

  /** The element of a program that has the focus without having reported it to us; null if it names none. */
  async find(program: Accessible, last: Accessible | null): Promise<Accessible | null> {
    if (last !== null && (await this.#states(last).then(isFocused, () => false))) return last
    for (const window of (await this.#bus.children(program)).slice(0, 8)) {
      const found = await this.#bus
        .call<readonly [string, string][]>(window, 'Collection', 'GetMatches', '(aiia{ss}iaiiasib)uib', [
          FOCUSED_RULE,
          CANONICAL_ORDER,
          2,
          true,
        ])
        // Not every toolkit can search; then its next report says.
        .catch(() => [])
      // The last one lies deepest: a window may count itself to be focused.
      const [owner, path] = found.at(-1) ?? []
      if (owner !== undefined && path !== undefined) return { owner, path }
    }
    return null
  }

  #role(element: Accessible): Promise<number> {
    return this.#bus.call<number>(element, 'Accessible', 'GetRole')
  }

  #states(element: Accessible): Promise<States> {
    return this.#bus.call<States>(element, 'Accessible', 'GetState')
  }

  /** The attribute of web content and of newer toolkits; or a magnifying glass inside, as GTK draws it. */
  async #isSearch(element: Accessible): Promise<boolean> {
    try {
      const attributes = await this.#bus.call<Record<string, string>>(element, 'Accessible', 'GetAttributes')
      if (attributes['xml-roles'] === 'searchbox' || attributes['text-input-type'] === 'search') return true
      for (const child of (await this.#bus.children(element)).slice(0, 2)) {
        if (roleOf(await this.#role(child)) !== 'image') continue
        if (/(?:^|-)(?:find|search)(?:-|$)/.test(await this.#bus.name(child))) return true
      }
    } catch {
      // It doesn't say: then it is a field of text, which tells no more than search does.
    }
    return false
  }
}
