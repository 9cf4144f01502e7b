/** Where time comes from. Handed in, never module state, so that a demonstration can move it and a test can set it. */
export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number
}
