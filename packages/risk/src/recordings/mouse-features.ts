/**
 * Pointer movement as an attacker measures it who has the raw path: speed, acceleration, curvature, pauses, how buttons
 * are held, the device's own steps in time and place, and where on the screen. One unit is what leads up to ten button presses.
 */
import type { Sample } from '../attacker.ts'
import type { MouseSession } from './rows.ts'
import { summarise } from './summary.ts'

/** Button presses of one unit. */
export const UNIT_PRESSES = 10
const PRESSED = 2
const RELEASED = 3
/** The pointer has come to rest where nothing was reported for so long. */
const REST_MS = 100

/** The end rows (exclusive) of every unit of a session; a rest of fewer presses belongs to no unit. */
function unitEnds(session: MouseSession): number[] {
  const ends: number[] = []
  let presses = 0
  for (const [i, state] of session.columns.state.entries()) {
    if (state !== RELEASED || ++presses % UNIT_PRESSES !== 0) continue
    ends.push(i + 1)
  }
  return ends
}

export function mouseSamples(session: MouseSession): Sample[] {
  let from = 0
  return unitEnds(session).map((end) => {
    const features = unitFeatures(session, from, end)
    from = end
    return { person: session.person, group: session.group, features, tokens: new Int32Array(0) }
  })
}

const LISTS = [
  'step',
  'length',
  'speed',
  'acceleration',
  'jerk',
  'turn',
  'curvature',
  'rest',
  'hold',
  'settle',
  'duration',
  'straight',
  'bits',
  'peak',
  'x',
  'y',
] as const

function unitFeatures({ columns }: MouseSession, from: number, end: number): Float64Array {
  const { t, state, x, y, button } = columns
  const lists = Object.fromEntries(LISTS.map((name) => [name, [] as number[]])) as Record<
    (typeof LISTS)[number],
    number[]
  >
  const directions = new Float64Array(8)
  let [speed, acceleration, angle, pressed, rights, drags] = [0, 0, 0, 0, 0, 0]
  let start = from
  let path = 0
  let peak = 0
  for (let i = from + 1; i < end; i++) {
    const dt = Math.max(0, (t[i] ?? 0) - (t[i - 1] ?? 0))
    const [dx, dy] = [(x[i] ?? 0) - (x[i - 1] ?? 0), (y[i] ?? 0) - (y[i - 1] ?? 0)]
    const far = Math.hypot(dx, dy)
    if (state[i] === PRESSED || state[i] === RELEASED || dt > REST_MS) {
      noteStroke(lists, columns, start, i - 1, path, peak)
      if (state[i] === PRESSED) {
        lists.settle.push(Math.log1p(dt))
        lists.x.push(x[i] ?? 0)
        lists.y.push(y[i] ?? 0)
        pressed = t[i] ?? 0
        if (button[i] === 2) rights++
      } else if (state[i] === RELEASED) lists.hold.push(Math.log1p(Math.max(0, (t[i] ?? 0) - pressed)))
      else lists.rest.push(Math.log1p(dt))
      ;[start, path, peak, speed, acceleration] = [i, 0, 0, 0, 0]
      continue
    }
    if (state[i] === 1) drags++
    lists.step.push(Math.log1p(dt))
    if (far === 0) continue
    path += far
    const newSpeed = far / Math.max(1, dt)
    const newAcceleration = (newSpeed - speed) / Math.max(1, dt)
    const newAngle = Math.atan2(dy, dx)
    const turn = Math.abs(Math.atan2(Math.sin(newAngle - angle), Math.cos(newAngle - angle)))
    const octant = Math.floor(((newAngle + Math.PI) / (2 * Math.PI)) * 8) % 8
    directions[octant] = (directions[octant] ?? 0) + 1
    lists.length.push(Math.log1p(far))
    lists.speed.push(Math.log(newSpeed))
    lists.acceleration.push(newAcceleration)
    lists.jerk.push(Math.log1p(Math.abs(newAcceleration - acceleration)))
    lists.turn.push(turn)
    lists.curvature.push(Math.log1p(turn / far))
    peak = Math.max(peak, newSpeed)
    ;[speed, acceleration, angle] = [newSpeed, newAcceleration, newAngle]
  }
  const rows = Math.max(1, end - from)
  const features = [Math.log(rows), rights, drags / rows, ...directions.map((count) => count / rows)]
  for (const name of LISTS) summarise(lists[name], features)
  return Float64Array.from(features)
}

function noteStroke(
  lists: Record<(typeof LISTS)[number], number[]>,
  { t, x, y }: MouseSession['columns'],
  from: number,
  to: number,
  path: number,
  peak: number,
): void {
  if (to - from < 4 || path < 20) return
  const straight = Math.hypot((x[to] ?? 0) - (x[from] ?? 0), (y[to] ?? 0) - (y[from] ?? 0))
  const duration = Math.max(1, (t[to] ?? 0) - (t[from] ?? 0))
  lists.duration.push(Math.log(duration))
  lists.straight.push(straight / path)
  lists.bits.push(Math.log(duration / Math.log2(straight / 32 + 2)))
  lists.peak.push(Math.log((peak * duration) / path))
}
