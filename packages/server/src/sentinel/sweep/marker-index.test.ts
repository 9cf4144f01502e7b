import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildMarkerTables, findMarkers, formsOfId, PATTERN_BYTES } from './marker-index.ts'

const patterns = Array.from({ length: 500 }, () => randomBytes(PATTERN_BYTES))
const tables = buildMarkerTables(patterns, [])

describe('findMarkers', () => {
  it('finds nothing in a text without any', () => {
    const text = randomBytes(100_000)
    expect(findMarkers(tables, text, text.length)).toEqual([])
    expect(findMarkers(buildMarkerTables([], []), text, text.length)).toEqual([])
  })

  it('finds a pattern wherever it begins, at both ends too', () => {
    fc.assert(
      fc.property(fc.nat(499), fc.nat(200), fc.nat(200), (which, before, after) => {
        const text = Buffer.concat([randomBytes(before), patterns[which] ?? Buffer.alloc(0), randomBytes(after)])
        expect(findMarkers(tables, text, text.length)).toEqual([which])
      }),
    )
  })

  it('finds no pattern of which a byte is another, or the end is cut off', () => {
    fc.assert(
      fc.property(fc.nat(499), fc.nat(PATTERN_BYTES - 1), fc.nat(60), (which, at, before) => {
        const changed = Buffer.from(patterns[which] ?? Buffer.alloc(0))
        changed[at] = (changed[at] ?? 0) ^ 1
        const text = Buffer.concat([randomBytes(before), changed, randomBytes(9)])
        expect(findMarkers(tables, text, text.length)).toEqual([])
        const whole = Buffer.concat([randomBytes(before), patterns[which] ?? Buffer.alloc(0)])
        expect(findMarkers(tables, whole, whole.length - 1)).toEqual([])
      }),
    )
  })

  it('searches for an id in every form that has as many characters', () => {
    const id = Buffer.alloc(16, 0xfb).toString('base64url')
    const forms = formsOfId(id).map((form) => Buffer.from(form).toString('latin1'))
    expect(forms).toEqual([
      id,
      Buffer.alloc(16, 0xfb).toString('base64').slice(0, 22),
      'fb'.repeat(16),
      'FB'.repeat(16),
    ])
  })
})
