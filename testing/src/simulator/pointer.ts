/**
 * A simulated pointer: minimum-jerk movements (Flash & Hogan 1985) whose time follows Fitts' law, bowed, skewed and
 * shaken as the person's hand does.
 */
import type { PointerHabits } from './habits.ts'
import type { Random } from './random.ts'
import type { RawEvent } from './raw-event.ts'

/** A 125 Hz mouse, the common case: one report every 8 ms while it moves. */
export const REPORT_MS = 8

export interface Point {
  readonly x: number
  readonly y: number
}

/** Milliseconds of a movement to a target `width` wide (Fitts' law in Shannon's form). */
export function movementMs(habits: PointerHabits, distance: number, width: number, random: Random): number {
  const bits = Math.log2(distance / Math.max(4, width) + 1)
  return random.logNormal(habits.reachMs + habits.bitMs * bits, habits.durationSigma)
}

export interface Movement {
  readonly from: Point
  readonly to: Point
  readonly startMs: number
  readonly durationMs: number
  /** Of this movement, in parts of its distance. */
  readonly bow: number
}

/** Appends the reports of one movement, without its very end: where it ends, something else is reported. */
export function traceMovement(habits: PointerHabits, movement: Movement, random: Random, out: RawEvent[]): void {
  const { from, to, startMs, durationMs, bow } = movement
  const dx = to.x - from.x
  const dy = to.y - from.y
  // No two movements are alike: their peak comes earlier or later, and the hand shakes more or less.
  const skew = random.logNormal(habits.skew, 0.24)
  const shake = 0.6 * random.logNormal(habits.tremorPx, 0.5)
  let tremorX = 0
  let tremorY = 0
  for (let t = REPORT_MS; t < durationMs; t += REPORT_MS + random.between(-0.4, 0.4)) {
    const s = minimumJerk((t / durationMs) ** skew)
    const side = bow * Math.sin(Math.PI * s)
    tremorX = 0.8 * tremorX + shake * random.normal()
    tremorY = 0.8 * tremorY + shake * random.normal()
    const x = from.x + s * dx - side * dy + tremorX
    const y = from.y + s * dy + side * dx + tremorY
    out.push({ kind: 'move', atMs: startMs + t, x: Math.round(x), y: Math.round(y) })
  }
}

/** Share of the way at share `t` of the time, with no jerk at either end. */
function minimumJerk(t: number): number {
  return t * t * t * (10 + t * (6 * t - 15))
}
