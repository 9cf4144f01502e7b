import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FIELDS } from './coded-action.ts'
import type { Segment } from './episodes.ts'
import { randomStream, shuffle } from './random.ts'
import { Spill } from './spill.ts'

const SECRET = new Uint8Array(32).fill(3)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-spill-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function aSegment(i: number): Segment {
  return { app: i % 7, task: -1, end: i % 3, actions: new Int16Array((1 + (i % 3)) * FIELDS).fill(i) }
}

function through(count: number, bytesInMemory?: number): number[] {
  const spill = new Spill(folder, randomStream(SECRET, 'shuffle'), bytesInMemory)
  try {
    for (let i = 0; i < count; i++) spill.add(aSegment(i))
    return [...spill.drain()].map((segment) => {
      const i = segment.actions[0] ?? -1
      expect({ ...segment, actions: [...segment.actions] }).toEqual({
        ...aSegment(i),
        number: i,
        actions: [...aSegment(i).actions],
      })
      return i
    })
  } finally {
    spill.close()
  }
}

describe('Spill', () => {
  it('gives nothing back when nothing went in', () => {
    expect(through(0)).toEqual([])
  })

  it('gives every segment back once, in another order', () => {
    const order = through(2_000)
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
    expect(order.slice(0, 50)).not.toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  it('gives the same order whether it fits into memory or not', () => {
    expect(through(2_000, 10_000)).toEqual(through(2_000))
  })

  it('leaves no file behind, and nothing readable in the files while they are there', () => {
    const spill = new Spill(folder, randomStream(SECRET, 'shuffle'), 1_000)
    for (let i = 0; i < 500; i++) spill.add({ app: 1, task: 1, end: 0, actions: new Int16Array(FIELDS).fill(0x4141) })
    const written = readdirSync(folder).map((name) => readFileSync(join(folder, name)).toString('latin1'))
    expect(written.length).toBeGreaterThan(0)
    for (const text of written) expect(text).not.toContain('AAAAAAAA')
    spill.close()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('shuffle', () => {
  it('gives every place to every value about equally often', () => {
    const random = randomStream(SECRET, 'test')
    const first = new Array<number>(6).fill(0)
    for (let i = 0; i < 6_000; i++) {
      const values = Uint32Array.of(0, 1, 2, 3, 4, 5)
      shuffle(values, random)
      const value = values[0] ?? 0
      first[value] = (first[value] ?? 0) + 1
    }
    for (const count of first) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})

describe('randomStream', () => {
  it('is the same for the same secret and purpose, and another one for any other', () => {
    const words = (secret: Uint8Array, purpose: string) => {
      const random = randomStream(secret, purpose)
      return [random.word(), random.word()]
    }
    expect(words(SECRET, 'a')).toEqual(words(SECRET, 'a'))
    expect(words(SECRET, 'a')).not.toEqual(words(SECRET, 'b'))
    expect(words(SECRET, 'a')).not.toEqual(words(new Uint8Array(32), 'a'))
  })
})
