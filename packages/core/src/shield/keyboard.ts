/** Reducing the keyboard: text runs, named keys, shortcuts. Text stays in one buffer that is wiped after each run. */

import { MODIFIERS, type Modifier, type NamedKey } from '../action.ts'
import type { FieldKind, InputEvent } from '../input-event.ts'
import { chordName, isPlainKey, type Key, parseKey } from './keys.ts'
import type { ReduceSink } from './raw-action.ts'
import { TextRun } from './text-run.ts'

/** Keys held at once; more is no person. */
export const HELD_KEYS_MAX = 64

/**
 * Different characters that leave under one hold of a modifier: copy, cut and paste are three.
 *
 * Recorders lose releases. A `ctrl` that seems to be held for ever would turn everything typed afterwards into shortcuts,
 * letter by letter; this bounds what such a fault can show.
 */
const CHORD_CHARACTERS_MAX = 3

type Erasing = 'backspace' | 'delete'

/** What the keyboard tells its neighbour. */
export interface KeyboardNeighbour {
  /** Ends what the pointer holds: its action comes before ours. */
  settle(): void
  /** The text that is being typed goes on: what the pointer did meanwhile was no action. */
  typing(): void
  /** The text has ended, and its action stands. */
  typed(): void
}

export class KeyboardReducer {
  readonly #sink: ReduceSink
  readonly #pointer: KeyboardNeighbour
  readonly #held = new Set<string>()
  readonly #modifiers = new Set<Modifier>()
  readonly #run = new TextRun()
  #isTyping = false
  /** Backspaces or deletes outside a text run, waiting to become one press. */
  #erasing: Erasing | null = null
  #field: FieldKind = 'unknown'
  /** `meta` is down and nothing else happened: its release is a press of its own. */
  #isMetaAlone = false
  readonly #chordCharacters = new Set<string>()
  /** One drop was counted for this stay in a field that yields nothing. */
  #isStayCounted = false

  constructor(sink: ReduceSink, pointer: KeyboardNeighbour) {
    this.#sink = sink
    this.#pointer = pointer
  }

  /** A text run has begun and not ended. */
  get isTyping(): boolean {
    return this.#isTyping
  }

  get field(): FieldKind {
    return this.#field
  }

  /** Keys that are held now; at most `HELD_KEYS_MAX`. */
  get heldKeys(): number {
    return this.#held.size
  }

  key(event: Extract<InputEvent, { kind: 'key' }>): void {
    const { key: name, down } = event
    if (typeof name !== 'string' || typeof down !== 'boolean') {
      this.#sink.drop('malformed')
      return
    }
    if (this.#field === 'secure' || this.#field === 'unknown') {
      this.#dropStay(name, down)
      return
    }
    const key = parseKey(name)
    if (key === null) {
      this.#sink.drop('key-unknown')
      return
    }
    // A source may report the press as `a` and the release, after shift went up, as `A`: one key.
    const id = name.length === 1 ? name.toLowerCase() : name
    if (down) this.#press(id, key)
    else this.#release(id, key)
  }

  /** A field got the focus: what was typed before belongs to another one. */
  enter(field: FieldKind): void {
    this.settle()
    this.#field = field
    this.#isStayCounted = false
    this.#isMetaAlone = false
  }

  /** Emits what waits. */
  settle(): void {
    const erasing = this.#erasing
    this.#erasing = null
    if (erasing !== null) this.#sink.action({ kind: 'press', key: erasing })
    if (!this.#isTyping) return
    this.#isTyping = false
    try {
      if (this.#run.length > 0) this.#sink.action({ kind: 'type', text: this.#run, field: this.#field })
    } finally {
      this.#run.wipe()
    }
    this.#pointer.typed()
  }

  /** Something else was done while `meta` was down. */
  acted(): void {
    this.#isMetaAlone = false
  }

  /** Drops what waits, and forgets every key that is held and the field. */
  forget(): void {
    this.#run.wipe()
    this.#isTyping = false
    this.#erasing = null
    this.#held.clear()
    this.#modifiers.clear()
    this.#chordCharacters.clear()
    this.enter('unknown')
  }

  #press(id: string, key: Key): void {
    if (this.#held.has(id)) {
      this.#repeat(key)
      return
    }
    if (this.#held.size >= HELD_KEYS_MAX) {
      this.#sink.drop('keys-too-many')
      return
    }
    this.#held.add(id)
    if (key.is === 'silent') return
    if (key.is === 'modifier') {
      this.#pressModifier(key.name)
      return
    }
    this.#isMetaAlone = false
    if (key.is === 'named') this.#pressNamed(key.name)
    else this.#pressCharacter(key.code)
  }

  /**
   * A key that is held repeats by itself, and a recorder may lose a release. In a text each repeat counts, because the final
   * text has it; anything else was done once, however long the key was held.
   */
  #repeat(key: Key): void {
    if (key.is === 'character' && this.#isText(key.code)) this.#type(key.code)
    else if (key.is === 'named' && (key.name === 'backspace' || key.name === 'delete')) this.#correct(key.name)
  }

  #release(id: string, key: Key): void {
    if (!this.#held.delete(id)) {
      this.#sink.drop('release-without-press')
      return
    }
    if (key.is !== 'modifier') return
    this.#modifiers.delete(key.name)
    this.#chordCharacters.clear()
    if (key.name !== 'meta' || !this.#isMetaAlone) return
    this.#isMetaAlone = false
    this.#emitPress('meta')
  }

  #pressModifier(name: Modifier): void {
    this.#modifiers.add(name)
    this.#isMetaAlone = name === 'meta' && this.#modifiers.size === 1
  }

  #pressNamed(name: NamedKey): void {
    if (name === 'backspace' || name === 'delete') {
      if (this.#correct(name)) return
      if (this.#modifiers.size === 0) {
        this.#erase(name)
        return
      }
    }
    if (this.#modifiers.size === 0) this.#emitPress(name)
    else this.#emitChord(name)
  }

  /** Corrections inside a text run vanish in it: the final text alone counts. Says whether the key was one. */
  #correct(name: Erasing): boolean {
    if (!this.#isTyping || this.#modifiers.has('meta')) return false
    this.#pointer.typing()
    // The caret is at the end of the run, so `delete` has nothing of it to take.
    if (name === 'delete') return true
    if (this.#modifiers.has('ctrl') || this.#modifiers.has('alt')) this.#run.eraseWord()
    else this.#run.erase()
    return true
  }

  #erase(name: Erasing): void {
    if (this.#erasing === name) return
    this.#pointer.settle()
    this.settle()
    this.#erasing = name
  }

  #pressCharacter(code: number): void {
    if (this.#isText(code)) {
      this.#type(code)
      return
    }
    const name = chordName(code)
    if (this.#isCharacterCode(name)) {
      this.#sink.drop('modifier-stuck')
      return
    }
    this.#chordCharacters.add(name)
    if (this.#chordCharacters.size > CHORD_CHARACTERS_MAX) {
      this.#sink.drop('modifier-stuck')
      return
    }
    this.#emitChord(name)
  }

  /** Alt and several figures type a character by its number (`alt+0233`): after the first, they are text. */
  #isCharacterCode(name: string): boolean {
    if (!this.#modifiers.has('alt') || this.#modifiers.size > 1 || !/^\d$/.test(name)) return false
    return this.#chordCharacters.size > 0
  }

  /** Shift types capitals; ctrl+alt (AltGr on many systems) and alt on its own type signs; everything else commands. */
  #isText(code: number): boolean {
    const { size } = this.#modifiers
    if (size === 0 || (size === 1 && this.#modifiers.has('shift'))) return true
    if (this.#modifiers.has('meta') || !this.#modifiers.has('alt')) return false
    return this.#modifiers.has('ctrl') ? !isPlainKey(code) : code > 0x7e
  }

  #type(code: number): void {
    if (this.#field === 'none') {
      this.#sink.drop('field-none')
      return
    }
    if (!this.#isTyping) {
      this.#pointer.settle()
      this.settle()
      this.#isTyping = true
    }
    this.#pointer.typing()
    this.#run.add(code)
  }

  #emitPress(key: NamedKey): void {
    this.#pointer.settle()
    this.settle()
    this.#sink.action({ kind: 'press', key })
  }

  #emitChord(key: string): void {
    this.#pointer.settle()
    this.settle()
    const modifiers = MODIFIERS.filter((modifier) => this.#modifiers.has(modifier))
    this.#sink.action({ kind: 'hotkey', modifiers, key })
  }

  /** Counted once a stay: a count for each key would tell how long the password is. */
  #dropStay(name: string, down: boolean): void {
    if (!down) this.#forgetKey(name)
    this.countStay()
  }

  /** Something was done in a field that yields nothing. */
  countStay(): void {
    if (this.#isStayCounted) return
    this.#isStayCounted = true
    this.#sink.drop(this.#field === 'secure' ? 'field-secure' : 'field-unknown')
  }

  /** A key pressed before the stay goes up in it: it must not seem to be held afterwards. */
  #forgetKey(name: string): void {
    this.#held.delete(name.length === 1 ? name.toLowerCase() : name)
    const modifier = MODIFIERS.find((candidate) => candidate === name)
    if (modifier !== undefined) this.#modifiers.delete(modifier)
  }
}
