import { LEASE_TYP } from '@fairtrace/core'
import { fakeJws, TEST_PUBLIC_KEYS, TEST_SEEDS } from '@fairtrace/testing/harness'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { createDeviceKey, exportDeviceKey, importDeviceKey } from './device-key.ts'
import { isSignedBy, LEASE_REQUEST_TYP, signRequest, verifyLease } from './tokens.ts'

const lease = {
  programme: 'test-programme',
  epoch: 1,
  charter: 'c'.repeat(43),
  noticeVersion: 1,
  consentVersion: 1,
  pseudonym: 'p'.repeat(22),
  device: 'd'.repeat(22),
  deviceKey: 'k'.repeat(43),
  build: 'test-build',
  categories: ['pointer'],
  apps: ['desktop:orders'],
  startsAtMs: 1_000,
  endsAtMs: 61_000,
}
const good = fakeJws(LEASE_TYP, lease, TEST_SEEDS.issuer)

/** The same payload and a valid signature under another header. */
function withPart(index: number, value: string): string {
  return good
    .split('.')
    .map((part, i) => (i === index ? value : part))
    .join('.')
}
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('verifyLease', () => {
  it.each([
    ['nothing', ''],
    ['no token', 'hello'],
    ['a token of another kind', fakeJws('ft-permit+jwt', lease, TEST_SEEDS.issuer)],
    ['a token by another key', fakeJws(LEASE_TYP, lease, TEST_SEEDS.vault)],
    ['a token without a signature', withPart(2, '')],
    ['a header that says none', withPart(0, encode({ alg: 'none', typ: LEASE_TYP }))],
    ['a header with a field more', withPart(0, encode({ alg: 'EdDSA', typ: LEASE_TYP, kid: '1' }))],
    ['a changed payload', withPart(1, encode({ ...lease, endsAtMs: 9_999_999 }))],
    ['a payload that is no lease', fakeJws(LEASE_TYP, { hello: 1 }, TEST_SEEDS.issuer)],
    ['a lease with a field more', fakeJws(LEASE_TYP, { ...lease, forever: true }, TEST_SEEDS.issuer)],
  ])('refuses %s', async (_what, token) => {
    await expect(verifyLease(token, TEST_PUBLIC_KEYS.issuer)).rejects.toMatchObject({ code: 'LEASE_INVALID' })
  })

  it('returns what the issuer signed', async () => {
    expect(await verifyLease(good, TEST_PUBLIC_KEYS.issuer)).toEqual(lease)
  })
})

describe('isSignedBy', () => {
  it('denies what it can not read', async () => {
    expect(await isSignedBy('not a key', 'text', 'not a signature')).toBe(false)
  })
})

describe('signRequest', () => {
  it('has exactly the agreed header and verifies under the key of the device, also after a restart', async () => {
    const made = await createDeviceKey()
    const key = await importDeviceKey(await exportDeviceKey(made))
    expect(key.publicKey).toBe(made.publicKey)
    const token = await signRequest(LEASE_REQUEST_TYP, { device: 'd', atMs: 1 }, key)
    expect(token.split('.')[0]).toBe(encode({ alg: 'EdDSA', typ: LEASE_REQUEST_TYP }))
    const publicKey = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: made.publicKey }, 'EdDSA')
    const { payload } = await compactVerify(token, publicKey)
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ device: 'd', atMs: 1 })
  })

  it('refuses a stored key that is none', async () => {
    await expect(importDeviceKey(new Uint8Array(5))).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
  })
})
