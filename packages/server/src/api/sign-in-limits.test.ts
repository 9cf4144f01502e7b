import { describe, expect, it } from 'vitest'
import { SignInLimits, TRIES_MAX, TRIES_PER_NAME_MAX, TRIES_WINDOW_MS } from './sign-in-limits.ts'

const LIMITED = expect.objectContaining({ code: 'SIGN_IN_LIMITED', status: 429 })

describe('SignInLimits', () => {
  it('refuses a name after its tries, right or wrong, until the time is over', () => {
    const { limits, pass } = begin()
    for (let i = 0; i < TRIES_PER_NAME_MAX; i++) limits.begin('olga')
    expect(() => limits.begin('olga')).toThrow(LIMITED)
    limits.begin('rita')
    pass(TRIES_WINDOW_MS - 1)
    expect(() => limits.begin('olga')).toThrow(LIMITED)
    pass(1)
    limits.begin('olga')
  })

  it('refuses everybody after too many tries with ever new names', () => {
    const { limits } = begin()
    for (let i = 0; i < TRIES_MAX; i++) limits.begin(`name ${i}`)
    expect(() => limits.begin('another')).toThrow(LIMITED)
  })

  it('does not count who got in', () => {
    const { limits } = begin()
    for (let i = 0; i < 2 * TRIES_MAX; i++) {
      limits.begin('olga')
      limits.succeeded('olga')
    }
    limits.begin('rita')
  })
})

function begin() {
  let nowMs = 0
  const limits = new SignInLimits(() => nowMs)
  const pass = (byMs: number) => {
    nowMs += byMs
  }
  return { limits, pass }
}
