/**
 * Values at rest on a desktop: AES-256-GCM under the device's storage key, `nonce[12] ‖ ciphertext ‖ tag[16]`.
 *
 * The associated data is the row's identity, so that a value moved to another row does not open.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'

const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface SealedValues {
  encrypt(identity: string, bytes: Uint8Array): Uint8Array
  /** @throws `OUTBOX_CORRUPT` */
  decrypt(identity: string, sealed: Uint8Array): Uint8Array
  encryptJson(identity: string, value: unknown): Uint8Array
  /** @throws `OUTBOX_CORRUPT` */
  decryptJson(identity: string, sealed: Uint8Array): unknown
}

export function sealedValues(storageKey: Uint8Array): SealedValues {
  const encrypt = (identity: string, bytes: Uint8Array): Uint8Array => {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', storageKey, nonce).setAAD(Buffer.from(identity))
    return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  }
  const decrypt = (identity: string, sealed: Uint8Array): Uint8Array => {
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', storageKey, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(identity)).setAuthTag(sealed.subarray(-TAG_BYTES))
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    } catch (cause) {
      throw new FairtraceError('OUTBOX_CORRUPT', `a value of ${sealed.length} bytes does not open`, { cause })
    }
  }
  return {
    encrypt,
    decrypt,
    encryptJson: (identity, value) => encrypt(identity, Buffer.from(JSON.stringify(value))),
    decryptJson: (identity, sealed) => JSON.parse(Buffer.from(decrypt(identity, sealed)).toString('utf8')),
  }
}
