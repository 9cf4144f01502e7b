/**
 * First step of the shield: input events → raw actions, in memory.
 *
 * Streaming; holds at most one waiting action, one text run with the rests during it, the buttons and keys that are down, and the focus. Never
 * reads `atMs`: the order of events decides everything.
 */
import type { AppId, FieldKind, InputEvent } from '../input-event.ts'
import { KeyboardReducer } from './keyboard.ts'
import { readPlace } from './place.ts'
import { PointerReducer } from './pointer.ts'
import type { ReduceSink } from './raw-action.ts'

export interface ReduceOptions {
  /** Apps that may be captured, compared exactly; everything in another one is dropped and counted. */
  readonly apps: ReadonlySet<AppId>
  /** False: keys are dropped and counted before anything looks at them. */
  readonly keyboard: boolean
}

type RestEvent = Extract<InputEvent, { kind: 'rest' }>

/** Whoever rests in more places has ended the text: memory is bounded. */
const RESTS_WHILE_TYPING_MAX = 8

const FIELDS: ReadonlySet<unknown> = new Set<FieldKind>(['text', 'search', 'code', 'none', 'secure', 'unknown'])

export class Reducer {
  readonly #sink: ReduceSink
  readonly #options: ReduceOptions
  readonly #pointer: PointerReducer
  readonly #keyboard: KeyboardReducer
  /** Where the pointer came to rest while a text was typed: an action only if the text ends with it. */
  readonly #restsWhileTyping: RestEvent[] = []
  /** `null`: nobody has said, or the source lost sight. */
  #app: AppId | null = null
  #isListed = false

  constructor(options: ReduceOptions, sink: ReduceSink) {
    this.#options = options
    this.#sink = sink
    const inner: ReduceSink = {
      action: (raw) => {
        this.#pointer.acted()
        this.#keyboard.acted()
        sink.action(raw)
      },
      drop: (reason) => sink.drop(reason),
    }
    this.#pointer = new PointerReducer(inner, {
      settle: () => this.#keyboard.settle(),
      countStay: () => this.#keyboard.countStay(),
    })
    this.#keyboard = new KeyboardReducer(inner, {
      settle: () => this.#pointer.settle(),
      typing: () => void this.#restsWhileTyping.splice(0),
      typed: () => {
        for (const rest of this.#restsWhileTyping.splice(0)) this.#pointer.rest(rest)
      },
    })
  }

  /** Keys that are held now: bounded, for a test to see. */
  get heldKeys(): number {
    return this.#keyboard.heldKeys
  }

  /** Takes one event of any shape whatever: it may come from a file. */
  push(event: InputEvent): void {
    if (typeof event !== 'object' || event === null) {
      this.#sink.drop('malformed')
      return
    }
    switch (event.kind) {
      // Pointer and keyboard first: they are nearly all of a stream.
      case 'move':
        return
      case 'button':
      case 'scroll':
      case 'rest':
      case 'key':
        if (this.#isListed) this.#input(event)
        else this.#sink.drop(this.#app === null ? 'focus-unknown' : 'app-not-listed')
        return
      case 'focus':
        this.#focus(event)
        return
      case 'gap':
        this.#gap()
        return
      default:
        this.#sink.drop('kind-unknown')
        return
    }
  }

  /** Emits what waits: the stream ends here. */
  end(): void {
    this.#gap()
  }

  /** Drops everything that waits or is held, unseen, and the focus with it: an event that failed may have changed it. */
  forget(): void {
    this.#app = null
    this.#isListed = false
    this.#restsWhileTyping.length = 0
    this.#pointer.forget()
    this.#keyboard.forget()
  }

  #input(event: Extract<InputEvent, { kind: 'button' | 'scroll' | 'rest' | 'key' }>): void {
    switch (event.kind) {
      case 'button':
        this.#keyboard.acted()
        this.#pointer.button(event, this.#keyboard.field === 'secure')
        return
      case 'scroll':
        this.#keyboard.acted()
        if (this.#keyboard.field === 'secure') this.#keyboard.countStay()
        else this.#pointer.scroll(event)
        return
      case 'rest':
        this.#rest(event)
        return
      case 'key':
        if (this.#options.keyboard) this.#keyboard.key(event)
        else this.#sink.drop('keyboard-level')
        return
    }
  }

  /** People move the pointer out of the way while they type: that neither parts a text nor leaves. */
  #rest(event: RestEvent): void {
    if (this.#keyboard.field === 'secure') this.#keyboard.countStay()
    else if (!this.#keyboard.isTyping) this.#pointer.rest(event)
    else this.#keepRest(event)
  }

  #keepRest(event: RestEvent): void {
    const place = readPlace(event.place)
    if (place === null) {
      this.#sink.drop('malformed')
      return
    }
    this.#restsWhileTyping.push({ kind: 'rest', atMs: 0, place })
    if (this.#restsWhileTyping.length > RESTS_WHILE_TYPING_MAX) this.#keyboard.settle()
  }

  #focus(event: Extract<InputEvent, { kind: 'focus' }>): void {
    const { app, field } = event
    if (typeof app !== 'string' || !FIELDS.has(field)) {
      // The focus went somewhere that we can't read: nothing is known until the source says it again.
      this.#gap()
      this.#sink.drop('malformed')
      return
    }
    if (app === this.#app) {
      // The first click of a double one often moves the focus inside its app: it goes on waiting.
      this.#pointer.settleScroll()
      this.#enter(field)
      return
    }
    this.#settle()
    this.#app = app
    this.#isListed = this.#options.apps.has(app)
    if (!this.#isListed) {
      this.#pointer.forget()
      this.#keyboard.forget()
      return
    }
    // Buttons and modifiers stay held: the press that brought this app to the front ends in it.
    this.#enter(field)
    this.#pointer.acted()
    this.#sink.action({ kind: 'switch', app })
  }

  #enter(field: FieldKind): void {
    if (this.#isListed) this.#keyboard.enter(field)
  }

  #gap(): void {
    this.#settle()
    this.forget()
  }

  /** At most one of the two holds an action, so the order here decides nothing; rests during a text come after it. */
  #settle(): void {
    this.#pointer.settle()
    this.#keyboard.settle()
  }
}
