/**
 * What a page's script tells the worker: input events without the app, which the worker takes from the browser's own word on where
 * the message comes from, never from the page.
 */
import type { FieldKind, InputEvent, MouseButton } from '@fairtrace/core'

export type PageEvent =
  | Exclude<InputEvent, { kind: 'focus' | 'gap' | 'move' }>
  | { readonly kind: 'focus'; readonly atMs: number; readonly field: FieldKind }
  /** A key that went down and up with nothing between. */
  | { readonly kind: 'tap'; readonly atMs: number; readonly key: string }
  /** The button is let go where it was pressed. */
  | { readonly kind: 'release'; readonly atMs: number; readonly button: MouseButton }
  /** The window or the tab lost the focus, and no frame inside this one has it. */
  | { readonly kind: 'blur'; readonly atMs: number }

/** From the page: what it saw, and when it sent it by the same clock. */
export interface PageBundle {
  readonly sentAtMs: number
  readonly events: readonly PageEvent[]
}

/** To the page: begin or end. Until `attach: true` nothing is listened to. */
export interface PageOrder {
  readonly attach: boolean
}

/** Name of the port between them. */
export const PAGE_PORT = 'page'
