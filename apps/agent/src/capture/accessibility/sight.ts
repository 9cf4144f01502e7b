/** What the accessibility bus lets a source know: which field has the focus, and what lies under the pointer. */
import { Deadlines } from '../deadlines.ts'
import { type Confirmation, FocusStay } from '../focus-stay.ts'
import { type HoldQueue, PLACE_MS_MAX } from '../hold-queue.ts'
import type { PointerAt } from '../x11/pointer.ts'
import type { AppWindow } from '../x11/windows.ts'
import { AccessibilityBus, type Accessible, type FocusReport } from './bus.ts'
import { type ElementAt, Elements } from './elements.ts'
import { FocusedFields } from './focused-field.ts'
import { Programs } from './program.ts'
import { SecureFields } from './secure-fields.ts'

/** An element that lost the focus is followed by the one that got it, within this time; else nobody knows. */
const NEXT_FOCUS_MS = 200
/** Elements that had the focus, one for each program. */
const PROGRAMS_MAX = 64

interface Here {
  readonly window: AppWindow
  readonly queue: HoldQueue
  stay: FocusStay
  /** Null until its program has said which. */
  element: Accessible | null
}

export class AccessibilitySight {
  readonly #bus: AccessibilityBus
  readonly #programs: Programs
  readonly #elements: Elements
  readonly #fields: FocusedFields
  readonly #deadlines = new Deadlines(PLACE_MS_MAX)
  readonly #lastFocused = new Map<string, Accessible>()
  #here: Here | null = null

  private constructor(bus: AccessibilityBus, nowMs: () => number) {
    const secure = new SecureFields()
    this.#bus = bus
    this.#programs = new Programs(bus)
    this.#elements = new Elements(bus, this.#programs, secure, nowMs)
    this.#fields = new FocusedFields(bus, secure, nowMs)
  }

  /** @throws if there is no accessibility bus */
  static async open(nowMs: () => number, onLost: () => void): Promise<AccessibilitySight> {
    const bus = await AccessibilityBus.open()
    const sight = new AccessibilitySight(bus, nowMs)
    bus.onLost(onLost)
    await bus.listen((report) => sight.#report(report), onLost)
    return sight
  }

  /** The window has the keyboard from now on. @returns the stay of the focus there; its field follows */
  enter(window: AppWindow, queue: HoldQueue): FocusStay {
    const stay = new FocusStay(window.app, programOf(window))
    const here: Here = { window, queue, stay, element: null }
    this.#here = here
    this.#find(here, stay).then(
      () => queue.settled(stay),
      () => this.#unknown(queue, stay),
    )
    return stay
  }

  /** No window that we know of has the keyboard. */
  leave(): void {
    this.#here = null
  }

  /** What lies under the pointer may have moved. */
  moved(): void {
    this.#elements.forget()
  }

  /** In time, or nothing. */
  elementAt(window: AppWindow, { place, on }: PointerAt): Promise<ElementAt> {
    const nothing: ElementAt = { is: 'nothing' }
    if (place.x < 0 || place.y < 0 || place.x >= place.width || place.y >= place.height) return Promise.resolve(nothing)
    const look = async (): Promise<ElementAt> => {
      const element = await this.#programs.ofWindow(window, on)
      return element === null ? nothing : this.#elements.at(element, place.x, place.y)
    }
    return new Promise((resolve) => {
      const inTime = this.#deadlines.add(() => resolve(nothing))
      look().then(
        (found) => {
          inTime()
          resolve(found)
        },
        // Its program doesn't answer, or has gone: the place does without.
        () => {
          inTime()
          resolve(nothing)
        },
      )
    })
  }

  async close(): Promise<void> {
    this.leave()
    await this.#bus.close()
  }

  async #find(here: Here, stay: FocusStay): Promise<void> {
    const { window } = here
    const program = window.pid === null ? null : await this.#programs.ofProcess(window.pid)
    const element =
      program === null ? null : await this.#fields.find(program, this.#lastFocused.get(program.owner) ?? null)
    // It reported by itself meanwhile, or the window has lost the keyboard.
    if (here.stay !== stay || here.element !== null) return
    if (element === null) stay.condemn()
    else await this.#resolve(here, stay, element)
  }

  #report({ element, hasFocus }: FocusReport): void {
    if (hasFocus) {
      if (this.#lastFocused.size >= PROGRAMS_MAX) this.#lastFocused.clear()
      this.#lastFocused.set(element.owner, element)
    }
    const here = this.#here
    if (here === null || here.window.pid === null) return
    const known = this.#bus.knownPid(element.owner)
    if (known !== undefined) {
      if (known === here.window.pid) this.#reportHere(here, element, hasFocus)
      return
    }
    // No stay of a program is known before its process is, so nothing of it can be overtaken.
    this.#bus.pid(element.owner).then(
      (pid) => {
        if (pid === here.window.pid && this.#here === here) this.#reportHere(here, element, hasFocus)
      },
      // It has gone already.
      () => undefined,
    )
  }

  #reportHere(here: Here, element: Accessible, hasFocus: boolean): void {
    const isSame = here.element?.owner === element.owner && here.element.path === element.path
    if (hasFocus === isSame && hasFocus) return
    if (!hasFocus && !isSame) return
    // A stay whose element isn't known yet becomes the one of this element.
    const stay = here.element === null && here.stay.isPending ? here.stay : this.#next(here)
    if (hasFocus) {
      this.#resolve(here, stay, element).then(
        () => here.queue.settled(stay),
        () => this.#unknown(here.queue, stay),
      )
      return
    }
    here.element = null
    setTimeout(() => {
      if (here.stay === stay && here.element === null && stay.isPending) this.#unknown(here.queue, stay)
    }, NEXT_FOCUS_MS)
  }

  #next(here: Here): FocusStay {
    here.stay = new FocusStay(here.window.app, programOf(here.window))
    here.queue.enter(here.stay)
    return here.stay
  }

  async #resolve(here: Here, stay: FocusStay, element: Accessible): Promise<void> {
    here.element = element
    const field = await this.#fields.field(element, here.window.app)
    stay.resolve(field, (): Promise<Confirmation> => this.#fields.confirm(element))
  }

  #unknown(queue: HoldQueue, stay: FocusStay): void {
    stay.condemn()
    queue.settled(stay)
  }
}

function programOf({ pid, id }: AppWindow): string {
  return pid === null ? `window ${id}` : `process ${pid}`
}
