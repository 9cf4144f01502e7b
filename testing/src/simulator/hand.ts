/** The hands of one person at one desk: they move, click, drag, scroll and type, and every event goes into `out`. */
import type { AppId, FieldKind, MouseButton } from '@fairtrace/core'
import type { Habits } from './habits.ts'
import { placeAt, type SimulatedElement, type SimulatedWindow, windowsOn } from './layout.ts'
import type { Witness } from './performed.ts'
import { type Movement, movementMs, type Point, REPORT_MS, traceMovement } from './pointer.ts'
import type { Random } from './random.ts'
import type { RawEvent } from './raw-event.ts'
import { Typist } from './typing.ts'

/** How long a pointer stays on a target before its source says that it came to rest there. */
const REST_MS = 350
/** From one click to the next of one person; standard deviations of logarithms. */
const SETTLE_SIGMA = 1
const HOLD_SIGMA = 0.35

export class Hand {
  readonly out: RawEvent[] = []
  nowMs: number
  readonly #habits: Habits
  readonly #random: Random
  /** `null`: movements take their time, but their reports are left out. A stream of its own, so that nothing else changes. */
  readonly #motion: Random | null
  readonly #windows: ReadonlyMap<AppId, SimulatedWindow>
  readonly #witness: Witness | undefined
  #window: SimulatedWindow
  #field: FieldKind = 'none'
  #at: Point

  constructor(habits: Habits, random: Random, motion: Random | null, startMs: number, app: AppId, witness?: Witness) {
    this.#witness = witness
    this.#habits = habits
    this.#random = random
    this.#motion = motion
    this.#windows = windowsOn(habits.screen)
    this.#window = this.#windowOf(app)
    this.#at = { x: habits.screen.width / 2, y: habits.screen.height / 2 }
    this.nowMs = startMs
    this.out.push({ kind: 'focus', atMs: startMs, app, field: 'none' })
  }

  get window(): SimulatedWindow {
    return this.#window
  }

  get field(): FieldKind {
    return this.#field
  }

  /** The focus goes to a field of an app; the source reports it where that is news. */
  focus(app: AppId, field: FieldKind): void {
    if (app === this.#window.app.id && field === this.#field) return
    this.#window = this.#windowOf(app)
    this.#field = field
    this.nowMs += this.#random.between(8, 40)
    this.out.push({ kind: 'focus', atMs: this.nowMs, app, field })
  }

  /** A break during which the source sees nothing; then it says again what has the focus. */
  pause(ms: number): void {
    this.out.push({ kind: 'gap', atMs: this.nowMs })
    this.nowMs += ms
    this.out.push({ kind: 'focus', atMs: this.nowMs, app: this.#window.app.id, field: this.#field })
  }

  /** Thinks, sometimes with a pointer that can't keep still. */
  think(): void {
    const { thinkMs, fidgets } = this.#habits.work
    this.nowMs += this.#random.logNormal(thinkMs, 0.6)
    if (!this.#random.chance(fidgets)) return
    const { width, height } = this.#window.screen
    const x = this.#at.x + 90 * this.#random.normal()
    const y = this.#at.y + 60 * this.#random.normal()
    this.#move({ x: Math.min(width - 2, Math.max(1, x)), y: Math.min(height - 2, Math.max(1, y)) }, 60)
    this.nowMs += this.#random.logNormal(300, 0.5)
  }

  /** Goes to an element and stays for `stayMs`. @returns whether the source reports that the pointer rests there */
  visit(element: SimulatedElement, stayMs: number): boolean {
    this.#reach(element.target.box)
    return this.#stay(element, stayMs)
  }

  click(element: SimulatedElement, button: MouseButton, times: 1 | 2 | 3): boolean {
    this.#tell(`click ${button} ${times}`, element)
    this.#reach(element.target.box)
    const rested = this.#settle(element)
    for (let clicks = 1; clicks <= times; clicks++) {
      if (clicks > 1) this.nowMs += this.#random.logNormal(this.#habits.pointer.doubleClickMs, 0.2)
      this.#press(element, button, clicks)
      this.#letGo(element, button, clicks)
    }
    return rested
  }

  /** Clicks where the source knows no element, such as the bar of the system. */
  clickBlind(at: Point): void {
    this.#tell('click left 1', null)
    this.#move(at, 40)
    this.nowMs += this.#random.logNormal(this.#habits.pointer.settleMs, SETTLE_SIGMA)
    this.#press(null, 'left', 1)
    this.#letGo(null, 'left', 1)
  }

  /** The entry `row` of the menu that a right click opened just now, below and right of the pointer. */
  menuEntry(label: string, row: number): SimulatedElement {
    const { width, height } = this.#window.screen
    const x = Math.round(Math.min(this.#at.x + 4, width - 160))
    const y = Math.round(Math.min(this.#at.y + 4 + row * 28, height - 28))
    return { target: { role: 'menuitem', label, box: { x, y, width: 156, height: 28 } }, field: null }
  }

  /** Drags from one element to another, or across one element from its one corner to the other. */
  drag(from: SimulatedElement, to: SimulatedElement): boolean {
    this.#tell('drag left', from)
    this.#reach(from.target.box)
    const rested = this.#settle(from)
    this.#press(from, 'left', 1)
    this.nowMs += this.#random.logNormal(60, 0.3)
    this.#move(this.#aimAt(to.target.box), Math.min(to.target.box.width, to.target.box.height, 60))
    this.nowMs += this.#random.logNormal(80, 0.3)
    this.#letGo(to, 'left', 1)
    return rested
  }

  /** Turns the wheel by some notches over an element. @returns whether the pointer rested on the way */
  scroll(element: SimulatedElement, direction: 'up' | 'down', notches: number): boolean {
    this.#tell(`scroll ${direction}`, element)
    const { box } = element.target
    const isOver = this.#at.x > box.x && this.#at.x < box.x + box.width
    if (!isOver) this.#reach(box)
    const rested = isOver ? false : this.#settle(element)
    for (let i = 0; i < notches; i++) {
      this.nowMs += this.#random.logNormal(this.#habits.work.wheelGapMs, 0.35)
      const dy = direction === 'up' ? 1 : -1
      this.out.push({ kind: 'scroll', atMs: this.nowMs, dx: 0, dy, place: this.#place(element) })
    }
    return rested
  }

  type(text: string): void {
    this.#tell('type', null)
    this.#typing((typist) => typist.type(text))
  }

  strike(key: string): void {
    this.#tell(`press ${key}`, null)
    this.#typing((typist) => typist.stroke(key))
  }

  chord(modifier: string, key: string): void {
    this.#tell(`hotkey ${modifier}+${key}`, null)
    this.#typing((typist) => typist.chord([modifier], key))
  }

  #tell(operation: string, element: SimulatedElement | null): void {
    const { app, screen: window } = this.#window
    this.#witness?.({ app: app.id, field: this.#field, operation, box: element?.target.box ?? null, window })
  }

  #typing(strokes: (typist: Typist) => void): void {
    // From mouse to keyboard.
    this.nowMs += this.#random.logNormal(320, 0.4)
    const typist = new Typist(this.#habits.typing, this.#random, this.nowMs, this.out)
    strokes(typist)
    this.nowMs = typist.end()
  }

  #press(element: SimulatedElement | null, button: MouseButton, clicks: number): void {
    this.out.push({ kind: 'button', atMs: this.nowMs, button, down: true, clicks, place: this.#place(element) })
  }

  #letGo(element: SimulatedElement | null, button: MouseButton, clicks: number): void {
    this.nowMs += this.#random.logNormal(this.#habits.pointer.holdMs, HOLD_SIGMA)
    this.out.push({ kind: 'button', atMs: this.nowMs, button, down: false, clicks, place: this.#place(element) })
  }

  #reach(box: SimulatedElement['target']['box']): void {
    const size = Math.min(box.width, box.height)
    const aim = this.#aimAt(box)
    if (this.#random.chance(this.#habits.pointer.overshoots)) {
      const beyond = 1 + this.#random.between(0.03, 0.09)
      const x = this.#at.x + (aim.x - this.#at.x) * beyond
      const y = this.#at.y + (aim.y - this.#at.y) * beyond
      this.#move({ x, y }, size * 2)
      this.nowMs += this.#random.logNormal(70, 0.3)
    }
    this.#move(aim, size)
  }

  #aimAt(box: SimulatedElement['target']['box']): Point {
    const { aim } = this.#habits.pointer
    // Aim and scatter are a matter of the hand, not of the target: on a large one they are no larger than on a wide button.
    const at = (start: number, size: number, bias: number) => {
      const share = 0.5 + ((bias + aim.spread * this.#random.normal()) * Math.min(size, 240)) / size
      return start + size * Math.min(0.95, Math.max(0.05, share))
    }
    return { x: Math.round(at(box.x, box.width, aim.x)), y: Math.round(at(box.y, box.height, aim.y)) }
  }

  #move(to: Point, width: number): void {
    const { pointer } = this.#habits
    const distance = Math.hypot(to.x - this.#at.x, to.y - this.#at.y)
    if (distance >= 2) {
      const durationMs = movementMs(pointer, distance, width, this.#random)
      const bow = pointer.bow + pointer.bowSpread * this.#random.normal()
      const movement: Movement = { from: this.#at, to, startMs: this.nowMs, durationMs, bow }
      if (this.#motion !== null) {
        traceMovement(pointer, movement, this.#motion, this.out)
        this.out.push({ kind: 'move', atMs: this.nowMs + durationMs, x: Math.round(to.x), y: Math.round(to.y) })
      }
      this.nowMs += durationMs + REPORT_MS
    }
    this.#at = to
  }

  #settle(element: SimulatedElement): boolean {
    return this.#stay(element, this.#random.logNormal(this.#habits.pointer.settleMs, SETTLE_SIGMA))
  }

  #stay(element: SimulatedElement, ms: number): boolean {
    const rests = ms >= REST_MS
    if (rests) this.out.push({ kind: 'rest', atMs: this.nowMs + REST_MS, place: this.#place(element) })
    this.nowMs += ms
    return rests
  }

  #place(element: SimulatedElement | null) {
    return placeAt(this.#window, this.#at.x, this.#at.y, element)
  }

  #windowOf(app: AppId): SimulatedWindow {
    const window = this.#windows.get(app)
    if (window === undefined) throw new RangeError(`the simulated office has no app ${app}`)
    return window
  }
}
