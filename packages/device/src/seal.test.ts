import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import {
  BATCH_INFO,
  BATCH_SIZES,
  type BatchBody,
  batchBodySchema,
  type ProgrammeId,
  parseEnvelope,
  parsePlaintext,
  signedBytes,
  type VaultKeyId,
} from '@fairtrace/core'
import fc from 'fast-check'
import * as oracle from 'hpke'
import { describe, expect, it } from 'vitest'
import { createDeviceKey } from './device-key.ts'
import { batchSuite } from './hpke-suite.ts'
import { sealBatch, sealEncodedBody } from './seal.ts'

const suite = new oracle.CipherSuite(
  oracle.KEM_DHKEM_X25519_HKDF_SHA256,
  oracle.KDF_HKDF_SHA256,
  oracle.AEAD_AES_256_GCM,
)
const utf8 = new TextEncoder()
const deviceKey = await createDeviceKey()
const { publicKey, privateKey } = generateKeyPairSync('x25519')
const vault = {
  keyId: '0123456789abcdef' as VaultKeyId,
  publicKey: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)),
  privateKey: new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)),
}
const to = { programme: 'test-programme' as ProgrammeId, vaultKey: vault, deviceKey }

function aBody(overrides: Partial<BatchBody> = {}): BatchBody {
  return {
    v: 1,
    sequence: 0,
    recording: 'r'.repeat(22),
    part: 0,
    last: true,
    task: null,
    outcome: null,
    lease: 'a.lease.jws',
    shield: '1',
    actions: [{ kind: 'press', key: 'enter' }],
    ...overrides,
  }
}

/** Opens as the vault would, with another implementation of HPKE. */
async function open(envelope: Uint8Array, privateKeyRaw = vault.privateKey) {
  const { header, enc, ciphertext } = parseEnvelope(envelope)
  const key = await suite.DeserializePrivateKey(privateKeyRaw)
  const plaintext = await suite.Open(key, enc, ciphertext, { info: utf8.encode(BATCH_INFO), aad: header })
  return { header, ...parsePlaintext(plaintext) }
}

describe('sealBatch', () => {
  it('refuses a body that fits into no size class', async () => {
    const random = crypto.getRandomValues(new Uint8Array(65_536))
    const tooLong = new Uint8Array(262_144)
    for (let i = 0; i < 4; i++) tooLong.set(random, i * random.length)
    await expect(sealEncodedBody(tooLong, to)).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE' })
  })

  it('is opened by nobody but the vault', async () => {
    const other = generateKeyPairSync('x25519').privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
    const { bytes } = await sealBatch(aBody(), to)
    await expect(open(bytes, new Uint8Array(other))).rejects.toThrow()
  })

  it('is not opened after a move to another programme or key', async () => {
    const { bytes } = await sealBatch(aBody(), to)
    const moved = bytes.slice()
    moved[6] = 'x'.charCodeAt(0)
    await expect(open(moved)).rejects.toThrow()
  })

  it('gives the vault, through another implementation of HPKE, exactly what was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('enter', 'tab', 'escape', 'up', 'f1'), { maxLength: 2_000 }),
        fc.nat(),
        fc.boolean(),
        async (keys, sequence, last) => {
          const body = aBody({ sequence, last, actions: keys.map((key) => ({ kind: 'press', key }) as const) })
          const { bytes } = await sealBatch(body, to)
          const opened = await open(bytes)
          expect(batchBodySchema.parse(JSON.parse(inflateRawSync(opened.body).toString()))).toEqual(body)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('is signed by the device over the header and the body', async () => {
    const { bytes } = await sealBatch(aBody(), to)
    const { header, body, signature } = await open(bytes)
    const raw = Buffer.from(deviceKey.publicKey, 'base64url')
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
    const signed = new Uint8Array(signedBytes(header, body))
    expect(await crypto.subtle.verify('Ed25519', key, new Uint8Array(signature), signed)).toBe(true)
  })

  it('has the size of a class, whatever is inside, and the id of its content', async () => {
    for (const length of [0, 1, 3_000, 3_900, 4_000, 16_000, 60_000, 250_000]) {
      const { id, bytes } = await sealEncodedBody(new Uint8Array(length), to)
      expect(BATCH_SIZES).toContain(bytes.length)
      expect(id).toBe(createHash('sha256').update(bytes).digest('base64url'))
    }
  })

  it('says nothing twice: two seals of one body share no byte run after the header', async () => {
    const [a, b] = await Promise.all([sealBatch(aBody(), to), sealBatch(aBody(), to)])
    expect(Buffer.from(a.bytes.subarray(27, 59)).equals(b.bytes.subarray(27, 59))).toBe(false)
    expect(a.id).not.toBe(b.id)
  })
})

describe('the HPKE suite of batches', () => {
  interface Vector {
    readonly info: string
    readonly ikmE: string
    readonly skRm: string
    readonly pkRm: string
    readonly enc: string
    readonly encryptions: readonly { readonly aad: string; readonly pt: string; readonly ct: string }[]
  }
  const path = new URL('../../../testing/vectors/hpke-x25519-sha256-aes256gcm.json', import.meta.url)
  const vectors: readonly Vector[] = JSON.parse(readFileSync(path, 'utf8'))
  const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
  const toHex = (bytes: ArrayBuffer) => Buffer.from(bytes).toString('hex')

  it.each(vectors)('seals and opens the vector of RFC 9180', async (vector) => {
    const ekm = hex(vector.ikmE).buffer
    const sender = await batchSuite.createSenderContext({
      recipientPublicKey: await batchSuite.kem.deserializePublicKey(hex(vector.pkRm)),
      info: hex(vector.info),
      ekm: await batchSuite.kem.deriveKeyPair(ekm),
    })
    const recipient = await batchSuite.createRecipientContext({
      recipientKey: await batchSuite.kem.deserializePrivateKey(hex(vector.skRm)),
      enc: hex(vector.enc),
      info: hex(vector.info),
    })
    expect(toHex(sender.enc)).toBe(vector.enc)
    for (const { aad, pt, ct } of vector.encryptions) {
      expect(toHex(await sender.seal(hex(pt), hex(aad)))).toBe(ct)
      expect(toHex(await recipient.open(hex(ct), hex(aad)))).toBe(pt)
    }
  })

  it('opens what another implementation sealed', async () => {
    const key = await suite.DeserializePublicKey(vault.publicKey)
    const { encapsulatedSecret, ciphertext } = await suite.Seal(key, utf8.encode('hello'), { aad: utf8.encode('aad') })
    const recipient = await batchSuite.createRecipientContext({
      recipientKey: await batchSuite.kem.deserializePrivateKey(vault.privateKey),
      enc: encapsulatedSecret,
    })
    expect(Buffer.from(await recipient.open(ciphertext, utf8.encode('aad'))).toString()).toBe('hello')
  })
})
