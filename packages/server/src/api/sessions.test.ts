import { describe, expect, it } from 'vitest'
import { SESSION_IDLE_MS, SESSION_MS, Sessions, type SignedIn } from './sessions.ts'

const staff = (account: string): SignedIn => ({
  kind: 'staff',
  name: 'Somebody',
  account,
  roles: new Set(['auditor']),
  groups: [],
})
const MINUTE_MS = 60_000

describe('Sessions', () => {
  it('knows nobody by a token that it did not give', () => {
    const { sessions } = begin()
    expect(sessions.find('A'.repeat(43))).toBeNull()
  })

  it('ends a session that is not used for half an hour', () => {
    const { sessions, pass } = begin()
    const token = sessions.start(staff('a'))
    pass(SESSION_IDLE_MS - 1)
    expect(sessions.find(token)).not.toBeNull()
    pass(SESSION_IDLE_MS - 1)
    expect(sessions.find(token)).not.toBeNull()
    pass(SESSION_IDLE_MS)
    expect(sessions.find(token)).toBeNull()
  })

  it('ends a session after eight hours, however busy it is', () => {
    const { sessions, pass } = begin()
    const token = sessions.start(staff('a'))
    for (let passedMs = MINUTE_MS; passedMs < SESSION_MS; passedMs += MINUTE_MS) {
      pass(MINUTE_MS)
      expect(sessions.find(token)).not.toBeNull()
    }
    pass(MINUTE_MS)
    expect(sessions.find(token)).toBeNull()
  })

  it('ends one, or all of a person, and nobody else’s', () => {
    const { sessions } = begin()
    const [first, second, third] = [sessions.start(staff('a')), sessions.start(staff('a')), sessions.start(staff('a'))]
    const other = sessions.start(staff('b'))
    sessions.end(first)
    expect([first, second, third].map((token) => sessions.find(token) !== null)).toEqual([false, true, true])
    sessions.endAll(staff('a'))
    expect([second, third].map((token) => sessions.find(token))).toEqual([null, null])
    expect(sessions.find(other)).not.toBeNull()
  })

  it('does not take a participant for a member of staff whose account has the same text', () => {
    const { sessions } = begin()
    const token = sessions.start({ kind: 'participant', name: 'participant', pseudonym: 'a', joinedAtMs: 0 })
    sessions.endAll(staff('a'))
    expect(sessions.find(token)).toMatchObject({ kind: 'participant' })
  })

  it('keeps at most ten of a person: the oldest ends', () => {
    const { sessions } = begin()
    const tokens = Array.from({ length: 12 }, () => sessions.start(staff('a')))
    expect(tokens.filter((token) => sessions.find(token) !== null)).toEqual(tokens.slice(2))
  })
})

function begin() {
  let nowMs = 1_000
  const sessions = new Sessions(() => nowMs)
  const pass = (byMs: number) => {
    nowMs += byMs
  }
  return { sessions, pass }
}
