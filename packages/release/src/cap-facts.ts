/** What the contribution cap did, as card, data sheet and manifest say it. */
export interface CapFacts {
  readonly shareMax: number
  readonly typeActions: number
  /** The largest share of any type that anybody has, rounded up. */
  readonly bound: number
  /** Share of the drawn actions that the cap left, rounded down. */
  readonly kept: number
}
