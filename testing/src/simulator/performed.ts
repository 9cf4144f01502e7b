/** What a person really did, before any source reported it or any shield saw it: the truth that utility is measured against. */
import type { AppId, Box, FieldKind } from '@fairtrace/core'
import type { Screen } from './layout.ts'

export interface Performed {
  readonly app: AppId
  /** What had the focus. */
  readonly field: FieldKind
  /** In the words of the action model: `click left 2`, `drag left`, `scroll down`, `press enter`, `hotkey ctrl+c`, `type`. */
  readonly operation: string
  /** What it was done to, in pixels of the window; null for the keyboard, and where a source knows no element. */
  readonly box: Box | null
  readonly window: Screen
}

export type Witness = (performed: Performed) => void
