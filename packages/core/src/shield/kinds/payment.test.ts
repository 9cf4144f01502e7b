import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCard, isIban } from './payment.ts'

const span = (text: string) => {
  const codes = Uint32Array.from([...text].map((character) => character.codePointAt(0) ?? 0))
  return { codes, start: 0, end: codes.length }
}
/** Numbers for tests that issuers and the registry of ISO 13616 publish. */
const CARDS = [
  '4111111111111111',
  '5555555555554444',
  '378282246310005',
  '30569309025904',
  '6011111111111117',
  '3530111333300000',
]
const IBANS = [
  'de89370400440532013000',
  'gb29nwbk60161331926819',
  'fr1420041010050500013m02606',
  'no9386011117947',
  'pl61109010140000071219812874',
  'mt84malt011000012345mtlcast001s',
]

describe('isCard', () => {
  it.each(CARDS)('takes %s, with and without separators', (number) => {
    expect(isCard(span(number))).toBe(true)
    expect(isCard(span(number.replace(/(.{4})(?=.)/g, '$1 ')))).toBe(true)
    expect(isCard(span(number.replace(/(.{4})(?=.)/g, '$1-')))).toBe(true)
  })

  it.each(CARDS)('refuses %s with one wrong digit, two swapped, a letter or two separators', (number) => {
    const last = Number(number.at(-1))
    expect(isCard(span(number.slice(0, -1) + String((last + 1) % 10)))).toBe(false)
    expect(isCard(span(`${number.slice(0, 4)}  ${number.slice(4)}`))).toBe(false)
    expect(isCard(span(`${number}x`))).toBe(false)
    expect(isCard(span(`-${number}`))).toBe(false)
  })

  it('refuses what Luhn allows and nobody issues', () => {
    expect(isCard(span('0000000000000000'))).toBe(false)
    expect(isCard(span('9111111111111111'))).toBe(false)
    expect(isCard(span('79927398713'))).toBe(false)
  })

  it('agrees with Luhn as it is written down', () => {
    const number = fc.stringMatching(/^4\d{15}$/)
    fc.assert(
      fc.property(number, (text) => {
        const sum = [...text].toReversed().reduce((total, digit, i) => {
          const value = i % 2 === 1 ? 2 * Number(digit) : Number(digit)
          return total + (value > 9 ? value - 9 : value)
        }, 0)
        return isCard(span(text)) === (sum % 10 === 0)
      }),
    )
  })
})

describe('isIban', () => {
  it.each(IBANS)('takes %s, with and without separators', (iban) => {
    expect(isIban(span(iban))).toBe(true)
    expect(isIban(span(iban.replace(/(.{4})(?=.)/g, '$1 ')))).toBe(true)
  })

  it.each(IBANS)('refuses %s with a wrong digit, a digit more or less, or another country', (iban) => {
    expect(isIban(span(iban.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10))))).toBe(false)
    expect(isIban(span(`${iban}0`))).toBe(false)
    expect(isIban(span(iban.slice(0, -1)))).toBe(false)
    expect(isIban(span(`zz${iban.slice(2)}`))).toBe(false)
  })
})
