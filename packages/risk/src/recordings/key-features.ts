/**
 * Typing as an attacker measures it who has the raw keystrokes: how long each key is down, how long from each key to the
 * next, how they overlap, and which keys are used at all. One unit is one sentence.
 */
import type { Sample } from '../attacker.ts'
import type { KeySession } from './rows.ts'
import { summarise } from './summary.ts'

/** Pairs of keys that get a column of their own. */
const PAIRS = 160
const KEYS = 48
/** Longer is a pause to think. */
const PAUSE_MS = 1_500

/** Which keys and pairs are common enough to compare, over everybody. */
export interface KeyColumns {
  readonly keys: ReadonlyMap<number, number>
  readonly pairs: ReadonlyMap<number, number>
}

export function keyColumns(sessions: readonly KeySession[]): KeyColumns {
  const keys = new Map<number, number>()
  const pairs = new Map<number, number>()
  for (const { columns } of sessions) {
    const { code } = columns
    for (let i = 0; i < code.length; i++) {
      keys.set(code[i] ?? 0, (keys.get(code[i] ?? 0) ?? 0) + 1)
      if (i > 0) pairs.set(pairOf(code, i), (pairs.get(pairOf(code, i)) ?? 0) + 1)
    }
  }
  return { keys: commonest(keys, KEYS), pairs: commonest(pairs, PAIRS) }
}

export function keySample(session: KeySession, { keys, pairs }: KeyColumns): Sample {
  const { code, press, release } = session.columns
  const down = new Means(keys.size)
  const flight = new Means(pairs.size)
  const [dwells, flights, gaps, after]: number[][] = [[], [], [], []]
  let [overlaps, pauses] = [0, 0]
  const uses = new Float64Array(keys.size)
  for (let i = 0; i < code.length; i++) {
    const dwell = logTime((release[i] ?? 0) - (press[i] ?? 0))
    const key = keys.get(code[i] ?? 0)
    if (key !== undefined) {
      down.add(key, dwell)
      uses[key] = (uses[key] ?? 0) + 1
    }
    dwells?.push(dwell)
    if (i === 0) continue
    const between = (press[i] ?? 0) - (press[i - 1] ?? 0)
    const gap = (press[i] ?? 0) - (release[i - 1] ?? 0)
    if (gap < 0) overlaps++
    if (between >= PAUSE_MS) {
      pauses++
      continue
    }
    flights?.push(logTime(between))
    gaps?.push(Math.max(-500, Math.min(PAUSE_MS, gap)))
    if (code[i - 1] === SPACE) after?.push(logTime(between))
    const pair = pairs.get(pairOf(code, i))
    if (pair !== undefined) flight.add(pair, logTime(between))
  }
  const features = [overlaps / code.length, pauses / code.length, code.length]
  for (const values of [dwells, flights, gaps, after]) summarise(values ?? [], features)
  return {
    person: session.person,
    group: session.group,
    features: Float64Array.from([...features, ...down.all(), ...flight.all(), ...uses.map((n) => n / code.length)]),
    tokens: Int32Array.from(code),
  }
}

const SPACE = 32

class Means {
  readonly #sums: Float64Array
  readonly #counts: Float64Array

  constructor(size: number) {
    this.#sums = new Float64Array(size)
    this.#counts = new Float64Array(size)
  }

  add(at: number, value: number): void {
    this.#sums[at] = (this.#sums[at] ?? 0) + value
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  /** NaN where nothing was seen: 0 / 0. */
  all(): Float64Array {
    return this.#sums.map((sum, i) => sum / (this.#counts[i] ?? 0))
  }
}

function logTime(ms: number): number {
  return Math.log(Math.max(1, ms))
}

function pairOf(code: Float64Array, i: number): number {
  return (code[i - 1] ?? 0) * 1_000 + (code[i] ?? 0)
}

function commonest(counts: ReadonlyMap<number, number>, most: number): Map<number, number> {
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, most)
  return new Map(sorted.map(([key], i) => [key, i]))
}
