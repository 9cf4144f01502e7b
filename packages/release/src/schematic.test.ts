import fc from 'fast-check'
import { PNG } from 'pngjs'
import { describe, expect, it } from 'vitest'
import { type Area, cellArea, drawSchematic } from './schematic.ts'

/** Read by pngjs, the other implementation: true where a pixel is black. */
function readBack(bytes: Buffer): { black(x: number, y: number): boolean; width: number; height: number } {
  const image = PNG.sync.read(bytes, { checkCRC: true })
  const black = (x: number, y: number) => image.data[4 * (y * image.width + x)] === 0
  return { black, width: image.width, height: image.height }
}

const area: fc.Arbitrary<Area> = fc.record({
  x: fc.integer({ min: 10, max: 1_180 }),
  y: fc.integer({ min: 40, max: 700 }),
  width: fc.integer({ min: 1, max: 80 }),
  height: fc.integer({ min: 1, max: 80 }),
})

describe('drawSchematic', () => {
  it('draws a PNG of 1280 × 800 that is white inside its frame when nothing is known', () => {
    const image = readBack(drawSchematic(null))
    expect([image.width, image.height]).toEqual([1280, 800])
    expect([image.black(0, 0), image.black(640, 400), image.black(640, 24), image.black(1279, 799)]).toEqual([
      true,
      false,
      true,
      true,
    ])
  })

  it('fills exactly the target', () => {
    fc.assert(
      fc.property(area, (target) => {
        const image = readBack(drawSchematic(target))
        const right = target.x + target.width
        const bottom = target.y + target.height
        expect(image.black(target.x, target.y)).toBe(true)
        expect(image.black(right - 1, bottom - 1)).toBe(true)
        expect(image.black(target.x - 1, target.y)).toBe(false)
        expect(image.black(right, target.y)).toBe(false)
        expect(image.black(target.x, target.y - 1)).toBe(false)
        expect(image.black(target.x, bottom)).toBe(false)
      }),
      { numRuns: 12 },
    )
  })

  it('clips a target that reaches beyond the schematic, and shows one without extent as a point', () => {
    expect(() => readBack(drawSchematic({ x: 1_200, y: 790, width: 1_280, height: 800 }))).not.toThrow()
    expect(readBack(drawSchematic({ x: 100, y: 100, width: 0, height: 0 })).black(100, 100)).toBe(true)
  })

  it('draws the same target as the same bytes', () => {
    expect(drawSchematic(cellArea(9))).toEqual(drawSchematic({ x: 160, y: 100, width: 160, height: 100 }))
  })
})
