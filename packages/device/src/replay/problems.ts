/** What was wrong with a recording: counted for each reason, with the first lines, and never with what they said. */

/** Closed: every reason has a sentence in `docs/formats.md`. */
export type ProblemReason =
  /** The file holds no line at all. */
  | 'empty'
  /** The compressed file ends early; what could be read was processed. */
  | 'truncated'
  /** The compressed file is damaged; nothing after the damage could be read. */
  | 'damaged'
  | 'line-too-long'
  /** A line that is not JSON. */
  | 'not-json'
  /** JSON, but no object. */
  | 'not-an-event'
  /** A row of a CSV whose quotes or columns don't fit. */
  | 'not-a-row'
  | 'action-unknown'
  | 'button-unknown'
  | 'key-unknown'
  /** Coordinates, or notches of a wheel, that are missing or not numbers. */
  | 'coordinates-missing'
  | 'time-missing'
  /** A time before the line before it: the event is kept, and the click count starts again. */
  | 'time-backwards'
  /** Another field that is missing or of the wrong type. */
  | 'field-missing'

export interface Problem {
  readonly reason: ProblemReason
  readonly count: number
  /** The first lines concerned, from 1; at most `FIRST_LINES`. */
  readonly firstLines: readonly number[]
}

const FIRST_LINES = 5

export class ProblemLog {
  readonly #byReason = new Map<ProblemReason, { count: number; firstLines: number[] }>()

  add(reason: ProblemReason, line: number): void {
    let entry = this.#byReason.get(reason)
    if (entry === undefined) {
      entry = { count: 0, firstLines: [] }
      this.#byReason.set(reason, entry)
    }
    entry.count++
    if (entry.firstLines.length < FIRST_LINES) entry.firstLines.push(line)
  }

  list(): Problem[] {
    return [...this.#byReason].map(([reason, entry]) => ({ reason, ...entry }))
  }
}
