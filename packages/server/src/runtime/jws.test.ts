import { LEASE_TYP, PERMIT_TYP } from '@fairtrace/core'
import fc from 'fast-check'
import { CompactSign, compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, signerFromSeed, signJws, verifyJws } from './jws.ts'

const seed = Buffer.alloc(32, 7).toString('base64url')
const signer = signerFromSeed(seed)
const publicKey = ed25519PublicKey(signer.publicKey)
const payload = { programme: 'orders', epoch: 3 }
const token = signJws(PERMIT_TYP, payload, signer)
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const [head = '', body = '', signature = ''] = token.split('.')

describe('verifyJws', () => {
  it.each([
    ['nothing', ''],
    ['two parts', `${head}.${body}`],
    ['four parts', `${token}.x`],
    ['an empty signature', `${head}.${body}.`],
    ['another type', signJws(LEASE_TYP, payload, signer)],
    ['the algorithm none', `${encoded({ alg: 'none', typ: PERMIT_TYP })}.${body}.${signature}`],
    ['another algorithm', `${encoded({ alg: 'HS256', typ: PERMIT_TYP })}.${body}.${signature}`],
    ['another order in the header', `${encoded({ typ: PERMIT_TYP, alg: 'EdDSA' })}.${body}.${signature}`],
    ['a key of its own in the header', `${encoded({ alg: 'EdDSA', typ: PERMIT_TYP, jwk: {} })}.${body}.${signature}`],
    ['another payload', `${head}.${encoded({ ...payload, epoch: 4 })}.${signature}`],
    ['another signer', signJws(PERMIT_TYP, payload, signerFromSeed(Buffer.alloc(32, 8).toString('base64url')))],
  ])('refuses %s', (_what, forged) => {
    expect(() => verifyJws(PERMIT_TYP, forged, publicKey, 'PERMIT_INVALID')).toThrow(
      expect.objectContaining({ code: 'PERMIT_INVALID' }),
    )
  })

  it('gives back what was signed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const back = verifyJws(PERMIT_TYP, signJws(PERMIT_TYP, value, signer), publicKey, 'PERMIT_INVALID')
        expect(back).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('jose', () => {
  it('verifies what we sign', async () => {
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: signer.publicKey }, 'EdDSA')
    const { payload: bytes, protectedHeader } = await compactVerify(token, key)
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(payload)
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: PERMIT_TYP })
  })

  it('signs what we verify', async () => {
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', d: seed, x: signer.publicKey }, 'EdDSA')
    const signed = await new CompactSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'EdDSA', typ: PERMIT_TYP })
      .sign(key)
    expect(signed).toBe(token)
    expect(verifyJws(PERMIT_TYP, signed, publicKey, 'PERMIT_INVALID')).toEqual(payload)
  })
})

describe('signerFromSeed', () => {
  it.each(['', 'AAAA', Buffer.alloc(33).toString('base64url')])('refuses a seed of another length', (wrong) => {
    expect(() => signerFromSeed(wrong)).toThrow(expect.objectContaining({ code: 'KEY_UNAVAILABLE' }))
  })
})
