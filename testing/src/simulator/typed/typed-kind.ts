import type { TextKind } from '@fairtrace/core'

/** What there is to tell apart in a field that says nothing of its content, and `search`, which its field tells. */
export const TYPED_KINDS = [
  'word',
  'sentence',
  'number',
  'date',
  'email',
  'url',
  'phone',
  'card',
  'iban',
  'code',
  'search',
  'other',
] as const satisfies readonly TextKind[]
export type TypedKind = (typeof TYPED_KINDS)[number]
