/** Work that is done from time to time, at once when asked, and never twice at the same time. */
import { isFairtraceError } from '@fairtrace/core'
import type { Logger } from 'pino'

export interface Repeated {
  /** Soon, without waiting for it; asked during a run it runs once more. */
  soon(): void
  /** A run that begins after this call, to its end. */
  now(): Promise<void>
  stop(): Promise<void>
}

/** A run that fails is logged by its code and tried again with the next one. */
export function repeat(what: string, everyMs: number, log: Logger, work: () => Promise<void>): Repeated {
  let isStopped = false
  let last: Promise<void> = Promise.resolve()
  let queued: Promise<void> | null = null
  let failed = ''
  const timer = setInterval(() => void now(), everyMs)
  void now()

  return {
    soon: () => void now(),
    now,
    async stop() {
      isStopped = true
      clearInterval(timer)
      await queued
      await last
    },
  }

  function now(): Promise<void> {
    queued ??= last.then(() => {
      queued = null
      last = run()
      return last
    })
    return queued
  }

  async function run(): Promise<void> {
    if (isStopped) return
    try {
      await work()
      failed = ''
    } catch (error) {
      const code = isFairtraceError(error) ? error.code : 'DATABASE_FAILED'
      // Once for each cause: the next run comes in a moment.
      if (code !== failed) log.error({ code, what }, 'failed; trying again')
      failed = code
    }
  }
}
