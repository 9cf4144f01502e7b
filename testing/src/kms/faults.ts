/** What a test can make a key management do wrong. */
export type KmsFault =
  /** Answers as it should. */
  | 'none'
  /** Never answers. */
  | 'silent'
  /** Refuses everything, as to who has no right. */
  | 'denies'
  /** Unwraps to another plaintext of the same length. */
  | 'lies'
  /** Answers after a while. */
  | 'slow'
  /** Says yes with a body that means nothing. */
  | 'babbles'
  /** Wraps something else than it was given. */
  | 'wraps-another'

export const SLOW_MS = 150
