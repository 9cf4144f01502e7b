/** A recording as a stream of events that waits for whoever takes them: for capture, which writes to disk meanwhile. */
import { FairtraceError, type InputEvent } from '@fairtrace/core'
import type { ReplayFormat, ReplayOptions } from './replay/format.ts'
import { type ReplayReport, replayFile } from './replay/replay-file.ts'

export interface Replay {
  /** Can be taken once. @throws `INPUT_UNREADABLE` */
  readonly events: AsyncIterable<InputEvent>
  /** What was read; null until the events were taken to their end. */
  report(): ReplayReport | null
}

/** Holds the events of one chunk of the file at a time. */
export function openReplay(path: string, format: ReplayFormat, options: ReplayOptions): Replay {
  let report: ReplayReport | null = null
  return {
    report: () => report,
    events: (async function* () {
      const handover = new Handover()
      const reading = replayFile(
        path,
        format,
        {
          ...options,
          betweenChunks: async (bytes) => {
            await options.betweenChunks?.(bytes)
            await handover.give()
          },
        },
        (event) => void handover.events.push(event),
      ).finally(() => handover.end())
      // Awaited below, after the last chunk; until then a failure is not yet anybody's.
      reading.catch(() => undefined)
      try {
        while (await handover.take()) yield* handover.events.splice(0)
        report = await reading
      } finally {
        handover.stop()
      }
    })(),
  }
}

/** One side fills `events` and waits in `give`; the other waits in `take`, empties it, and comes again. */
class Handover {
  readonly events: InputEvent[] = []
  #ended = false
  #stopped = false
  #given = Promise.withResolvers<void>()
  #taken = Promise.withResolvers<void>()

  async give(): Promise<void> {
    if (this.#stopped) throw new FairtraceError('INPUT_UNREADABLE', 'nobody reads the recording any more')
    this.#taken = Promise.withResolvers()
    this.#given.resolve()
    await this.#taken.promise
    if (this.#stopped) throw new FairtraceError('INPUT_UNREADABLE', 'nobody reads the recording any more')
  }

  /** @returns whether there is, or may be, anything in `events` */
  async take(): Promise<boolean> {
    if (this.#ended && this.events.length === 0) return false
    if (this.events.length === 0) {
      const { promise } = this.#given
      this.#taken.resolve()
      await promise
    }
    if (!this.#ended) this.#given = Promise.withResolvers()
    return true
  }

  end(): void {
    this.#ended = true
    this.#given.resolve()
  }

  stop(): void {
    this.#stopped = true
    this.#taken.resolve()
  }
}
