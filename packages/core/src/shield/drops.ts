/** Why the shield let something go. Closed: every reason has a sentence in `docs/formats.md`. */
export const DROP_REASONS = [
  /** Not an input event: no object, a field of the wrong type, NaN, an infinite number, a window without a size. */
  'malformed',
  /** An event of a kind that the shield doesn't know. */
  'kind-unknown',
  /** No source has said yet which app has the focus, or it lost sight of it. */
  'focus-unknown',
  /** The app that has the focus isn't listed. */
  'app-not-listed',
  /** A password field had the focus, for keys and pointer; counted once a stay, so that the count doesn't tell a length. */
  'field-secure',
  /** The source didn't know what had the focus; counted once a stay. */
  'field-unknown',
  /** A character where no field takes text. */
  'field-none',
  /** The keyboard level is `none`. */
  'keyboard-level',
  /** A key name that the shield doesn't know, or more than one character. */
  'key-unknown',
  /** More keys at once than hands can hold. */
  'keys-too-many',
  /** Many characters under one held modifier: its release was probably lost, or they spell one by its number; this is text. */
  'modifier-stuck',
  'release-without-press',
  'press-without-release',
  /** The shield failed on the event; everything pending was dropped with it. */
  'internal',
] as const
export type DropReason = (typeof DROP_REASONS)[number]
