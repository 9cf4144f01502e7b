/**
 * The clocks. An installation's clock is the system's. A demonstration may live through weeks in a minute: its clock starts
 * in the past and is moved forward until it has caught up with the system's; no waiting period is shortened for it.
 */
import { type Clock, FairtraceError } from '@fairtrace/core'

export const systemClock: Clock = { nowMs: () => Date.now() }

/** A clock that runs like the system's at a fixed distance behind it, and can be moved forward only. */
export interface DemonstrationClock extends Clock {
  /** How far this clock is from the system's, in milliseconds; 0 or negative. */
  offsetMs(): number
  /** @throws `CLOCK_NOT_DEMONSTRATION` if it would go back, or ahead of the system's clock */
  setOffset(offsetMs: number): void
}

/**
 * @param installation what the data directory was created as; only a demonstration can have such a clock
 * @throws `CLOCK_NOT_DEMONSTRATION`
 */
export function demonstrationClock(installation: 'demonstration' | 'production', offsetMs: number): DemonstrationClock {
  if (installation !== 'demonstration') throw refused('this data directory was not created as a demonstration')
  requireInPast(offsetMs)
  let offset = offsetMs
  return {
    nowMs: () => Date.now() + offset,
    offsetMs: () => offset,
    setOffset: (next) => {
      requireInPast(next)
      if (next < offset) throw refused('a clock is moved forward only')
      offset = next
    },
  }
}

/** Moves a clock as a supervisor asks. @returns the code of the refusal; null if it was moved */
export function moveClock(clock: Clock | DemonstrationClock, offsetMs: number): 'CLOCK_NOT_DEMONSTRATION' | null {
  if (!('setOffset' in clock)) return 'CLOCK_NOT_DEMONSTRATION'
  try {
    clock.setOffset(offsetMs)
    return null
  } catch {
    // Refused, and said so; the clock stays where it was.
    return 'CLOCK_NOT_DEMONSTRATION'
  }
}

function requireInPast(offsetMs: number): void {
  // Stated as what we accept, so that NaN is refused.
  if (!(Number.isFinite(offsetMs) && offsetMs <= 0))
    throw refused('a demonstration never runs ahead of the system clock')
}

function refused(what: string): FairtraceError {
  return new FairtraceError('CLOCK_NOT_DEMONSTRATION', what)
}
