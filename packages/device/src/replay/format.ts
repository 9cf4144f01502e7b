/** What every format of recordings does: lines in, input events out, problems counted. */
import type { AppId, InputEvent } from '@fairtrace/core'
import type { ProblemLog } from './problems.ts'

export const REPLAY_FORMATS = ['ducktrack', 'opencua', 'sapimouse', 'keystrokes'] as const
export type ReplayFormat = (typeof REPLAY_FORMATS)[number]

export interface ReplayOptions {
  /** The app that the events are said to happen in; `desktop:recording` unless given. Recordings don't know theirs. */
  readonly app?: AppId
  /** Size in pixels of what was recorded; see `DEFAULT_WINDOWS`. */
  readonly window?: { readonly width: number; readonly height: number }
  /** -1 turns the wheel around: for recordings made with natural scrolling. */
  readonly scrollDirection?: 1 | -1
  /** Only rows of this person, for the CSV formats. */
  readonly person?: string
  /** Only rows of this session or section, for the CSV formats. */
  readonly session?: string
  /** Called after each chunk; the next one is read when its promise resolves. `bytes` counts what was read, uninflated. */
  readonly betweenChunks?: (bytes: number) => Promise<void> | void
}

/** The options that a format reads, with nothing left to choose. */
export interface FormatContext {
  readonly app: AppId
  readonly window: { readonly width: number; readonly height: number }
  readonly scrollDirection: 1 | -1
  readonly person: string | null
  readonly session: string | null
  readonly problems: ProblemLog
  emit(event: InputEvent, line: number): void
}

export interface FormatReader {
  /** `lines[i]` is line `first + i`; every one is taken, whatever it holds. */
  block(lines: readonly string[], first: number): void
  end(): void
}

export const DEFAULT_APP: AppId = 'desktop:recording'

/** OpenCUA's sample names its screen; the others are the next common size that holds every point of the recordings. */
export const DEFAULT_WINDOWS: Readonly<Record<ReplayFormat, { readonly width: number; readonly height: number }>> = {
  ducktrack: { width: 1_440, height: 900 },
  opencua: { width: 1_366, height: 768 },
  sapimouse: { width: 2_560, height: 1_440 },
  keystrokes: { width: 1_366, height: 768 },
}
