/** Keys of both curves as node:crypto wants them, from raw bytes, and the two things that are done with them. */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { VerifyPasskey, VerifySignature } from '@fairtrace/core'

// DER prefixes of RFC 8410: what turns 32 raw bytes into a key that OpenSSL reads.
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')
/** SPKI of an uncompressed P-256 point (RFC 5480). */
const SPKI_P256 = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

export interface Signer {
  /** Raw, base64url. */
  readonly publicKey: string
  /** @returns base64url */
  sign(message: Uint8Array): string
}

/** @param seed 32 bytes, base64url */
export function signerFromSeed(seed: string): Signer {
  const pkcs8 = Buffer.concat([PKCS8_ED25519, Buffer.from(seed, 'base64url')])
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: spki.subarray(SPKI_ED25519.length).toString('base64url'),
    sign: (message) => sign(null, message, privateKey).toString('base64url'),
  }
}

export const verifyEd25519: VerifySignature = (message, signature, publicKey) =>
  verify(null, message, publicFrom(SPKI_ED25519, publicKey), Buffer.from(signature, 'base64url'))

export const verifyPasskey: VerifyPasskey = (message, signature, { alg, key }) =>
  alg === 'ES256'
    ? verify('sha256', message, publicFrom(SPKI_P256, key), signature)
    : verify(null, message, publicFrom(SPKI_ED25519, key), signature)

export interface X25519Pair {
  readonly privateKey: KeyObject
  /** Raw, 32 bytes. */
  readonly privateRaw: Buffer
  /** Raw, 32 bytes. */
  readonly publicRaw: Buffer
}

export function generateX25519(): X25519Pair {
  return pairOf(generateKeyPairSync('x25519').privateKey)
}

/** @param raw 32 bytes */
export function x25519Pair(raw: Uint8Array): X25519Pair {
  return pairOf(createPrivateKey({ key: Buffer.concat([PKCS8_X25519, raw]), format: 'der', type: 'pkcs8' }))
}

/** @param publicKey raw, base64url @throws whatever OpenSSL says, also for a point of small order */
export function agree(privateKey: KeyObject, publicKey: string): Buffer {
  return diffieHellman({ privateKey, publicKey: publicFrom(SPKI_X25519, publicKey) })
}

function pairOf(privateKey: KeyObject): X25519Pair {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
  return {
    privateKey,
    privateRaw: pkcs8.subarray(PKCS8_X25519.length),
    publicRaw: spki.subarray(SPKI_X25519.length),
  }
}

function publicFrom(prefix: Buffer, raw: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, Buffer.from(raw, 'base64url')]), format: 'der', type: 'spki' })
}
