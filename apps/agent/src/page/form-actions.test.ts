import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stretchesOf } from './form-actions.ts'

describe('stretchesOf', () => {
  it.each([[[-1]], [[3]], [[1.5]], [[Number.NaN]]])('refuses a place that isn’t there: %s', (places) => {
    expect(() => stretchesOf(places, 3)).toThrow(expect.objectContaining({ code: 'BODY_INVALID' }))
  })

  it('covers what was ticked, nothing else, in order and without touching', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), (places) => {
        const stretches = stretchesOf(places, 31)
        const covered = stretches.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
        expect(covered).toEqual([...new Set(places)].sort((a, b) => a - b))
        for (const [i, [from]] of stretches.entries())
          if (i > 0) expect(from).toBeGreaterThan(stretches[i - 1]?.[1] ?? 0)
      }),
    )
  })
})
