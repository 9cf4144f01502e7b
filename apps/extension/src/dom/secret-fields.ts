/**
 * Fields of which nothing is taken: passwords, one-time codes, and every field that was ever one.
 *
 * Show-password toggles come in three kinds. The type changes in place: an observer of that one attribute hears of it. The field is
 * swapped for a new one, or for a twin that was hidden: then a field that was not seen beside the password, in the place where the
 * password was, counts as the password. All of it is kept as weak references in this page's memory, and none of it tells a value.
 */

import { isEditable } from './editable.ts'

/** Words that name a secret in `name`, `id`, `aria-label` or `placeholder`. */
const SECRET_WORDS =
  /pass(?:word|wort|phrase|code|wd)|passwd|\bpass\b|pwd|kennwort|contrase|mot.?de.?passe|\botp\b|one.?time|totp|2fa|mfa|two.?factor|verification.?code|security.?code|auth.?code|\bpin\b|secret|\bcv[cv]2?\b|\bcsc\b/i
const SECRET_AUTOCOMPLETE = /(?:^|\s)(?:one-time-code|current-password|new-password|cc-csc)(?:\s|$)/
/** The fewest and the most characters of a one-time code. */
const CODE_LENGTHS = { min: 4, max: 8 } as const
/** A code that is entered one digit a field. */
const SPLIT_FIELDS_MIN = 4

export class SecretFields {
  readonly #ever = new WeakSet<Element>()
  /** Where a password field stood: its form, or without one what holds it. */
  readonly #places = new WeakSet<Node>()
  /** Ordinary fields that stood visibly beside a password: no twins of it. */
  readonly #beside = new WeakSet<Element>()
  /** Targets that were looked at and are no secret. */
  readonly #ordinary = new WeakSet<Element>()
  readonly #names = new Set<string>()
  readonly #observer: MutationObserver
  readonly #observed = new WeakSet<Node>()
  readonly #inputs: HTMLCollectionOf<HTMLInputElement>
  #isAnyKnown = false

  constructor(page: Document) {
    // The values of one attribute, never nodes that come and go: a page that is rebuilt costs nothing here.
    this.#observer = new MutationObserver((records) => {
      for (const { target, oldValue } of records) {
        if (oldValue?.toLowerCase() === 'password' || isPassword(target as Element)) this.#remember(target as Element)
      }
    })
    this.#inputs = page.getElementsByTagName('input')
    this.watch(page)
  }

  /** Hears from now on of fields in this tree that change their type. */
  watch(root: Document | ShadowRoot): void {
    if (this.#observed.has(root)) return
    this.#observed.add(root)
    this.#observer.observe(root, {
      subtree: true,
      attributes: true,
      attributeFilter: ['type'],
      attributeOldValue: true,
    })
    if (root instanceof ShadowRoot) this.notice(root)
  }

  /** Looks for password fields as they are now: asked before every click and key that could toggle one. */
  notice(root?: ShadowRoot): void {
    const inputs = root === undefined ? this.#inputs : root.querySelectorAll('input')
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i]
      if (input?.type === 'password') this.#remember(input)
    }
  }

  /** Whether it is known already, or plainly a password now: cheap enough to ask at every key. */
  isKnownSecret(element: Element): boolean {
    return this.#ever.has(element) || isPassword(element)
  }

  /** As `isSecret`, for what the pointer is on: an element that was once looked at is judged by what is known since. */
  isSecretTarget(element: Element): boolean {
    if (this.#ordinary.has(element)) return this.isKnownSecret(element)
    if (this.isSecret(element)) return true
    this.#ordinary.add(element)
    return false
  }

  /** Whether anything typed into, or done to, this element is to be kept from everybody. */
  isSecret(element: Element): boolean {
    if (this.#ever.has(element)) return true
    if (!isField(element)) return false
    if (isPassword(element) || isMasked(element) || hasSecretHint(element) || this.#isTwin(element)) {
      this.#remember(element)
      return true
    }
    return false
  }

  #remember(field: Element): void {
    const isNew = !this.#ever.has(field)
    this.#ever.add(field)
    if (!isPassword(field)) return
    this.#isAnyKnown = true
    for (const name of namesOf(field)) this.#names.add(name)
    const place = placeOf(field)
    if (place === null) return
    this.#places.add(place)
    if (!isNew) return
    for (const other of place.querySelectorAll('input, textarea')) {
      if (!isPassword(other) && isVisible(other)) this.#beside.add(other)
    }
  }

  #isTwin(field: Element): boolean {
    if (!this.#isAnyKnown || this.#beside.has(field)) return false
    if (namesOf(field).some((name) => this.#names.has(name))) return true
    const place = placeOf(field)
    return place !== null && this.#places.has(place)
  }
}

function isPassword(element: Element): boolean {
  return element.tagName === 'INPUT' && (element as HTMLInputElement).type === 'password'
}

function isField(element: Element): boolean {
  const { tagName } = element
  return tagName === 'INPUT' || tagName === 'TEXTAREA' || isEditable(element)
}

/** Characters that only the style sheet hides. */
function isMasked(element: Element): boolean {
  const masking = getComputedStyle(element).getPropertyValue('-webkit-text-security')
  return masking !== '' && masking !== 'none'
}

function hasSecretHint(element: Element): boolean {
  const autocomplete = element.getAttribute('autocomplete')?.toLowerCase() ?? ''
  if (SECRET_AUTOCOMPLETE.test(autocomplete)) return true
  for (const attribute of ['name', 'id', 'aria-label', 'placeholder', 'data-testid']) {
    const value = element.getAttribute(attribute)
    // Word by word: `userPassword`, `user_password` and `user-password` are one.
    if (value !== null && SECRET_WORDS.test(value.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[_-]/g, ' ')))
      return true
  }
  const label = (element as Partial<HTMLInputElement>).labels?.[0]?.textContent
  if (label != null && label.length < 200 && SECRET_WORDS.test(label)) return true
  return element.tagName === 'INPUT' && looksLikeCode(element as HTMLInputElement, autocomplete)
}

/** Digits of a fixed length, or one of a row of single characters, and nothing that says it is something else. */
function looksLikeCode(input: HTMLInputElement, autocomplete: string): boolean {
  const { maxLength, inputMode, pattern, type } = input
  if (maxLength === 1) {
    const row = input.parentElement?.parentElement ?? input.parentElement
    return (row?.querySelectorAll('input[maxlength="1"]').length ?? 0) >= SPLIT_FIELDS_MIN
  }
  if (autocomplete !== '' && autocomplete !== 'off' && autocomplete !== 'on') return false
  const isDigits = inputMode === 'numeric' || type === 'tel' || /^\^?(?:\\d|\[0-9\])/.test(pattern)
  return isDigits && maxLength >= CODE_LENGTHS.min && maxLength <= CODE_LENGTHS.max
}

function namesOf(field: Element): string[] {
  return ['name', 'id'].map((attribute) => field.getAttribute(attribute) ?? '').filter((name) => name !== '')
}

/** The form, or what stands two steps around a field without one; never the whole page. */
function placeOf(field: Element): ParentNode | null {
  const { form } = field as Partial<HTMLInputElement>
  if (form != null) return form
  const root = field.getRootNode()
  const near = field.parentElement?.parentElement ?? field.parentElement
  if (near === null) return root instanceof ShadowRoot ? root : null
  const { tagName } = near
  return tagName === 'BODY' || tagName === 'HTML' || tagName === 'MAIN' ? field.parentElement : near
}

function isVisible(element: Element): boolean {
  const { width, height } = element.getBoundingClientRect()
  return width > 0 && height > 0 && getComputedStyle(element).visibility === 'visible'
}
