/** What a live source is, wherever it hooks in: a page, an X server, the hook library. */
import type { InputEvent } from '@fairtrace/core'

/** Why a source sees nothing although it should. Closed: each has its sentence in `describeState`. */
export type SourceProblem =
  | 'hook-dead'
  | 'permission-missing'
  | 'accessibility-missing'
  | 'suspended'
  | 'screen-changed'
  | 'display-lost'
  | 'wayland'

/** Emits `gap` where it lost sight, and `focus` first after every attach. */
export interface InputSource {
  /** Hooks in; only ever called under a live lease. */
  attach(emit: (event: InputEvent) => void): Promise<void>
  /** Unhooks: nothing is to be seen, not merely ignored. */
  detach(): Promise<void>
  /** @param listener gets null when all is well again */
  onProblem(listener: (problem: SourceProblem | null) => void): void
  close(): Promise<void>
}
