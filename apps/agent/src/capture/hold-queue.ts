/**
 * Holds what was done until it is certain where it went, and lets it go in the order in which it was done.
 *
 * The X server says at once that a key was pressed; which field took it, only the app knows, and it tells later. So a key
 * goes on only when its app, **asked after the key**, has answered promptly, twice, that the focus is in an ordinary field, and
 * has reported no password field and no unknown one since. A program's reports and answers come in the order in which it made
 * them. Whatever is late, refused, overtaken or doubtful drops the keys: they are never passed on as text.
 */
import type { AppId, FieldKind, InputEvent, Modifier, Place } from '@fairtrace/core'
import { UNLISTED_APP } from './app-name.ts'
import type { Confirmation, FocusStay } from './focus-stay.ts'

/** A program that is well has looked at a key after this time. */
export const SETTLE_MS = 150
/** Keys wait for each other this long, so that one question does for many. */
const GATHER_MS = 400
/** Until the field of a stay is known, or a question answered. */
const KNOWN_MS_MAX = 1_500
const SLOW_ANSWERS_MAX = 8
/** Until the element at the pointer is known; then its place does without. */
export const PLACE_MS_MAX = 400
/** More is no person, or nobody answers. */
const HELD_MAX = 4_096

export interface SeenPlace {
  readonly app: AppId
  readonly place: Place
}
/** Null: nothing of it is to be said (a password field, a window of nobody's). */
export type PlaceSlot = (seen: SeenPlace | null) => void

interface KeyItem {
  readonly is: 'key'
  readonly number: number
  readonly arrivedMs: number
  readonly atMs: number
  readonly key: string
  readonly modifiers: readonly Modifier[]
  readonly stay: FocusStay
}
/** Only of modifiers is the release of a key known. */
interface ModifiersItem {
  readonly is: 'modifiers'
  readonly atMs: number
  readonly held: readonly Modifier[]
}
interface PointerItem {
  readonly is: 'pointer'
  readonly arrivedMs: number
  readonly make: (place: Place) => InputEvent
  seen: SeenPlace | null | undefined
}
interface StayItem {
  readonly is: 'stay'
  readonly arrivedMs: number
  readonly stay: FocusStay
}
type Item = KeyItem | ModifiersItem | PointerItem | StayItem

export interface HoldQueueOptions {
  readonly emit: (event: InputEvent) => void
  readonly wallMs: () => number
  /** Milliseconds that only grow. */
  readonly nowMs: () => number
  readonly setTimer: (work: () => void, ms: number) => { clear(): void }
}

export class HoldQueue {
  readonly #options: HoldQueueOptions
  #items: Item[] = []
  #stay: FocusStay | null = null
  #keys = 0
  #timer: { clear(): void } | null = null
  #timerAtMs = 0
  /** One question at a time. */
  #asked: { readonly stay: FocusStay } | null = null
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #slowAnswers = 0
  #stated: { readonly app: AppId; readonly field: FieldKind } | null = null
  /** Modifiers that the receiver believes to be down. */
  readonly #shownModifiers = new Set<Modifier>()

  constructor(options: HoldQueueOptions) {
    this.#options = options
  }

  /** Things that wait: a test sees by it that nothing stays behind. */
  get held(): number {
    return this.#items.length
  }

  /** The focus went into `stay`, or nobody knows where (null). */
  enter(stay: FocusStay | null): void {
    this.#stay = stay
    if (stay === null) return
    if (stay.isDoubtful) this.#condemn(stay.program)
    this.#hold({ is: 'stay', arrivedMs: this.#options.nowMs(), stay })
  }

  /** The field of a stay became known, or was found to be doubtful: what its program's earlier keys were typed into is too. */
  settled(stay: FocusStay): void {
    if (stay.isDoubtful) this.#condemn(stay.program)
    this.#drain()
  }

  /** A key was pressed. @param modifiers that were held then */
  key(key: string, atMs: number, modifiers: readonly Modifier[]): void {
    const stay = this.#stay
    if (stay === null || stay.isDoubtful) return
    const arrivedMs = this.#options.nowMs()
    this.#hold({ is: 'key', number: ++this.#keys, arrivedMs, atMs, key, modifiers, stay })
  }

  /** These are held from now on: those that aren't were let go. */
  modifiers(held: readonly Modifier[], atMs: number): void {
    this.#hold({ is: 'modifiers', held, atMs })
  }

  /** @returns where to say, later, at what the pointer was */
  pointer(make: (place: Place) => InputEvent): PlaceSlot {
    const item: PointerItem = { is: 'pointer', arrivedMs: this.#options.nowMs(), make, seen: undefined }
    this.#hold(item)
    return (seen) => {
      if (item.seen !== undefined) return
      item.seen = seen
      this.#drain()
    }
  }

  /** Sight was lost: what waits is dropped, unseen. */
  lose(): void {
    this.clear()
    this.#options.emit({ kind: 'gap', atMs: this.#options.wallMs() })
  }

  clear(): void {
    this.#items = []
    this.#stay = null
    this.#stated = null
    this.#asked = null
    this.#slowAnswers = 0
    this.#shownModifiers.clear()
    this.#timer?.clear()
    this.#timer = null
  }

  #hold(item: Item): void {
    if (this.#items.length >= HELD_MAX) {
      const stay = this.#stay
      this.lose()
      // The focus is where it was; only what was held is gone.
      if (stay !== null) this.enter(stay)
      return
    }
    this.#items.push(item)
    this.#drain()
  }

  #drain(): void {
    for (let item = this.#items[0]; item !== undefined && this.#isDone(item); item = this.#items[0]) this.#items.shift()
  }

  /** Lets one item go, or says that it must wait. */
  #isDone(item: Item): boolean {
    switch (item.is) {
      case 'stay':
        if (item.stay.field === null) return this.#giveUpAfter(item.stay, item.arrivedMs)
        this.#state(item.stay.app, item.stay.isDoubtful && item.stay.field !== 'secure' ? 'unknown' : item.stay.field)
        return true
      case 'pointer':
        return this.#pointerIsDone(item)
      case 'key':
        return this.#keyIsDone(item)
      case 'modifiers':
        this.#letGo(item.held, item.atMs)
        return true
    }
  }

  #pointerIsDone({ seen, make, arrivedMs }: PointerItem): boolean {
    if (seen === undefined) {
      // Whoever looks has a limit of its own; this one is for when the display hangs.
      if (this.#options.nowMs() - arrivedMs >= KNOWN_MS_MAX) return true
      this.#wakeAt(arrivedMs + KNOWN_MS_MAX)
      return false
    }
    if (seen === null) return true
    // In another app than the keyboard's, nothing is known of a field.
    if (this.#stated?.app !== seen.app) this.#state(seen.app, 'unknown')
    if (seen.app !== UNLISTED_APP) this.#options.emit(make(seen.place))
    return true
  }

  #keyIsDone(item: KeyItem): boolean {
    const { stay } = item
    if (stay.isPending) return this.#giveUpAfter(stay, item.arrivedMs)
    if (!stay.isOrdinary) return true
    const later = this.#items.find(
      (other) => other.is === 'stay' && other.stay.program === stay.program && other.stay.isPending,
    )
    if (later?.is === 'stay') return this.#giveUpAfter(later.stay, later.arrivedMs)
    if (item.number > stay.confirmedUpTo) {
      this.#askAbout(item)
      return false
    }
    this.#show(item)
    return true
  }

  /** Unknown is what a field is that isn't known in time. */
  #giveUpAfter(stay: FocusStay, sinceMs: number): boolean {
    if (this.#options.nowMs() - sinceMs < KNOWN_MS_MAX) {
      this.#wakeAt(sinceMs + KNOWN_MS_MAX)
      return false
    }
    stay.condemn()
    this.#condemn(stay.program)
    this.#drain()
    // What waited was the first of them: it has gone by now.
    return false
  }

  /** Keys of this program that still wait are dropped. */
  #condemn(program: string): void {
    for (const item of this.#items) {
      if (item.is === 'key' && item.stay.program === program && item.number > item.stay.confirmedUpTo)
        item.stay.condemn()
    }
  }

  #askAbout({ number, arrivedMs, stay }: KeyItem): void {
    if (this.#asked !== null) return
    const nowMs = this.#options.nowMs()
    // Where the focus has gone on, no more keys come to wait for.
    const isOver = stay !== this.#stay
    const askAtMs =
      stay.hasAnsweredOnce(number) || this.#slowAnswers > 0
        ? this.#answeredAtMs + SETTLE_MS
        : arrivedMs + (isOver ? SETTLE_MS : GATHER_MS)
    if (nowMs < askAtMs) {
      this.#wakeAt(askAtMs)
      return
    }
    let covered = 0
    for (const other of this.#items) {
      if (other.is === 'key' && other.stay === stay && other.arrivedMs <= nowMs - SETTLE_MS) covered = other.number
    }
    const asked = { stay }
    this.#asked = asked
    stay.confirm().then(
      (said) => this.#answered(asked, said, covered),
      // Whoever can't say is no ordinary field.
      () => this.#answered(asked, 'doubtful', covered),
    )
  }

  #answered(asked: { readonly stay: FocusStay }, said: Confirmation, covered: number): void {
    if (this.#asked !== asked) return
    this.#asked = null
    this.#answeredAtMs = this.#options.nowMs()
    const { stay } = asked
    if (said === 'ordinary') {
      this.#slowAnswers = 0
      stay.answered(covered)
    } else if (said === 'slow' && ++this.#slowAnswers < SLOW_ANSWERS_MAX) {
      stay.wasSlow()
    } else {
      this.#slowAnswers = 0
      stay.condemn()
      this.#condemn(stay.program)
    }
    this.#drain()
  }

  /** Presses the key, and lets it go: how long it was down is nobody's business. */
  #show({ key, atMs, modifiers, stay }: KeyItem): void {
    this.#state(stay.app, stay.field ?? 'unknown')
    const own = modifierOf(key)
    // The server knows best which modifiers are held: keys that were dropped in between may have changed them.
    for (const name of modifiers) if (!this.#shownModifiers.has(name)) this.#emitModifier(name, true, atMs)
    this.#letGo(own === null ? modifiers : [...modifiers, own], atMs)
    if (own === null) {
      this.#options.emit({ kind: 'key', atMs, key, down: true })
      this.#options.emit({ kind: 'key', atMs, key, down: false })
    } else if (!this.#shownModifiers.has(own)) this.#emitModifier(own, true, atMs)
  }

  #letGo(held: readonly Modifier[], atMs: number): void {
    for (const name of this.#shownModifiers) if (!held.includes(name)) this.#emitModifier(name, false, atMs)
  }

  #emitModifier(key: Modifier, down: boolean, atMs: number): void {
    if (down) this.#shownModifiers.add(key)
    else this.#shownModifiers.delete(key)
    this.#options.emit({ kind: 'key', atMs, key, down })
  }

  #state(app: AppId, field: FieldKind): void {
    if (this.#stated?.app === app && this.#stated.field === field) return
    this.#stated = { app, field }
    this.#options.emit({ kind: 'focus', atMs: this.#options.wallMs(), app, field })
  }

  #wakeAt(atMs: number): void {
    if (this.#timer !== null && this.#timerAtMs <= atMs) return
    this.#timer?.clear()
    this.#timerAtMs = atMs
    this.#timer = this.#options.setTimer(
      () => {
        this.#timer = null
        this.#drain()
      },
      Math.max(0, atMs - this.#options.nowMs()),
    )
  }
}

function modifierOf(key: string): Modifier | null {
  return key === 'ctrl' || key === 'alt' || key === 'shift' || key === 'meta' ? key : null
}
