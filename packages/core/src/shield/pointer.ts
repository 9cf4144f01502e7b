/** Reducing the pointer: clicks with their count, drags, merged scrolls, hovers. Positions stay exact here. */
import type { InputEvent, MouseButton, Place } from '../input-event.ts'
import { isSamePlace, isSameScroll, isSameTarget, readPlace } from './place.ts'
import type { RawAction, ReduceSink, ScrollDirection } from './raw-action.ts'

interface Press {
  readonly place: Place
  readonly clicks: number
  /** A password field had the focus. */
  readonly isSecret: boolean
}
type Waiting = Extract<RawAction, { kind: 'click' | 'scroll' }>

/** Clicks beyond a triple one are still one triple click. */
const CLICKS_MAX = 3

/** What the pointer needs of its neighbour. */
export interface PointerNeighbour {
  /** Ends what the keyboard holds: its action comes before ours. */
  settle(): void
  /** Counts one drop for this stay in a field that yields nothing. */
  countStay(): void
}

export class PointerReducer {
  readonly #sink: ReduceSink
  readonly #keyboard: PointerNeighbour
  readonly #held = new Map<MouseButton, Press>()
  /** A click that may still become a double one, or a scroll that may still grow. */
  #waiting: Waiting | null = null
  /** Place of the last hover, as long as nothing else happened since. */
  #hovered: Place | null = null

  constructor(sink: ReduceSink, keyboard: PointerNeighbour) {
    this.#sink = sink
    this.#keyboard = keyboard
  }

  /**
   * @param isSecret a password field has the focus. A click that begins and ends in there is dropped, because it may be one on a
   * keypad; the click that leads into the field, and the one that leads out, are as any other
   */
  button(event: Extract<InputEvent, { kind: 'button' }>, isSecret: boolean): void {
    const { button, down, clicks } = event
    const place = readPlace(event.place)
    if (place === null || !isButton(button) || typeof down !== 'boolean' || !isClickCount(clicks, down)) {
      this.#sink.drop('malformed')
    } else if (down) this.#press(button, { place, clicks, isSecret })
    else this.#release(button, place, isSecret)
  }

  scroll(event: Extract<InputEvent, { kind: 'scroll' }>): void {
    const { dx, dy } = event
    const place = readPlace(event.place)
    if (place === null || !Number.isFinite(dx) || !Number.isFinite(dy)) {
      this.#sink.drop('malformed')
      return
    }
    // A touchpad reports a little of the other direction all the time: the greater one is what was meant.
    const isVertical = Math.abs(dy) >= Math.abs(dx)
    const notches = Math.abs(isVertical ? dy : dx)
    if (notches === 0) return
    const direction: ScrollDirection = isVertical ? (dy > 0 ? 'up' : 'down') : dx > 0 ? 'right' : 'left'
    this.#keyboard.settle()
    const before = this.#waiting
    if (before?.kind === 'scroll' && before.direction === direction && isSameScroll(before.place, place)) {
      this.#waiting = { ...before, notches: before.notches + notches }
      return
    }
    this.settle()
    this.#waiting = { kind: 'scroll', direction, notches, place }
  }

  rest(event: Extract<InputEvent, { kind: 'rest' }>): void {
    const place = readPlace(event.place)
    if (place === null) {
      this.#sink.drop('malformed')
      return
    }
    if (place.target === undefined) return
    // Resting where the last action was says nothing new, and must not come between the clicks of a double one.
    const last = this.#waiting?.place ?? this.#hovered
    if (last !== null && isSameTarget(last, place)) return
    this.#keyboard.settle()
    this.settle()
    this.#sink.action({ kind: 'hover', place })
    this.#hovered = place
  }

  /** Emits what waits. */
  settle(): void {
    const waiting = this.#waiting
    this.#waiting = null
    if (waiting !== null) this.#sink.action(waiting)
  }

  /** Emits a waiting scroll, and leaves a click waiting for its second press. */
  settleScroll(): void {
    if (this.#waiting?.kind === 'scroll') this.settle()
  }

  /** An action was emitted: the next hover is news again. */
  acted(): void {
    this.#hovered = null
  }

  /** Forgets buttons that are held; each is counted. */
  forget(): void {
    this.#waiting = null
    this.#hovered = null
    for (let i = 0; i < this.#held.size; i++) this.#sink.drop('press-without-release')
    this.#held.clear()
  }

  #press(button: MouseButton, press: Press): void {
    const { clicks, place } = press
    this.#keyboard.settle()
    if (this.#held.has(button)) this.#sink.drop('press-without-release')
    const continues =
      this.#waiting?.kind === 'click' &&
      this.#waiting.button === button &&
      clicks > this.#waiting.count &&
      isSamePlace(this.#waiting.place, place)
    if (!continues) this.settle()
    this.#held.set(button, press)
  }

  #release(button: MouseButton, place: Place, isSecret: boolean): void {
    const press = this.#held.get(button)
    if (press === undefined) {
      this.#sink.drop('release-without-press')
      return
    }
    this.#held.delete(button)
    if (isSecret && press.isSecret) {
      this.#keyboard.countStay()
      return
    }
    this.#keyboard.settle()
    if (!isSamePlace(press.place, place)) {
      this.settle()
      this.#sink.action({ kind: 'drag', button, from: press.place, to: place })
      return
    }
    const before = this.#waiting
    const continues = before?.kind === 'click' && before.button === button && press.clicks > before.count
    if (!continues) this.settle()
    // The place of the first press: a double click may slide a pixel over the edge of a cell.
    this.#waiting = {
      kind: 'click',
      button,
      count: clickCount(press.clicks),
      place: continues ? before.place : press.place,
    }
  }
}

function clickCount(clicks: number): 1 | 2 | 3 {
  if (clicks >= CLICKS_MAX) return 3
  return clicks === 2 ? 2 : 1
}

function isButton(button: unknown): button is MouseButton {
  return button === 'left' || button === 'middle' || button === 'right'
}

/** The count matters at the press alone; a release may carry anything. */
function isClickCount(clicks: unknown, down: boolean): boolean {
  return !down || (typeof clicks === 'number' && Number.isInteger(clicks) && clicks >= 1)
}
