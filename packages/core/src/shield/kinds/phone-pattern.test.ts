import fc from 'fast-check'
import { type CountryCode, isValidPhoneNumber } from 'libphonenumber-js/core'
import metadata from 'libphonenumber-js/min/metadata'
import { describe, expect, it } from 'vitest'
import { isInternationalNumber, isNationalNumber, prefixOf } from './phone-pattern.ts'

const countries = Object.entries(metadata.countries).map(([name, row]) => ({ name, pattern: String(row[2]) }))
const digitsOf = (text: string) => [...text].map(Number)

describe('phone patterns', () => {
  it('take what a regular expression takes, in every country', () => {
    expect(countries.length).toBeGreaterThan(200)
    for (const { name, pattern } of countries) {
      const whole = new RegExp(`^(?:${pattern})$`)
      const number = fc.oneof(fc.stringMatching(whole), fc.stringMatching(/^\d{4,15}$/))
      fc.assert(
        fc.property(number, (text) => isNationalNumber(digitsOf(text), name) === whole.test(text)),
        { numRuns: 20 },
      )
    }
  })

  it('know the numbers that the library knows, from abroad', () => {
    for (const text of ['4930901820', '33612345678', '48601234567', '34612345678', '12125550123', '442079460000']) {
      expect(isInternationalNumber(digitsOf(text))).toBe(isValidPhoneNumber(`+${text}`, metadata))
      expect(isInternationalNumber(digitsOf(text))).toBe(true)
    }
    for (const text of ['005551234', '999123456', '1', '']) expect(isInternationalNumber(digitsOf(text))).toBe(false)
  })

  it('know the numbers that the library knows, at home', () => {
    const numbers: readonly (readonly [CountryCode, string])[] = [
      ['DE', '03012345678'],
      ['FR', '0612345678'],
      ['GB', '02079460000'],
      ['CH', '0441234567'],
    ]
    for (const [country, text] of numbers) {
      const prefix = prefixOf(country)
      expect(text.startsWith(prefix) && isNationalNumber(digitsOf(text.slice(prefix.length)), country)).toBe(true)
      expect(isValidPhoneNumber(text, country, metadata)).toBe(true)
    }
    expect(isNationalNumber([1], 'XX')).toBe(false)
  })
})
