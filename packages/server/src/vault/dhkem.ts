/**
 * DHKEM(X25519, HKDF-SHA256) of RFC 9180, section 4.1.
 *
 * Newer versions of Node 24 hand it to OpenSSL, which does it in half the time; older ones have the curve alone. Both are
 * here and give the same bytes.
 */
import * as crypto from 'node:crypto'
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expand, extract } from './labeled-hkdf.ts'

export const X25519_BYTES = 32
// DER prefix of RFC 8410 for an X25519 public key.
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')
const SUITE = Buffer.from('KEM\x00\x20', 'latin1')
const EMPTY = Buffer.alloc(0)

export interface Dhkem {
  /** @throws whatever OpenSSL says, also for a point of small order (section 7.1.4) */
  decapsulate(privateKey: KeyObject, publicKeyRaw: Uint8Array, enc: Uint8Array): Uint8Array
  encapsulate(publicKeyRaw: Uint8Array): { readonly shared: Uint8Array; readonly enc: Buffer }
}

export const portableDhkem: Dhkem = {
  decapsulate(privateKey, publicKeyRaw, enc) {
    const dh = diffieHellman({ privateKey, publicKey: x25519PublicKey(enc) })
    return sharedSecret(dh, enc, publicKeyRaw)
  },
  encapsulate(publicKeyRaw) {
    const { privateKey, publicKey } = generateKeyPairSync('x25519')
    const enc = rawPublicKey(publicKey)
    const dh = diffieHellman({ privateKey, publicKey: x25519PublicKey(publicKeyRaw) })
    return { shared: sharedSecret(dh, enc, publicKeyRaw), enc }
  },
}

/** `null` where this Node has no KEM. */
export const opensslDhkem: Dhkem | null =
  typeof crypto.decapsulate !== 'function'
    ? null
    : {
        decapsulate: (privateKey, _publicKeyRaw, enc) => crypto.decapsulate(privateKey, enc),
        encapsulate(publicKeyRaw) {
          const { sharedKey, ciphertext } = crypto.encapsulate(x25519PublicKey(publicKeyRaw))
          return { shared: sharedKey, enc: ciphertext }
        },
      }

export const dhkem: Dhkem = opensslDhkem ?? portableDhkem

/** @returns the raw 32 bytes */
export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_X25519.length)
}

function x25519PublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_X25519, raw]), format: 'der', type: 'spki' })
}

function sharedSecret(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Buffer {
  return expand(SUITE, extract(SUITE, EMPTY, 'eae_prk', dh), 'shared_secret', [enc, recipient], X25519_BYTES)
}
