import { describe, expect, it } from 'vitest'
import { demonstrationClock } from './clock.ts'

describe('demonstrationClock', () => {
  it.each([
    ['a production installation', 'production', -1_000],
    ['a distance into the future', 'demonstration', 1],
    ['a distance that is no number', 'demonstration', Number.NaN],
  ] as const)('refuses %s', (_what, kind, offset) => {
    expect(() => demonstrationClock(kind, offset)).toThrow(expect.objectContaining({ code: 'CLOCK_NOT_DEMONSTRATION' }))
  })

  it('refuses to go back', () => {
    const clock = demonstrationClock('demonstration', -1_000)
    expect(() => clock.setOffset(-2_000)).toThrow(expect.objectContaining({ code: 'CLOCK_NOT_DEMONSTRATION' }))
    expect(clock.offsetMs()).toBe(-1_000)
  })

  it('runs at its distance until it is moved', () => {
    const clock = demonstrationClock('demonstration', -86_400_000)
    expect(Date.now() - clock.nowMs()).toBeGreaterThanOrEqual(86_400_000 - 50)
    clock.setOffset(0)
    expect(Date.now() - clock.nowMs()).toBeLessThan(50)
  })
})
