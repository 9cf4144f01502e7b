/** What keeps a source from seeing, told when it changes: one problem at a time, `null` when all is well. */
import type { SourceProblem } from '@fairtrace/device'

export class Problems {
  readonly #listeners: ((problem: SourceProblem | null) => void)[] = []
  #present: SourceProblem | null = null

  onProblem(listener: (problem: SourceProblem | null) => void): void {
    this.#listeners.push(listener)
    if (this.#present !== null) listener(this.#present)
  }

  only(problem: SourceProblem): void {
    this.#tell(problem)
  }

  clear(): void {
    this.#tell(null)
  }

  #tell(problem: SourceProblem | null): void {
    if (problem === this.#present) return
    this.#present = problem
    for (const listener of this.#listeners) listener(problem)
  }
}
