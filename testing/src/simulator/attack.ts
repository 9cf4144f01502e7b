/**
 * A plain attacker, to ask whether simulated people can be told apart as real ones can: a scaled Manhattan verifier
 * (Killourhy & Maxion 2009) over typing rhythm or pointer kinematics. It knows nothing of how the people were made.
 *
 * It is a yardstick for the simulator, not a judge of the shield: a weak attacker flatters a defence.
 */
import type { Action } from '@fairtrace/core'
import type { KeyTime, PointerSample } from './raw-samples.ts'

/** What was measured of one session: by feature, each value seen. */
export type Features = ReadonlyMap<string, readonly number[]>

/** Share of probes whose own enrolled session is the nearest. Ties lose. `probes[i]` and `enrolled[i]` are one person. */
export function rankOne(enrolled: readonly Features[], probes: readonly Features[]): number {
  const hits = probes.filter((probe, i) => {
    const distances = enrolled.map((template) => distance(template, probe))
    const own = distances[i] ?? Number.POSITIVE_INFINITY
    return distances.every((other, j) => j === i || own < other)
  })
  return hits.length / probes.length
}

/** Logarithms of the times from press to press by pair of keys, and of how long each key was down. */
export function typingFeatures(keys: Iterable<KeyTime>): Features {
  const features = new Map<string, number[]>()
  const downAtMs = new Map<string, number>()
  let previous: KeyTime | null = null
  for (const stroke of keys) {
    const pressedAtMs = downAtMs.get(stroke.key)
    if (!stroke.down) {
      if (pressedAtMs !== undefined)
        note(features, `dwell ${stroke.key}`, Math.log(Math.max(1, stroke.atMs - pressedAtMs)))
      continue
    }
    downAtMs.set(stroke.key, stroke.atMs)
    const flightMs = previous === null ? Number.POSITIVE_INFINITY : stroke.atMs - previous.atMs
    if (flightMs < PAUSE_MS) note(features, `flight ${previous?.key} ${stroke.key}`, Math.log(Math.max(1, flightMs)))
    previous = stroke
  }
  return features
}

/** Speed, duration, straightness, side, and time of the peak of each movement, and how long buttons were down. */
export function pointerFeatures(samples: Iterable<PointerSample>): Features {
  const features = new Map<string, number[]>()
  let movement: PointerSample[] = []
  let downAtMs: number | null = null
  for (const sample of samples) {
    const last = movement.at(-1)
    if (sample.what !== 'move' || (last !== undefined && sample.atMs - last.atMs > MOVEMENT_GAP_MS)) {
      noteMovement(features, movement)
      movement = []
    }
    if (sample.what === 'move') movement.push(sample)
    if (sample.what === 'down') {
      downAtMs = sample.atMs
      if (last !== undefined) note(features, 'settle', Math.log(Math.max(1, sample.atMs - last.atMs)))
    } else if (sample.what === 'up' && downAtMs !== null) {
      note(features, 'hold', Math.log(Math.max(1, sample.atMs - downAtMs)))
    }
  }
  noteMovement(features, movement)
  return features
}

/** All that the same attacker can count once the shield is done: how often each kind and length of text was typed. */
export function shieldedTypingFeatures(actions: Iterable<Action>): Features {
  const features = new Map<string, number[]>()
  for (const action of actions) {
    if (action.kind !== 'type') continue
    for (const name of TYPE_FEATURES) note(features, name, name === `${action.text} ${action.length}` ? 1 : 0)
  }
  return features
}

const PAUSE_MS = 1_500
const MOVEMENT_GAP_MS = 60
const TYPE_FEATURES = [
  'word',
  'sentence',
  'number',
  'date',
  'email',
  'url',
  'phone',
  'code',
  'search',
  'other',
].flatMap((text) => ['tiny', 'short', 'medium', 'long', 'very-long'].map((length) => `${text} ${length}`))

/** Mean over the features that both have, of the difference of means in units of the template's spread. */
function distance(template: Features, probe: Features): number {
  let sum = 0
  let weight = 0
  for (const [name, values] of probe) {
    const known = template.get(name)
    if (known === undefined || known.length < 3) continue
    const centre = mean(known)
    // Few values may lie together by chance; a floor keeps them from deciding everything.
    const spread = Math.max(0.05, mean(known.map((value) => Math.abs(value - centre))))
    const share = Math.min(known.length, values.length)
    sum += (share * Math.abs(mean(values) - centre)) / spread
    weight += share
  }
  return weight === 0 ? Number.POSITIVE_INFINITY : sum / weight
}

function noteMovement(features: Map<string, number[]>, movement: readonly PointerSample[]): void {
  const first = movement.at(0)
  const last = movement.at(-1)
  if (first === undefined || last === undefined || movement.length < 8) return
  const dx = last.x - first.x
  const dy = last.y - first.y
  const straight = Math.hypot(dx, dy)
  if (straight < 40) return
  let path = 0
  let peak = { speed: 0, atMs: first.atMs }
  let side = 0
  let shake = 0
  for (let i = 1; i < movement.length; i++) {
    const a = movement[i - 1] ?? first
    const b = movement[i] ?? last
    const step = Math.hypot(b.x - a.x, b.y - a.y)
    path += step
    const speed = step / Math.max(1, b.atMs - a.atMs)
    if (speed > peak.speed) peak = { speed, atMs: b.atMs }
    const offset = (dx * (b.y - first.y) - dy * (b.x - first.x)) / straight
    side += offset
    const before = movement[i - 2] ?? a
    shake += Math.hypot(b.x - 2 * a.x + before.x, b.y - 2 * a.y + before.y)
  }
  const durationMs = last.atMs - first.atMs
  const bits = Math.log2(straight / 32 + 1)
  note(features, 'duration per bit', Math.log(durationMs / bits))
  note(features, 'peak over mean speed', Math.log((peak.speed * durationMs) / straight))
  note(features, 'straightness', Math.log(path / straight))
  note(features, 'side', side / movement.length / straight)
  note(features, 'time of peak', (peak.atMs - first.atMs) / durationMs)
  note(features, 'shake', Math.log(1 + shake / movement.length))
}

function note(features: Map<string, number[]>, name: string, value: number): void {
  const values = features.get(name)
  if (values === undefined) features.set(name, [value])
  else values.push(value)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
