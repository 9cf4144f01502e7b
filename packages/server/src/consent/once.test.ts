import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Once } from './once.ts'

describe('Once', () => {
  it('refuses what was used within the window, and takes it again long after', () => {
    const once = new Once(1_000)
    expect([once.take('a', 0), once.take('a', 0), once.take('b', 999), once.take('a', 1_000)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    expect(once.take('b', 1_998)).toBe(false)
    expect(once.take('a', 10_000)).toBe(true)
  })

  it('never takes a mark twice within a window, whatever comes in between', () => {
    const step = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(700))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const once = new Once(1_000)
        const usedAtMs = new Map<string, number>()
        let nowMs = 0
        for (const [mark, laterMs] of steps) {
          nowMs += laterMs
          const isTaken = once.take(mark, nowMs)
          if (isTaken) expect(nowMs - (usedAtMs.get(mark) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(1_000)
          if (isTaken) usedAtMs.set(mark, nowMs)
        }
      }),
    )
  })
})
