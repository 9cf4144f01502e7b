/**
 * What a person did, before it is protected: the value between the two steps of the shield.
 *
 * It holds exact places and text, so it lives in memory for one call and is never written, sent or logged.
 */
import type { Modifier, NamedKey } from '../action.ts'
import type { AppId, FieldKind, MouseButton, Place } from '../input-event.ts'
import type { DropReason } from './drops.ts'
import type { TextRun } from './text-run.ts'

export type ScrollDirection = 'up' | 'down' | 'left' | 'right'

export type RawAction =
  | { readonly kind: 'hover'; readonly place: Place }
  | { readonly kind: 'click'; readonly button: MouseButton; readonly count: 1 | 2 | 3; readonly place: Place }
  | { readonly kind: 'drag'; readonly button: MouseButton; readonly from: Place; readonly to: Place }
  | {
      readonly kind: 'scroll'
      readonly direction: ScrollDirection
      /** Sum of the wheel's notches, above 0; a touchpad's may be fractions. */
      readonly notches: number
      readonly place: Place
    }
  | { readonly kind: 'press'; readonly key: NamedKey }
  | { readonly kind: 'hotkey'; readonly modifiers: readonly Modifier[]; readonly key: string }
  /** `text` is wiped as soon as the action was protected. */
  | { readonly kind: 'type'; readonly text: TextRun; readonly field: FieldKind }
  | { readonly kind: 'switch'; readonly app: AppId }

/** Where the reducer puts what it makes. An action is read at once: its text is wiped when `action` returns. */
export interface ReduceSink {
  action(raw: RawAction): void
  drop(reason: DropReason): void
}
