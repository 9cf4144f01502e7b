/**
 * Second step of the shield: raw action → action. Pure; what the settings don't let out is left behind here.
 */
import { type Action, SCROLL_AMOUNTS } from '../action.ts'
import type { AppId } from '../input-event.ts'
import { protectPlace } from './place.ts'
import type { RawAction } from './raw-action.ts'
import type { ShieldSettings } from './settings.ts'
import { classifyText, lengthClass } from './text-kind.ts'

/** The length class of every text run at the keyboard level `kind`: one value, so that it says nothing. */
export const KIND_ONLY_LENGTH = 'short'

/**
 * What may leave of `raw`, done in `app`; `null` if nothing may.
 * @param app the app that has the focus, whose catalogue says which labels may leave
 */
export function protectAction(raw: RawAction, app: AppId, settings: ShieldSettings): Action | null {
  switch (raw.kind) {
    case 'hover':
      return { kind: 'hover', target: protectPlace(raw.place, app, settings) }
    case 'click':
      return {
        kind: 'click',
        button: raw.button,
        count: raw.count,
        target: protectPlace(raw.place, app, settings),
      }
    case 'drag':
      return {
        kind: 'drag',
        button: raw.button,
        from: protectPlace(raw.from, app, settings),
        to: protectPlace(raw.to, app, settings),
      }
    case 'scroll':
      return {
        kind: 'scroll',
        direction: raw.direction,
        amount: scrollAmount(raw.notches),
        target: protectPlace(raw.place, app, settings),
      }
    case 'switch':
      return settings.apps.has(raw.app) ? { kind: 'switch', app: raw.app } : null
    case 'press':
    case 'hotkey':
    case 'type':
      return settings.keyboard === 'none' ? null : protectKeys(raw, settings)
  }
}

function protectKeys(raw: Extract<RawAction, { kind: 'press' | 'hotkey' | 'type' }>, settings: ShieldSettings): Action {
  switch (raw.kind) {
    case 'press':
      return { kind: 'press', key: raw.key }
    case 'hotkey':
      return { kind: 'hotkey', keys: [...raw.modifiers, raw.key] }
    case 'type':
      return {
        kind: 'type',
        text: classifyText(raw.text.codes, raw.text.kept, raw.field),
        length: settings.keyboard === 'kind' ? KIND_ONLY_LENGTH : lengthClass(raw.text.length),
      }
  }
}

/** A touchpad reports fractions: how they were cut up must not show in the last digits of their sum. */
const ROUNDING = 1e-6

/** Rounded up to a power of two, so that a sum of notches isn't a habit. */
function scrollAmount(notches: number): (typeof SCROLL_AMOUNTS)[number] {
  return SCROLL_AMOUNTS.find((amount) => amount >= notches - ROUNDING) ?? 64
}
