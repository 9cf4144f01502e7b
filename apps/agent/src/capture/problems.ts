/** What keeps a source from seeing; of several the gravest is told, and `null` when the last is over. */
import type { SourceProblem } from '@fairtrace/device'

const GRAVEST_FIRST: readonly SourceProblem[] = [
  'wayland',
  'permission-missing',
  'display-lost',
  'suspended',
  'hook-dead',
  'screen-changed',
  'accessibility-missing',
]

export class Problems {
  readonly #listeners: ((problem: SourceProblem | null) => void)[] = []
  readonly #present = new Set<SourceProblem>()
  #told: SourceProblem | null = null

  onProblem(listener: (problem: SourceProblem | null) => void): void {
    this.#listeners.push(listener)
    if (this.#told !== null) listener(this.#told)
  }

  add(problem: SourceProblem): void {
    this.#present.add(problem)
    this.#tell()
  }

  remove(...problems: readonly SourceProblem[]): void {
    for (const problem of problems) this.#present.delete(problem)
    this.#tell()
  }

  #tell(): void {
    const gravest = GRAVEST_FIRST.find((problem) => this.#present.has(problem)) ?? null
    if (gravest === this.#told) return
    this.#told = gravest
    for (const listener of this.#listeners) listener(gravest)
  }
}
