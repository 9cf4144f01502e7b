/**
 * HPKE base mode (RFC 9180), single shot, with node:crypto alone: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 *
 * Synchronous, because one batch is one call: WebCrypto would be six promises. `@hpke/core` on the devices and `hpke` in the
 * tests are the second and third implementation.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { dhkem, rawPublicKey } from './dhkem.ts'
import { expand, extract } from './labeled-hkdf.ts'

// DER prefix of RFC 8410 for an X25519 private key.
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const SUITE = Buffer.from('HPKE\x00\x20\x00\x01\x00\x02', 'latin1')
const EMPTY = Buffer.alloc(0)
const BASE_MODE = Buffer.from([0])
const INFOS_KEPT = 16
const infoHashes = new Map<string, Buffer>()
const PSK_ID_HASH = extract(SUITE, EMPTY, 'psk_id_hash', EMPTY)

export interface HpkeOpenInput {
  readonly privateKey: KeyObject
  /** Raw public half of `privateKey`, 32 bytes: what is shared is bound to it, and deriving it costs as much as opening. */
  readonly publicKeyRaw: Uint8Array
  readonly enc: Uint8Array
  readonly info: string | Uint8Array
  readonly aad: Uint8Array
  /** Ciphertext ‖ tag[16]. */
  readonly ciphertext: Uint8Array
}

export interface HpkeSealed {
  /** Raw ephemeral public key, 32 bytes. */
  readonly enc: Buffer
  /** Ciphertext ‖ tag[16]. */
  readonly ciphertext: Buffer
}

export interface X25519KeyPair {
  readonly privateKey: KeyObject
  readonly publicKeyRaw: Buffer
}

/** @throws `BATCH_UNDECODABLE` whatever is wrong: the answer doesn't say which part failed */
export function hpkeOpen({ privateKey, publicKeyRaw, enc, info, aad, ciphertext }: HpkeOpenInput): Buffer {
  try {
    const { key, nonce } = schedule(dhkem.decapsulate(privateKey, publicKeyRaw, enc), info)
    const end = ciphertext.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(aad)
    decipher.setAuthTag(ciphertext.subarray(end))
    const plaintext = decipher.update(ciphertext.subarray(0, end))
    // With GCM everything comes from `update`; `final` only checks the tag, and throws if it is wrong.
    decipher.final()
    return plaintext
  } catch {
    // Fails closed, and without OpenSSL's reason.
    throw new FairtraceError('BATCH_UNDECODABLE', `${ciphertext.length} bytes do not open with this key`)
  }
}

export function hpkeSeal(
  publicKeyRaw: Uint8Array,
  info: string | Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): HpkeSealed {
  const { shared, enc } = dhkem.encapsulate(publicKeyRaw)
  const { key, nonce } = schedule(shared, info)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return { enc, ciphertext }
}

export function generateX25519(): X25519KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  return { privateKey, publicKeyRaw: rawPublicKey(publicKey) }
}

/** @param raw 32 bytes */
export function x25519KeyPair(raw: Uint8Array): X25519KeyPair {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, raw]), format: 'der', type: 'pkcs8' })
  return { privateKey, publicKeyRaw: rawPublicKey(createPublicKey(privateKey)) }
}

/** The raw 32 bytes of a private key, for wrapping alone. */
export function x25519PrivateRaw(privateKey: KeyObject): Buffer {
  return privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_X25519.length)
}

/** RFC 9180, section 5.1: `KeySchedule` in base mode, for sequence number 0. */
function schedule(shared: Uint8Array, info: string | Uint8Array) {
  const context = [BASE_MODE, PSK_ID_HASH, infoHashOf(info)]
  const secret = extract(SUITE, shared, 'secret', EMPTY)
  return {
    // As a key object: for raw bytes Node first finds out, by two exceptions, that they are none.
    key: createSecretKey(expand(SUITE, secret, 'key', context, KEY_BYTES)),
    nonce: expand(SUITE, secret, 'base_nonce', context, NONCE_BYTES),
  }
}

/** Ours are a handful of constants, so their hashes are kept. */
function infoHashOf(info: string | Uint8Array): Buffer {
  const known = typeof info === 'string' ? infoHashes.get(info) : undefined
  if (known !== undefined) return known
  const made = extract(SUITE, EMPTY, 'info_hash', typeof info === 'string' ? Buffer.from(info) : info)
  if (typeof info === 'string' && infoHashes.size < INFOS_KEPT) infoHashes.set(info, made)
  return made
}
