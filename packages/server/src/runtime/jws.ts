/**
 * Compact JWS (RFC 7515) with EdDSA (RFC 8037), synchronous, for the server's hot paths.
 *
 * `jose` does the same through WebCrypto and is the oracle in the tests; devices use it. Here one verification is one call
 * into OpenSSL, without a promise per batch.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { ErrorCode, VerifySignature } from '@fairtrace/core'
import { FairtraceError } from '@fairtrace/core'

// DER prefixes of RFC 8410: what turns 32 raw bytes into a key that OpenSSL reads.
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

export interface Signer {
  readonly privateKey: KeyObject
  /** Raw public key, base64url, 43 characters. */
  readonly publicKey: string
}

/** @param seed 32 bytes in base64url */
export function signerFromSeed(seed: string): Signer {
  const raw = Buffer.from(seed, 'base64url')
  if (raw.length !== 32) throw new FairtraceError('KEY_UNAVAILABLE', `a seed of ${raw.length} bytes; 32 expected`)
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, raw]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return { privateKey, publicKey: spki.subarray(SPKI_ED25519.length).toString('base64url') }
}

/** Raw Ed25519 public key of a seed, both base64url. */
export function publicKeyOf(seed: string): string {
  return signerFromSeed(seed).publicKey
}

/** @param raw 32 bytes in base64url */
export function ed25519PublicKey(raw: string): KeyObject {
  return createPublicKey({
    key: Buffer.concat([SPKI_ED25519, Buffer.from(raw, 'base64url')]),
    format: 'der',
    type: 'spki',
  })
}

/** What core asks for where it judges signatures. */
export const verifyEd25519: VerifySignature = (message, signature, publicKey) =>
  verify(null, message, ed25519PublicKey(publicKey), Buffer.from(signature, 'base64url'))

export function signJws(typ: string, payload: unknown, signer: Signer): string {
  const head = `${encode({ alg: 'EdDSA', typ })}.${encode(payload)}`
  return `${head}.${sign(null, Buffer.from(head), signer.privateKey).toString('base64url')}`
}

/**
 * Verifies and returns the payload, still to be parsed by its schema. The algorithm is fixed: the header can't choose one.
 * @throws `code`, whatever is wrong with the token
 */
export function verifyJws(typ: string, token: string, publicKey: KeyObject, code: ErrorCode): unknown {
  const parts = token.split('.')
  const [head, payload, signature] = parts
  if (parts.length !== 3 || !head || !payload || !signature)
    throw new FairtraceError(code, 'the token has not three parts')
  if (head !== encode({ alg: 'EdDSA', typ })) throw new FairtraceError(code, `the token is no ${typ}`)
  if (!verify(null, Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))) {
    throw new FairtraceError(code, 'the signature does not verify')
  }
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  } catch (cause) {
    throw new FairtraceError(code, 'the payload is no JSON', { cause })
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
