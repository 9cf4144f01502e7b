import { describe, expect, it } from 'vitest'
import { markov, ngrams } from '../attackers/sequences.ts'
import { Random } from '../random.ts'
import { assessRecordings } from './assess-recordings.ts'
import { capUnits, type Unit } from './cap-units.ts'
import { plotReports } from './plot-report.ts'
import { parseProtection } from './protection.ts'

const press = (key: 'enter' | 'f12') => ({ kind: 'press', key }) as const
const SETTINGS = { shareMax: 0.3, typeActions: 3, k: 3 }

describe('protections', () => {
  it.each(['', 'nothing', 'pointer=exact', 'default,none'])('refuses %j', (text) => {
    expect(() => parseProtection(text)).toThrow(/--protect takes/)
  })

  it('tightens the default by levels', () => {
    expect(parseProtection('pointer=cell,cap=keys')).toEqual({
      is: 'shield',
      pointer: 'cell',
      keyboard: 'kind-and-length',
      cap: 'keys',
    })
  })
})

describe('the cap over units', () => {
  const units = Array.from({ length: 40 }, (_, i): Unit => {
    const person = i % 5
    // One person alone presses a key that nobody else does.
    return { person, group: i, actions: [press(person === 0 ? 'f12' : 'enter')] }
  })

  it('takes out what one person owns where types know keys, and can not where they know kinds', () => {
    const kept = (cap: 'kinds' | 'keys') => capUnits(units, cap, SETTINGS, new Random(1)).map(({ person }) => person)
    expect(kept('keys')).not.toContain(0)
    expect(kept('keys')).toHaveLength(32)
    expect(kept('kinds')).toContain(0)
  })
})

describe('a report on recordings', () => {
  const random = new Random(1, 'commands')
  const words = ['ls', 'vi', 'make', 'mail', 'more', 'cd']
  const text = Array.from({ length: 4 }, (_, person) =>
    Array.from({ length: 400 }, (_, n) => {
      const word = random.next() < 0.6 ? words[person] : words[random.below(words.length)]
      return `u${person}\t${n}\t${word}`
    }),
  )
    .flat()
    .join('\n')
  const attackers = [ngrams, markov]
  const options = { format: 'commands', seed: 1, peopleMax: 10, replay: async () => undefined, attackers } as const

  it('refuses a table of something else', async () => {
    await expect(assessRecordings('a,b\n1,2', { ...options, format: 'keystrokes', protect: 'none' })).rejects.toThrow(
      /the columns/,
    )
  })

  it('reaches its floor on planted habits, closes on four people, and draws both with words', async () => {
    const raw = await assessRecordings(text, { ...options, protect: 'none' })
    const shielded = await assessRecordings(text, { ...options, protect: 'cap=none' })
    expect(raw.verdicts).toMatchObject([{ name: 'floor of rank-1', holds: true }])
    expect(shielded.verdicts.every(({ holds }) => holds)).toBe(false)
    const svg = await plotReports([raw, shielded])
    expect(svg).toContain('<title>Finding one of 4 people by commands</title>')
    expect(svg).toContain('times chance with 1')
  })
})
