/** How a person does a step: by shortcut or by mouse, with Tab or with a click, as their habits say. */
import type { AppId, FieldKind } from '@fairtrace/core'
import { CONTEXT_MENU, LISTED_PLANS, UNLISTED_PLANS } from './apps.ts'
import type { Habits } from './habits.ts'
import type { Hand } from './hand.ts'
import type { SimulatedElement } from './layout.ts'
import type { Random } from './random.ts'
import type { CommandName, Step } from './tasks.ts'
import { samplePassword, sampleText } from './texts.ts'

const SHORTCUTS: Readonly<Record<CommandName, string>> = {
  copy: 'c',
  cut: 'x',
  paste: 'v',
  save: 's',
  undo: 'z',
  'select-all': 'a',
  find: 'f',
}
const BUTTONS: Readonly<Partial<Record<CommandName, string>>> = { save: 'Save', undo: 'Undo' }
const MENU_LABELS: Readonly<Partial<Record<CommandName, (typeof CONTEXT_MENU)[number]>>> = {
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
}
/** Share of fields about which the accessibility tree says nothing: no text of theirs may leave. */
const UNKNOWN_FIELDS = 0.02
/** Share of sign-in steps at which the session had run out. */
const SIGNED_OUT = 0.5

export class Performer {
  /** About how many actions a shield with the default levels makes of what was done so far. */
  actions = 0
  readonly #habits: Habits
  readonly #random: Random
  readonly #hand: Hand
  /** Whether the step before this one filled a field, so that Tab leads to the next. */
  #inForm = false

  constructor(habits: Habits, random: Random, hand: Hand) {
    this.#habits = habits
    this.#random = random
    this.#hand = hand
  }

  perform(step: Step): void {
    const wasInForm = this.#inForm
    this.#inForm = step.do === 'fill'
    this.#hand.think()
    switch (step.do) {
      case 'open':
        this.#open(step.app)
        break
      case 'click':
        this.#click(step.on, step.times ?? 1)
        break
      case 'fill':
        this.#fill(step, wasInForm)
        break
      case 'command':
        this.#command(step.name)
        break
      case 'confirm':
        this.#confirm(step.on)
        break
      case 'find':
        this.#find(step.on)
        break
      case 'scroll':
        this.#scroll(step.direction)
        break
      case 'select':
        this.#drag(this.#element('content'), this.#element('content'))
        break
      case 'move-content':
        this.#drag(this.#element('content'), this.#element(step.to))
        break
      case 'read':
        this.#read()
        break
      case 'sign-in':
        this.#signIn()
        break
      case 'stray':
        this.#stray()
        break
    }
  }

  #open(app: AppId): void {
    if (this.#hand.window.app.id === app) return
    if (this.#random.chance(this.#habits.work.switchesByKeyboard)) this.#hand.chord('alt', 'tab')
    else this.#hand.clickBlind(this.#inBar(app))
    this.#hand.focus(app, 'none')
    this.actions += 2
  }

  #click(on: string, times: 1 | 2 | 3): void {
    if (this.#random.chance(this.#habits.work.readsFirst * 0.3)) this.#read()
    this.#press(this.#element(on), times)
  }

  /** Clicks an element, and the focus follows. */
  #press(element: SimulatedElement, times: 1 | 2 | 3 = 1): void {
    this.#count(this.#hand.click(element, 'left', times))
    this.#hand.focus(this.#hand.window.app.id, element.field === null ? 'none' : this.#seen(element.field))
  }

  #fill(step: Step & { readonly do: 'fill' }, wasInForm: boolean): void {
    const element = this.#element(step.on)
    const isField = step.on !== 'content'
    if (wasInForm && isField && this.#random.chance(this.#habits.work.tabsBetweenFields)) {
      this.#hand.strike('tab')
      this.#hand.focus(this.#hand.window.app.id, this.#seen(element.field ?? 'none'))
      this.actions += 1
    } else {
      this.#press(element)
    }
    this.#hand.type(sampleText(step.text, this.#random))
    if (this.#hand.field !== 'unknown') this.actions += 1
  }

  #command(name: CommandName): void {
    const { shortcuts, contextMenu } = this.#habits.work
    const button = this.#hand.window.named.get(BUTTONS[name] ?? '')
    const entry = MENU_LABELS[name]
    if (entry !== undefined && !this.#random.chance(shortcuts) && this.#random.chance(contextMenu)) {
      this.#count(this.#hand.click(this.#element('content'), 'right', 1))
      this.#count(this.#hand.click(this.#hand.menuEntry(entry, CONTEXT_MENU.indexOf(entry)), 'left', 1))
    } else if (button !== undefined && !this.#random.chance(shortcuts)) {
      this.#press(button)
    } else {
      this.#hand.chord('ctrl', SHORTCUTS[name])
      this.actions += 1
    }
  }

  #confirm(on: string): void {
    if (!this.#random.chance(this.#habits.work.entersToConfirm)) {
      this.#press(this.#element(on))
      return
    }
    this.#hand.strike('enter')
    this.#hand.focus(this.#hand.window.app.id, 'none')
    this.actions += 1
  }

  /** Finds by the search box, or by looking. */
  #find(on: string): void {
    if (!this.#random.chance(this.#habits.work.searches)) {
      this.#scroll('down')
      this.#read()
      return
    }
    if (this.#random.chance(this.#habits.work.shortcuts)) {
      this.#hand.chord('ctrl', 'f')
      this.#hand.focus(this.#hand.window.app.id, 'search')
      this.actions += 1
    } else {
      this.#press(this.#element(on))
    }
    this.#hand.type(sampleText('search', this.#random))
    this.#hand.strike('enter')
    this.actions += 2
  }

  #scroll(direction: 'up' | 'down'): void {
    const { scrollsByKeyboard, wheelBurst } = this.#habits.work
    if (this.#random.chance(scrollsByKeyboard)) {
      const strokes = 1 + this.#random.below(2)
      for (let i = 0; i < strokes; i++) this.#hand.strike(direction === 'down' ? 'pagedown' : 'pageup')
      this.actions += strokes
      return
    }
    const notches = Math.max(1, Math.round(this.#random.logNormal(wheelBurst, 0.4)))
    this.#count(this.#hand.scroll(this.#element('content'), direction, notches))
  }

  #drag(from: SimulatedElement, to: SimulatedElement): void {
    this.#count(this.#hand.drag(from, to))
  }

  /** Follows what is read with the pointer. */
  #read(): void {
    const stops = 1 + this.#random.below(2)
    for (let i = 0; i < stops; i++) {
      if (this.#hand.visit(this.#element('content'), this.#random.logNormal(900, 0.5))) this.actions += 1
    }
  }

  #signIn(): void {
    if (!this.#random.chance(SIGNED_OUT)) return
    this.#press(this.#element('Password'))
    this.#hand.type(samplePassword(this.#random))
    this.#hand.strike('enter')
    this.#hand.focus(this.#hand.window.app.id, 'none')
  }

  #stray(): void {
    const before = this.#hand.window.app.id
    const counted = this.actions
    const plan = this.#random.pick(UNLISTED_PLANS)
    this.#open(plan.id)
    this.#press(this.#element('content'))
    this.#press(this.#element('Message'))
    this.#hand.type(sampleText('sentence', this.#random))
    this.#hand.strike('enter')
    // Nothing of this may leave but that the person came back.
    this.actions = counted
    this.#open(before)
  }

  #count(rested: boolean): void {
    this.actions += rested ? 2 : 1
  }

  #seen(field: FieldKind): FieldKind {
    return field === 'text' && this.#random.chance(UNKNOWN_FIELDS) ? 'unknown' : field
  }

  /** People look at the top of a list more than at its end. */
  #element(on: string): SimulatedElement {
    const { named, content, app } = this.#hand.window
    if (on === 'content')
      return content[Math.min(this.#random.below(content.length), this.#random.below(content.length))] ?? content[0]
    const element = named.get(on)
    if (element === undefined) throw new RangeError(`${app.id} has no element ${on}`)
    return element
  }

  /** The app's place in the bar of the system, at the bottom of the screen. */
  #inBar(app: AppId): { readonly x: number; readonly y: number } {
    const plans = [...LISTED_PLANS, ...UNLISTED_PLANS]
    return { x: 40 + 56 * plans.findIndex((plan) => plan.id === app), y: this.#habits.screen.height - 14 }
  }
}
