/** Key presses → keys of input events: the map, the state of the modifiers, dead keys and the compose key. */
import { MODIFIERS, type Modifier } from '@fairtrace/core'
import type { XEvent, XKeyboard } from 'x11'
import type { XConnection } from './connection.ts'
import { KeyboardMap } from './keyboard-map.ts'
import { meaningOf } from './keysym-names.ts'

const USE_CORE_KEYBOARD = 0x100
/** NewKeyboardNotify, MapNotify, StateNotify. */
const KEYBOARD_EVENTS = { newKeyboard: 1 << 0, map: 1 << 1, state: 1 << 2 } as const
/** Of the state only modifiers and group: its other parts change with every button. */
const STATE_PARTS = 0x11

export class Typing {
  readonly #x: XConnection
  #map: KeyboardMap
  #mods = 0
  #group = 0
  #mark: string | null = null
  /** Characters until the compose key's sequence is one. */
  #composing = 0

  constructor(x: XConnection, map: KeyboardMap, state: { readonly mods: number; readonly group: number }) {
    this.#x = x
    this.#map = map
    this.#mods = state.mods
    this.#group = state.group
  }

  static async open(x: XConnection): Promise<Typing> {
    const xkb = await x.extension('xkb')
    selectKeyboardEvents(xkb, true)
    const state = await x.ask<{ readonly mods: number; readonly group: number }>((_client, callback) =>
      xkb.GetState(USE_CORE_KEYBOARD, callback),
    )
    return new Typing(x, await KeyboardMap.read(x), state)
  }

  /** Takes the server's word on modifiers, layout group and map; it comes between the keys, in their order. */
  event(event: XEvent): void {
    if (event.name === 'XkbStateNotify') {
      this.#mods = event.mods ?? 0
      this.#group = event.group ?? 0
    } else if (event.name === 'XkbEvent') {
      KeyboardMap.read(this.#x).then(
        (map) => {
          this.#map = map
        },
        // The display is going away; the old map serves until it has.
        () => undefined,
      )
    }
  }

  /** Modifiers that are held now, or stay on for the next key. */
  get modifiers(): readonly Modifier[] {
    return MODIFIERS.filter((name) => (this.#mods & this.#map.modifiers[name]) !== 0)
  }

  /** What a key is now; null for one that has no name and types nothing. It counts as pressed. */
  press(code: number): string | null {
    const { ctrl, alt, meta } = this.#map.modifiers
    const isShortcut = (this.#mods & (ctrl | alt | meta)) !== 0
    const keysym = isShortcut
      ? this.#map.shortcutKeysym(code, this.#mods, this.#group)
      : this.#map.keysym(code, this.#mods, this.#group)
    const meaning = meaningOf(keysym)
    if (meaning === null) return null
    switch (meaning.is) {
      case 'named':
        return meaning.key === 'space' ? this.#character(' ') : meaning.key
      case 'mark':
        this.#mark = meaning.mark
        return 'compose'
      case 'compose':
        this.#composing = 2
        return 'compose'
      case 'character':
        return this.#character(meaning.key)
    }
  }

  #character(key: string): string {
    if (this.#composing > 0) {
      this.#composing--
      if (this.#composing > 0) return 'compose'
    }
    const mark = this.#mark
    this.#mark = null
    if (mark === null) return key === ' ' ? 'space' : key
    const composed = `${key}${mark}`.normalize('NFC')
    // A mark that doesn't go with the character leaves it alone: what it typed matters to nobody but its kind and length.
    return [...composed].length === 1 ? composed : key === ' ' ? 'space' : key
  }
}

function selectKeyboardEvents(xkb: XKeyboard, isSelected: boolean): void {
  const { newKeyboard, map, state } = KEYBOARD_EVENTS
  const all = newKeyboard | map
  xkb.SelectEvents(USE_CORE_KEYBOARD, all | state, isSelected ? 0 : all | state, isSelected ? all : 0, 0xff, 0xff, {
    stateNotify: [STATE_PARTS, STATE_PARTS],
  })
}
