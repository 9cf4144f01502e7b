/**
 * The shield: input events in, safe actions out, on the device, before anything is written.
 *
 * Two pure steps, `Reducer` and `protectAction`. Streaming, deterministic, of bounded memory; no clock, not even `atMs`.
 * Whatever goes wrong inside drops the event and everything pending, and counts it; it is never passed on.
 */
import type { Action, ActionKind } from '../action.ts'
import type { AppId, InputEvent } from '../input-event.ts'
import { DROP_REASONS, type DropReason } from './drops.ts'
import { protectAction } from './protect.ts'
import type { RawAction } from './raw-action.ts'
import { Reducer } from './reduce.ts'
import type { ShieldSettings } from './settings.ts'

/** Counts stay on the device: gaps and their reasons are nobody else's business. */
export interface ShieldCounts {
  readonly inputEvents: number
  readonly actions: Readonly<Record<ActionKind, number>>
  readonly dropped: Readonly<Record<DropReason, number>>
}

export interface Shield {
  /** Takes one event and appends the actions that are certain now. Never throws. */
  push(event: InputEvent, out: Action[]): void
  /** The stream ends or breaks: appends what was pending. Afterwards nothing passes until a source states the focus. */
  end(out: Action[]): void
  readonly counts: ShieldCounts
}

/**
 * @param onDrop hears each drop as it is counted, so that a caller that reads lines can name the line
 */
export function createShield(settings: ShieldSettings, onDrop?: (reason: DropReason) => void): Shield {
  return new StreamingShield(settings, onDrop ?? null)
}

class StreamingShield implements Shield {
  readonly counts = {
    inputEvents: 0,
    actions: { hover: 0, click: 0, drag: 0, scroll: 0, press: 0, hotkey: 0, type: 0, switch: 0 },
    dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
  }
  readonly #settings: ShieldSettings
  readonly #onDrop: ((reason: DropReason) => void) | null
  readonly #reducer: Reducer
  #app: AppId = ''
  #out: Action[] = []

  constructor(settings: ShieldSettings, onDrop: ((reason: DropReason) => void) | null) {
    this.#settings = settings
    this.#onDrop = onDrop
    this.#reducer = new Reducer(
      { apps: settings.apps, keyboard: settings.keyboard !== 'none' },
      { action: (raw) => this.#emit(raw), drop: (reason) => this.#drop(reason) },
    )
  }

  push(event: InputEvent, out: Action[]): void {
    this.counts.inputEvents++
    this.#out = out
    try {
      this.#reducer.push(event)
    } catch {
      // Fail closed: the event is dropped, with everything that it could have been a part of.
      this.#fail()
    }
  }

  end(out: Action[]): void {
    this.#out = out
    try {
      this.#reducer.end()
    } catch {
      // Fail closed: what was pending is dropped.
      this.#fail()
    }
  }

  #emit(raw: RawAction): void {
    if (raw.kind === 'switch') this.#app = raw.app
    const action = protectAction(raw, this.#app, this.#settings)
    if (action === null) return
    this.counts.actions[action.kind]++
    this.#out.push(action)
  }

  #drop(reason: DropReason): void {
    this.counts.dropped[reason]++
    try {
      this.#onDrop?.(reason)
    } catch {
      // A listener that fails changes nothing: the event is dropped and counted already.
    }
  }

  #fail(): void {
    this.#reducer.forget()
    this.#drop('internal')
  }
}
