/** Timers, handed in: a test counts and moves them, an extension can rest on alarms. */
export interface Timers {
  /** Runs `work` once, `ms` from now, unless it is cleared before. */
  set(ms: number, work: () => void): Timer
}

export interface Timer {
  clear(): void
}

/** The longest that a timer of the platform can wait. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The platform's own timers. A device that only waits does not keep its process alive. */
export const systemTimers: Timers = {
  set(ms, work) {
    const handle = setTimeout(work, Math.min(Math.max(ms, 0), TIMER_MS_MAX))
    handle.unref?.()
    return { clear: () => clearTimeout(handle) }
  },
}
