import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TEXT_KINDS } from '../action.ts'
import { classifyText, lengthClass } from './text-kind.ts'
import { TextRun } from './text-run.ts'

function kindOf(text: string, field: 'text' | 'search' | 'code' = 'text') {
  const run = new TextRun()
  for (const character of text) run.add(character.codePointAt(0) ?? 0)
  return classifyText(run.codes, run.kept, field)
}

const label = fc.stringMatching(/^[a-z]{2,10}$/)
const words = fc.array(fc.constantFrom('please', 'meeting', 'über', 'łódź', 'a', 'demain', 'señal', 'the'), {
  minLength: 2,
  maxLength: 12,
})

describe('classifyText', () => {
  it.each([
    ['', 'other'],
    ['   ', 'other'],
    ['???', 'other'],
    ['hello', 'word'],
    ["don't", 'word'],
    ['Straße,', 'word'],
    ['meeting at noon?', 'sentence'],
    ['今天天气很好', 'sentence'],
    ['42', 'number'],
    ['-1,234.50', 'number'],
    ['€ 19.99', 'number'],
    ['2024-05-31', 'date'],
    ['31.5.24', 'date'],
    ['5/31/2024 14:30', 'date'],
    ['14:30', 'date'],
    ['May 31, 2024', 'date'],
    ['99.99.9999', 'number'],
    ['+49 30 1234567', 'phone'],
    ['(555) 123-4567', 'phone'],
    ['me@example.org', 'email'],
    ['@someone', 'other'],
    ['https://example.org/a?b=c', 'url'],
    ['www.example', 'url'],
    ['example.com', 'url'],
    ['notes.txt', 'word'],
    ['const x = f(1);', 'code'],
    ['git commit -m "x" && ls', 'code'],
  ] as const)('takes %j for %s', (text, kind) => {
    expect(kindOf(text)).toBe(kind)
  })

  it('takes the kind from a search or code field, and ignores space around a text', () => {
    expect(kindOf('hello', 'search')).toBe('search')
    expect(kindOf('hello', 'code')).toBe('code')
    fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => kindOf(`  ${text} `) === kindOf(text)))
  })

  it('knows generated addresses, numbers, dates and sentences', () => {
    fc.assert(fc.property(label, label, (a, b) => kindOf(`${a}@${b}.example`) === 'email'))
    fc.assert(fc.property(label, label, (a, b) => kindOf(`https://${a}.example/${b}`) === 'url'))
    fc.assert(fc.property(fc.integer({ min: -99_999_999, max: 99_999_999 }), (n) => kindOf(String(n)) === 'number'))
    fc.assert(fc.property(words, (list) => kindOf(list.join(' ')) === 'sentence'))
    const day = fc.date({ min: new Date('1970-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    fc.assert(fc.property(day, (date) => kindOf(date.toISOString().slice(0, 10)) === 'date'))
  })

  it('gives every text one of the kinds', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => TEXT_KINDS.includes(kindOf(text))))
  })
})

describe('lengthClass', () => {
  it.each([
    [1, 'tiny'],
    [3, 'tiny'],
    [4, 'short'],
    [12, 'short'],
    [13, 'medium'],
    [40, 'medium'],
    [41, 'long'],
    [160, 'long'],
    [161, 'very-long'],
  ] as const)('calls %i characters %s', (characters, name) => {
    expect(lengthClass(characters)).toBe(name)
  })
})
