/**
 * Looks at every surface in turn, for ever: hands over everything that is wrong, and writes down who can read what.
 *
 * A surface that can't be read is a finding by itself: whoever hides one hides a reader. Twice in a row, for a database that starts
 * again is no reader.
 */
import { performance } from 'node:perf_hooks'
import { isFairtraceError, type Surface } from '@fairtrace/core'
import type { Logger } from 'pino'
import type { Finding } from '../../runtime/findings.ts'
import type { Observation } from '../surfaces/observation.ts'
import type { AudienceTable } from './audience-table.ts'

export interface SurfaceProbe {
  readonly surface: Surface
  /** From the end of a look to the start of the next. */
  readonly everyMs: number
  /** @returns null where there is nothing to look at yet */
  look(): Promise<Observation | null>
}

export interface WatchOptions {
  readonly probes: readonly SurfaceProbe[]
  readonly table: AudienceTable
  /** Takes all that is wrong now in one scope, as `reportFindings`. */
  report(scope: string, findings: readonly Finding[]): Promise<void>
  readonly log: Logger
  readonly nowMs: () => number
}

/** When each surface was last read, Unix ms; for the sign of life. */
export type SeenSurfaces = ReadonlyMap<Surface, number>

const FAILURES_MAX = 2
const TICK_MS = 250
/** A look that doesn't come back is one that failed. */
const LOOK_MS_MAX = 30_000

interface Turn {
  readonly probe: SurfaceProbe
  dueAt: number
  failures: number
  /** The look under way. */
  running: Promise<void> | null
  /** Asked for while a look was under way: only one that begins now is sure to see what happened. */
  isAskedAgain: boolean
}

export class Watch {
  readonly seen = new Map<Surface, number>()
  readonly #options: WatchOptions
  readonly #turns: readonly Turn[]
  readonly #timer: NodeJS.Timeout
  #isStopped = false

  constructor(options: WatchOptions) {
    this.#options = options
    this.#turns = options.probes.map((probe) => ({ probe, dueAt: 0, failures: 0, running: null, isAskedAgain: false }))
    this.#timer = setInterval(() => this.#begin(), TICK_MS)
    this.#begin()
  }

  /** Looks as soon as it can. All surfaces, if none is named. */
  lookNow(surface?: Surface): void {
    for (const turn of this.#turns) {
      if (surface !== undefined && turn.probe.surface !== surface) continue
      turn.dueAt = 0
      turn.isAskedAgain = turn.running !== null
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await Promise.all(this.#turns.map(({ running }) => running))
  }

  #begin(): void {
    for (const turn of this.#turns) {
      if (this.#isStopped || turn.running !== null || performance.now() < turn.dueAt) continue
      turn.isAskedAgain = false
      turn.running = this.#take(turn).finally(() => {
        turn.running = null
        turn.dueAt = turn.isAskedAgain ? 0 : performance.now() + turn.probe.everyMs
      })
    }
  }

  async #take(turn: Turn): Promise<void> {
    const { probe } = turn
    const { table, report, log, nowMs } = this.#options
    try {
      const observation = await within(probe.look(), LOOK_MS_MAX)
      if (observation === null) return
      // First what is wrong: the table can wait.
      await report(probe.surface, observation.findings)
      if (turn.failures >= FAILURES_MAX || !this.seen.has(probe.surface)) await report(readable(probe.surface), [])
      turn.failures = 0
      await table.seen(probe.surface, observation, nowMs())
      this.seen.set(probe.surface, nowMs())
    } catch (error) {
      turn.failures++
      const code = isFairtraceError(error) ? error.code : codeOf(error)
      log.warn({ surface: probe.surface, code, failures: turn.failures }, 'a surface could not be read')
      if (turn.failures < FAILURES_MAX) return
      await this.#unread(probe.surface, code).catch(() =>
        log.error({ surface: probe.surface }, 'that it could not be read could not be said either'),
      )
    }
  }

  async #unread(surface: Surface, code: string): Promise<void> {
    const { table, report, nowMs } = this.#options
    await report(readable(surface), [
      { kind: 'guard-changed', subject: `surface ${surface}`, detail: { unread: code } },
    ])
    await table.unread(surface, code, nowMs())
  }
}

/** Apart from what is found there: that a surface can be read again says nothing of what was wrong in it. */
function readable(surface: Surface): string {
  return `${surface}/readable`
}

/** A code of ours, of PostgreSQL or of the system; never a message, which may quote names. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown'
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('a look took too long')), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
