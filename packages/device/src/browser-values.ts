/**
 * Values at rest in a browser: AES-256-GCM under a key that its scripts can use and nobody can read out,
 * `nonce[12] ‖ ciphertext ‖ tag[16]`; the associated data is the row's identity, so that a value moved to another row does not open.
 */
import { FairtraceError } from '@fairtrace/core'

const NONCE_BYTES = 12

const utf8 = new TextEncoder()

/** Not extractable: a copy of the database's files holds it only as the browser stores it, a script can't export it. */
export function createStorageKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

export class BrowserValues {
  readonly #key: CryptoKey

  constructor(key: CryptoKey) {
    this.#key = key
  }

  async encrypt(identity: string, bytes: Uint8Array): Promise<Uint8Array> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const sealed = await crypto.subtle.encrypt(parameters(nonce, identity), this.#key, new Uint8Array(bytes))
    const value = new Uint8Array(NONCE_BYTES + sealed.byteLength)
    value.set(nonce)
    value.set(new Uint8Array(sealed), NONCE_BYTES)
    return value
  }

  /** @throws `OUTBOX_CORRUPT` */
  async decrypt(identity: string, sealed: Uint8Array): Promise<Uint8Array> {
    const nonce = new Uint8Array(sealed.subarray(0, NONCE_BYTES))
    const ciphertext = new Uint8Array(sealed.subarray(NONCE_BYTES))
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, identity), this.#key, ciphertext))
    } catch (cause) {
      throw new FairtraceError('OUTBOX_CORRUPT', `a value of ${sealed.length} bytes does not open`, { cause })
    }
  }

  encryptJson(identity: string, value: unknown): Promise<Uint8Array> {
    return this.encrypt(identity, utf8.encode(JSON.stringify(value)))
  }

  /** @throws `OUTBOX_CORRUPT` */
  async decryptJson(identity: string, sealed: Uint8Array): Promise<unknown> {
    return JSON.parse(new TextDecoder().decode(await this.decrypt(identity, sealed)))
  }
}

function parameters(nonce: Uint8Array<ArrayBuffer>, identity: string) {
  return { name: 'AES-GCM', iv: nonce, additionalData: utf8.encode(identity) }
}
