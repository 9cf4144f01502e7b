import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareGuards, compareReaders, printableName, type Reader } from './audience.ts'

const reader = (who: string, through = 'grant'): Reader => ({ who, what: 'select on table vault.chunks', through })

describe('compareReaders', () => {
  it('calls a reader unexpected whom nobody declared', () => {
    const rows = compareReaders([reader('role a')], [reader('role a'), reader('role b')], [], 5)
    expect(rows.map(({ who, expected }) => [who, expected])).toEqual([
      ['role a', true],
      ['role b', false],
    ])
  })

  it('calls a declared reader unexpected who comes by another path', () => {
    expect(compareReaders([reader('role a')], [reader('role a', 'owner')], [], 5)[0]?.expected).toBe(false)
  })

  it('keeps since when as long as nothing about a row changes', () => {
    const before = compareReaders([reader('role a')], [reader('role a')], [], 5)
    expect(compareReaders([reader('role a')], [reader('role a')], before, 9)[0]?.sinceMs).toBe(5)
    expect(compareReaders([], [reader('role a')], before, 9)[0]?.sinceMs).toBe(9)
  })
})

describe('compareGuards', () => {
  it('names what is gone, what is new and what changed, and nothing else', () => {
    const declared = [
      { subject: 'a', state: 'on' },
      { subject: 'b', state: 'on' },
      { subject: 'c', state: 'on' },
    ]
    const observed = [
      { subject: 'a', state: 'on' },
      { subject: 'b', state: 'off' },
      { subject: 'd', state: 'on' },
    ]
    expect(compareGuards(declared, observed)).toEqual([
      { subject: 'b', declared: 'on', observed: 'off' },
      { subject: 'd', declared: null, observed: 'on' },
      { subject: 'c', declared: 'on', observed: null },
    ])
  })
})

describe('printableName', () => {
  it('leaves a plain name alone', () => {
    expect(printableName('fairtrace_vault')).toBe('fairtrace_vault')
  })

  it.each([
    ['a quote', 'a"b', '"a\\"b"'],
    ['a newline', 'a\nb', '"a\\u{a}b"'],
    ['a letter that looks like another', 'v\u0430ult', '"v\\u{430}ult"'],
    ['a mark that turns the direction of text', 'a\u202eb', '"a\\u{202e}b"'],
    ['capital letters', 'Vault', '"Vault"'],
  ])('quotes %s', (_what, name, shown) => {
    expect(printableName(name)).toBe(shown)
  })

  it('shows no two names alike, and only printable ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        expect(printableName(one)).toMatch(/^[\x20-\x7e]*$/)
        expect(printableName(one) === printableName(other)).toBe(one === other)
      }),
    )
  })
})
