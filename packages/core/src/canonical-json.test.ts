import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base64url, fromBase64url } from './base64url.ts'
import { canonicalJson } from './canonical-json.ts'
import { isCommitmentTo, LEDGER_SALT_BYTES, ledgerEntry, ledgerEntrySchema } from './ledger-entry.ts'

describe('canonicalJson', () => {
  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, 10n, () => 1])('refuses what JSON can not say', (value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
  })

  it.each([Number.NaN, Number.NEGATIVE_INFINITY, 10n])('refuses it inside a value too', (value) => {
    expect(() => canonicalJson({ inside: [value] })).toThrow(TypeError)
  })

  it('gives the example of RFC 8785, section 3.2.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it('depends on what a value says and not on how it was written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(JSON.parse(JSON.stringify(value)))).toBe(canonicalJson(value))
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('base64url', () => {
  it('refuses padding, other alphabets and second spellings', () => {
    for (const text of ['QQ==', 'a+b/', 'QR', 'A', 'QQ\n']) expect(fromBase64url(text)).toBeNull()
  })

  it('agrees with Node, there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(base64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromBase64url(base64url(bytes))).toEqual(bytes)
      }),
    )
  })
})

describe('ledgerEntry', () => {
  const salt = new Uint8Array(LEDGER_SALT_BYTES).fill(7)

  it('opens only with its own detail and salt', () => {
    const entry = ledgerEntrySchema.parse(JSON.parse(ledgerEntry('grant.opened', { grant: 'g1' }, salt)))
    expect(isCommitmentTo(entry, { grant: 'g2' }, salt)).toBe(false)
    expect(isCommitmentTo(entry, { grant: 'g1' }, salt.with(0, 8))).toBe(false)
    expect(isCommitmentTo(entry, { grant: 'g1' }, salt.slice(1))).toBe(false)
    expect(isCommitmentTo(entry, { grant: 'g1' }, salt)).toBe(true)
  })

  it('takes no type that could carry a text', () => {
    for (const type of ['', 'grant', 'Grant.opened', 'grant.opened by Ada', 'a.b.c.d']) {
      expect(() => ledgerEntry(type, {}, salt)).toThrow()
    }
  })
})
