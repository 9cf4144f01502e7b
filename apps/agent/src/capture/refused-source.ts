/** A source that can't see here, and says why. */
import type { InputSource, SourceProblem } from '@fairtrace/device'

export class RefusedSource implements InputSource {
  readonly #why: SourceProblem

  constructor(why: SourceProblem) {
    this.#why = why
  }

  async attach(): Promise<void> {
    // The reason was told to each listener; there is nothing to hook into.
  }

  async detach(): Promise<void> {
    // Nothing is attached.
  }

  onProblem(listener: (problem: SourceProblem | null) => void): void {
    listener(this.#why)
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
