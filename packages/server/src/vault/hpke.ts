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
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
} from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'

// DER prefixes of RFC 8410 for X25519.
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = Buffer.from('HPKE-v1')
const KEM_SUITE = Buffer.from('KEM\x00\x20', 'latin1')
const SUITE = Buffer.from('HPKE\x00\x20\x00\x01\x00\x02', 'latin1')
const EMPTY = Buffer.alloc(0)
const LAST_BLOCK = Buffer.from([1])
const BASE_MODE = Buffer.from([0])
const PSK_ID_HASH = extract(SUITE, EMPTY, 'psk_id_hash', EMPTY)

export interface HpkeOpenInput {
  readonly privateKey: KeyObject
  /** Raw public half of `privateKey`, 32 bytes: part of the key schedule, and deriving it costs as much as opening. */
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
    // OpenSSL refuses a shared secret of zeros, which a point of small order would give (RFC 9180, section 7.1.4).
    const dh = diffieHellman({ privateKey, publicKey: x25519PublicKey(enc) })
    const { key, nonce } = schedule(dh, enc, publicKeyRaw, info)
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
  const ephemeral = generateX25519()
  const dh = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: x25519PublicKey(publicKeyRaw) })
  const { key, nonce } = schedule(dh, ephemeral.publicKeyRaw, publicKeyRaw, info)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return { enc: ephemeral.publicKeyRaw, ciphertext }
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

function x25519PublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_X25519, raw]), format: 'der', type: 'spki' })
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_X25519.length)
}

/** RFC 9180, sections 4.1 (`ExtractAndExpand`) and 5.1 (`KeySchedule` in base mode, sequence number 0). */
function schedule(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array, info: string | Uint8Array) {
  const prk = extract(KEM_SUITE, EMPTY, 'eae_prk', dh)
  const shared = expand(KEM_SUITE, prk, 'shared_secret', [enc, recipient], KEY_BYTES)
  const infoHash = extract(SUITE, EMPTY, 'info_hash', typeof info === 'string' ? Buffer.from(info) : info)
  const context = [BASE_MODE, PSK_ID_HASH, infoHash]
  const secret = extract(SUITE, shared, 'secret', EMPTY)
  return {
    key: expand(SUITE, secret, 'key', context, KEY_BYTES),
    nonce: expand(SUITE, secret, 'base_nonce', context, NONCE_BYTES),
  }
}

function extract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer {
  return hmacSha256(salt, [VERSION, suite, Buffer.from(label), ikm])
}

/** One block of HKDF-Expand: nothing here is longer than the hash. */
function expand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: readonly Uint8Array[],
  length: number,
): Buffer {
  const parts = [Buffer.from([0, length]), VERSION, suite, Buffer.from(label), ...info, LAST_BLOCK]
  return hmacSha256(prk, parts).subarray(0, length)
}

/**
 * HMAC (RFC 2104) from two one-shot hashes: four times as fast as `createHmac`, which looks its algorithm up each time, and
 * a batch needs six.
 * @param key at most 64 bytes
 */
function hmacSha256(key: Uint8Array, message: readonly Uint8Array[]): Buffer {
  const inner = hash('sha256', Buffer.concat([padded(key, 0x36), ...message]), 'buffer')
  return hash('sha256', Buffer.concat([padded(key, 0x5c), inner]), 'buffer')
}

function padded(key: Uint8Array, byte: number): Buffer {
  const block = Buffer.alloc(64, byte)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] ?? 0) ^ byte
  return block
}
