/** Chance for training: seeded where it decides an experiment, the operating system's where it protects somebody. */
import { randomBytes } from 'node:crypto'

export interface Random {
  /** In [0, 1). */
  next(): number
}

/** xoshiro128** from a seed: the same seed gives the same experiment. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const mixed = () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  const s = [mixed(), mixed(), mixed(), mixed()]
  const rotated = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0
  return {
    next() {
      const [a = 0, b = 0, c = 0, d = 0] = s
      const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
      const c2 = c ^ a
      const d2 = d ^ b
      s[1] = (b ^ c2) >>> 0
      s[0] = (a ^ d2) >>> 0
      s[2] = (c2 ^ (b << 9)) >>> 0
      s[3] = rotated(d2 >>> 0, 11)
      return result / 2 ** 32
    },
  }
}

/** Nobody repeats it: noise whose seed is known protects nobody. */
export function secretRandom(): Random {
  let held = Buffer.alloc(0)
  let at = 0
  return {
    next() {
      if (at + 8 > held.length) {
        held = randomBytes(8_192)
        at = 0
      }
      // 53 bits, as a double has them.
      const high = held.readUInt32LE(at) >>> 5
      const low = held.readUInt32LE(at + 4) >>> 6
      at += 8
      return (high * 2 ** 26 + low) / 2 ** 53
    },
  }
}

/** Standard normal, by Box and Muller. */
export function gaussian(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()))
  return radius * Math.cos(2 * Math.PI * random.next())
}

export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const result = [...values]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    const [a, b] = [result[i], result[j]]
    if (a !== undefined && b !== undefined) {
      result[i] = b
      result[j] = a
    }
  }
  return result
}
