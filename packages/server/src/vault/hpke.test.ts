import { readFileSync } from 'node:fs'
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import fc from 'fast-check'
import * as oracle from 'hpke'
import { describe, expect, it } from 'vitest'
import { opensslDhkem, portableDhkem } from './dhkem.ts'
import { generateX25519, hpkeOpen, hpkeSeal, x25519KeyPair, x25519PrivateRaw } from './hpke.ts'

interface Vector {
  readonly info: string
  readonly skRm: string
  readonly pkRm: string
  readonly enc: string
  readonly encryptions: readonly { readonly aad: string; readonly pt: string; readonly ct: string }[]
}
const path = new URL('../../../../testing/vectors/hpke-x25519-sha256-aes256gcm.json', import.meta.url)
const vectors: readonly Vector[] = JSON.parse(readFileSync(path, 'utf8'))
const hex = (text: string) => Buffer.from(text, 'hex')
const plain = { info: 'a test', aad: Buffer.from('bound'), message: Buffer.from('What leaves is sealed.') }

describe('hpkeOpen', () => {
  const recipient = generateX25519()
  const sealed = hpkeSeal(recipient.publicKeyRaw, plain.info, plain.aad, plain.message)
  const input = { ...recipient, ...sealed, info: plain.info, aad: plain.aad }

  it.each([
    ['another recipient', generateX25519()],
    ['another info', { info: 'another test' }],
    ['another aad', { aad: Buffer.from('unbound') }],
    ['a changed ciphertext', { ciphertext: flipped(sealed.ciphertext, 0) }],
    ['a changed tag', { ciphertext: flipped(sealed.ciphertext, sealed.ciphertext.length - 1) }],
    ['a ciphertext shorter than its tag', { ciphertext: sealed.ciphertext.subarray(0, 7) }],
    ['an ephemeral key that is short', { enc: sealed.enc.subarray(1) }],
    ['an ephemeral key of small order', { enc: Buffer.alloc(32) }],
  ])('refuses %s', (_what, change) => {
    expect(() => hpkeOpen({ ...input, ...change })).toThrow(expect.objectContaining({ code: 'BATCH_UNDECODABLE' }))
  })

  it('opens the vectors of RFC 9180', () => {
    for (const vector of vectors) {
      const pair = x25519KeyPair(hex(vector.skRm))
      expect(pair.publicKeyRaw.toString('hex')).toBe(vector.pkRm)
      const [first] = vector.encryptions
      if (first === undefined) throw new Error('a vector without an encryption')
      const opened = hpkeOpen({
        ...pair,
        enc: hex(vector.enc),
        info: hex(vector.info),
        aad: hex(first.aad),
        ciphertext: hex(first.ct),
      })
      expect(opened.toString('hex')).toBe(first.pt)
    }
    expect(vectors.length).toBeGreaterThan(0)
  })

  it('gives back what was sealed, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5_000 }),
        fc.uint8Array({ maxLength: 80 }),
        fc.string(),
        (bytes, aad, info) => {
          const { enc, ciphertext } = hpkeSeal(recipient.publicKeyRaw, info, aad, bytes)
          expect(hpkeOpen({ ...recipient, enc, ciphertext, info, aad }).equals(bytes)).toBe(true)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('DHKEM', () => {
  it.skipIf(opensslDhkem === null)('is the same here as in OpenSSL, both ways', () => {
    const recipient = generateX25519()
    for (const [from, to] of [
      [portableDhkem, opensslDhkem],
      [opensslDhkem, portableDhkem],
    ]) {
      if (!from || !to) throw new TypeError('no KEM in this Node')
      const { shared, enc } = from.encapsulate(recipient.publicKeyRaw)
      expect(Buffer.from(to.decapsulate(recipient.privateKey, recipient.publicKeyRaw, enc))).toEqual(
        Buffer.from(shared),
      )
    }
  })

  it.each([portableDhkem, opensslDhkem])('refuses points of small order', (kem) => {
    const recipient = generateX25519()
    for (const point of [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      `e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800`,
    ]) {
      expect(() =>
        (kem ?? portableDhkem).decapsulate(recipient.privateKey, recipient.publicKeyRaw, hex(point)),
      ).toThrow()
    }
  })
})

describe('the other implementations of HPKE', () => {
  const recipient = generateX25519()

  it('hpke opens what we seal, and we open what it seals', async () => {
    const suite = new oracle.CipherSuite(
      oracle.KEM_DHKEM_X25519_HKDF_SHA256,
      oracle.KDF_HKDF_SHA256,
      oracle.AEAD_AES_256_GCM,
    )
    const options = { info: Buffer.from(plain.info), aad: plain.aad }
    const ours = hpkeSeal(recipient.publicKeyRaw, plain.info, plain.aad, plain.message)
    const privateKey = await suite.DeserializePrivateKey(x25519PrivateRaw(recipient.privateKey))
    expect(Buffer.from(await suite.Open(privateKey, ours.enc, ours.ciphertext, options))).toEqual(plain.message)

    const publicKey = await suite.DeserializePublicKey(recipient.publicKeyRaw)
    const { encapsulatedSecret: enc, ciphertext } = await suite.Seal(publicKey, plain.message, options)
    expect(hpkeOpen({ ...recipient, enc, ciphertext, info: plain.info, aad: plain.aad })).toEqual(plain.message)
  })

  it('@hpke/core opens what we seal, and we open what it seals', async () => {
    const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
    const ours = hpkeSeal(recipient.publicKeyRaw, plain.info, plain.aad, plain.message)
    const info = exact(Buffer.from(plain.info))
    const recipientKey = await suite.kem.importKey('raw', exact(x25519PrivateRaw(recipient.privateKey)), false)
    const opened = await suite.open(
      { recipientKey, enc: exact(ours.enc), info },
      exact(ours.ciphertext),
      exact(plain.aad),
    )
    expect(Buffer.from(opened)).toEqual(plain.message)

    const recipientPublicKey = await suite.kem.importKey('raw', exact(recipient.publicKeyRaw), true)
    const { enc, ct } = await suite.seal({ recipientPublicKey, info }, exact(plain.message), exact(plain.aad))
    const input = { enc: new Uint8Array(enc), ciphertext: new Uint8Array(ct), info: plain.info, aad: plain.aad }
    expect(hpkeOpen({ ...recipient, ...input })).toEqual(plain.message)
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
