import type { InputEvent } from '@fairtrace/core'

/** An input event before the source drops where a movement went: only the identifiability tests see these. */
export type RawEvent = Exclude<InputEvent, { readonly kind: 'move' }> | RawMove

interface RawMove {
  readonly kind: 'move'
  readonly atMs: number
  readonly x: number
  readonly y: number
}
