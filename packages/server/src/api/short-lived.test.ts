import { describe, expect, it } from 'vitest'
import { ShortLived } from './short-lived.ts'

describe('ShortLived', () => {
  it('gives a value once', () => {
    const { values } = begin()
    expect(values.take('a')).toBeNull()
    values.put('a', 1)
    expect(values.take('a')).toBe(1)
    expect(values.take('a')).toBeNull()
  })

  it('gives nothing from the instant its time is over', () => {
    const { values, pass } = begin()
    values.put('a', 1)
    values.put('b', 2)
    pass(999)
    expect(values.take('a')).toBe(1)
    pass(1)
    expect(values.take('b')).toBeNull()
  })

  it('lets a new value replace the old one, and begins its time anew', () => {
    const { values, pass } = begin()
    values.put('a', 1)
    pass(900)
    values.put('a', 2)
    pass(900)
    expect(values.take('a')).toBe(2)
  })

  it('holds no more than it may: the oldest gives way', () => {
    const { values } = begin()
    for (const key of ['a', 'b', 'c', 'd']) values.put(key, 1)
    expect(['a', 'b', 'c', 'd'].map((key) => values.take(key))).toEqual([null, 1, 1, 1])
  })
})

function begin() {
  let nowMs = 0
  const values = new ShortLived<number>({ nowMs: () => nowMs, lifeMs: 1_000, countMax: 3 })
  const pass = (byMs: number) => {
    nowMs += byMs
  }
  return { values, pass }
}
