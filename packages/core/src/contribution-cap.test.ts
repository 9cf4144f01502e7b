import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capContributions, capType } from './contribution-cap.ts'

const someCounts = fc
  .dictionary(fc.integer({ min: 0, max: 30 }).map(String), fc.integer({ min: 1, max: 200 }))
  .map((counts) => new Map(Object.entries(counts).map(([person, count]) => [Number(person), count])))
const total = (counts: ReadonlyMap<number, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0)

describe('capType', () => {
  it('lets nothing of a type out that one person owns, or fewer than k', () => {
    expect(capType(new Map([[1, 100]]), new Map(), { shareMax: 0.5, k: 1 }).size).toBe(0)
    const two = new Map([
      [1, 10],
      [2, 10],
    ])
    expect(capType(two, new Map(), { shareMax: 0.5, k: 3 }).size).toBe(0)
    expect(capType(two, new Map(), { shareMax: 0.5, k: 2 })).toEqual(two)
  })

  it('holds the share in the release alone and over all releases, and adds nothing', () => {
    fc.assert(
      fc.property(someCounts, someCounts, fc.constantFrom(0.1, 0.16, 0.3, 0.5), (counts, previous, shareMax) => {
        const kept = capType(counts, previous, { shareMax, k: 3 })
        for (const [person, count] of kept) {
          expect(count).toBeGreaterThan(0)
          expect(count).toBeLessThanOrEqual(counts.get(person) ?? 0)
          expect(count).toBeLessThanOrEqual(shareMax * total(kept) + 1e-6)
          const joined = shareMax * (total(kept) + total(previous)) + 1e-6
          expect(count + (previous.get(person) ?? 0)).toBeLessThanOrEqual(joined)
        }
        expect(kept.size === 0 || kept.size >= 3).toBe(true)
      }),
    )
  })
})

describe('capContributions', () => {
  it('bounds how often any guess about one segment is right', () => {
    const segments = Array.from({ length: 400 }, (_, i) => ({
      person: i % 9 === 0 ? 8 : i % 8,
      type: i % 3 === 0 ? 'a' : 'b',
    }))
    const kept = capContributions(segments, { shareMax: 0.16, k: 3 })
    for (const type of ['a', 'b']) {
      const own = kept.filter((segment) => segment.type === type)
      for (let person = 0; person < 9; person++) {
        expect(own.filter((segment) => segment.person === person).length).toBeLessThanOrEqual(0.16 * own.length + 1e-6)
      }
    }
    expect(kept.length).toBeGreaterThan(200)
  })
})
