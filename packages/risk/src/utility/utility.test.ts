import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextStep } from './next-action.ts'
import { hits, operationOf, pairs, pointOf } from './operations.ts'

const WINDOW = { width: 1920, height: 1040 }

describe('hits', () => {
  it('finds what was clicked by the centre of its box, in whatever window it was', () => {
    const box = { x: 208, y: 8, width: 96, height: 32 }
    expect(hits({ role: 'button', box: [139, 6, 64, 25] }, box, WINDOW)).toBe(true)
    expect(hits({ role: 'button', box: [300, 6, 64, 25] }, box, WINDOW)).toBe(false)
  })

  it('misses a small thing by the centre of its cell', () => {
    expect(pointOf({ cell: [0, 0] })).toEqual({ x: 80, y: 50 })
    expect(hits({ cell: [0, 0] }, { x: 0, y: 0, width: 20, height: 20 }, WINDOW)).toBe(false)
  })
})

describe('operations', () => {
  it('are the same whatever they are done to', () => {
    const click = { kind: 'click', button: 'left', count: 2 } as const
    expect(operationOf({ ...click, target: { role: 'button', box: [0, 0, 1, 1] } })).toBe('click left 2')
    expect(operationOf({ kind: 'hotkey', keys: ['ctrl', 'c'] })).toBe('hotkey ctrl+c')
  })

  it('pair up in order, as many as there can be', () => {
    expect(pairs([...'abcd'], [...'xbda'])).toEqual([
      [1, 1],
      [3, 2],
    ])
    const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 })
    fc.assert(
      fc.property(list, list, (one, other) => {
        const found = pairs(one, other)
        for (const [i, j] of found) expect(one[i]).toBe(other[j])
        for (const [at, [i, j]] of found.entries()) {
          const next = found[at + 1]
          if (next !== undefined) expect(next[0] > i && next[1] > j).toBe(true)
        }
        expect(pairs(one, one)).toHaveLength(one.length)
        expect(pairs(other, one)).toHaveLength(found.length)
      }),
    )
  })
})

describe('nextStep', () => {
  const sequence = (text: string) => [...text].map((name) => ({ seen: name, name }))

  it('says nothing where nothing was learnt or nothing is tested', () => {
    expect(nextStep([], [sequence('ab')])).toBeNull()
    expect(nextStep([sequence('ab')], [])).toBeNull()
  })

  it('knows what always follows, and falls back to what is common', () => {
    const found = nextStep([sequence('abcabc'), sequence('aa')], [sequence('abc'), sequence('xa')])
    expect(found?.tested).toBe(3)
    expect(found?.accuracy).toBe(1)
  })
})
