/** `nonce[12] ‖ ciphertext ‖ tag[16]`: AES-256-GCM with a context as AAD. How one key lies wrapped under another, here and locally. */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { doesNotOpen } from './kms.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param key 32 bytes */
export function wrapBytes(key: Uint8Array | KeyObject, context: string, secret: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
}

/** @throws `KEY_UNAVAILABLE` */
export function unwrapBytes(key: Uint8Array | KeyObject, context: string, wrapped: Uint8Array): Buffer {
  try {
    const end = wrapped.length - TAG_BYTES
    const nonce = wrapped.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(wrapped.subarray(end))
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, end)), decipher.final()])
  } catch {
    // Fails closed, and without OpenSSL's reason.
    throw doesNotOpen()
  }
}
