import { describe, expect, it } from 'vitest'
import { CONCERN_USES, concernRound, concernTokenLabel, oldestLiveRound } from './concern.ts'

describe('rounds of concerns', () => {
  it('are months in UTC', () => {
    expect(concernRound(Date.UTC(2026, 10, 30, 23, 59, 59))).toBe('2026-11')
    expect(concernRound(Date.UTC(2026, 11, 1))).toBe('2026-12')
  })

  it('live for six months, also across a year and from a long day to a short month', () => {
    expect(oldestLiveRound(Date.UTC(2026, 10, 23))).toBe('2026-06')
    expect(oldestLiveRound(Date.UTC(2027, 1, 3))).toBe('2026-09')
    expect(oldestLiveRound(Date.UTC(2026, 6, 31))).toBe('2026-02')
  })

  it('have one label for each use, so that no token fits two', () => {
    const labels = CONCERN_USES.map((use) => new TextDecoder().decode(concernTokenLabel('a-programme', '2026-11', use)))
    expect(new Set(labels).size).toBe(17)
    expect(labels[0]).toBe('fairtrace/concern-token/v1\na-programme\n2026-11\nraise\n')
  })
})
