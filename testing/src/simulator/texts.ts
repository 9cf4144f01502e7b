/** What simulated people type: neutral words, reserved domains and numbers of no one. */
import type { Random } from './random.ts'

export type SampleText =
  | 'word'
  | 'sentence'
  | 'paragraph'
  | 'number'
  | 'date'
  | 'email'
  | 'url'
  | 'phone'
  | 'code'
  | 'search'
