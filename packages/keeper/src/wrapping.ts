/**
 * The key that the custodian's passphrase opens: scrypt (RFC 7914) → AES-256-GCM over each secret in the store.
 *
 * ```
 * wrapped = nonce[12] ‖ ciphertext ‖ tag[16], AAD utf8 context
 * ```
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, scryptSync } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'

const NONCE_BYTES = 12
const TAG_BYTES = 16
// 64 MiB and about 0.2 s for each guess; once for each start.
const COST = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 }

export interface Wrapping {
  /** @param context what the secret is: it opens under this text alone */
  wrap(context: string, secret: Uint8Array): Buffer
  /** @throws `KEY_UNAVAILABLE` */
  unwrap(context: string, wrapped: Uint8Array): Buffer
  /** A name for somebody that says nothing to who hasn't the passphrase. */
  nameOf(text: string): Buffer
}

/** @throws `KEY_UNAVAILABLE` for an empty passphrase */
export function openWrapping(passphrase: string, salt: Uint8Array): Wrapping {
  if (passphrase.length === 0) throw new FairtraceError('KEY_UNAVAILABLE', 'the passphrase is empty')
  const key = scryptSync(passphrase.normalize('NFKC'), salt, 32, COST)
  const naming = createHmac('sha256', key).update('fairtrace/keeper-names/v1').digest()
  return {
    wrap(context, secret) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(context))
      return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
    },
    unwrap(context, wrapped) {
      try {
        const end = wrapped.length - TAG_BYTES
        const nonce = wrapped.subarray(0, NONCE_BYTES)
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(wrapped.subarray(end))
        return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, end)), decipher.final()])
      } catch {
        // Fails closed, and without OpenSSL's reason.
        throw new FairtraceError('KEY_UNAVAILABLE', "the keeper's store does not open: another passphrase, or damage")
      }
    },
    nameOf: (text) => createHmac('sha256', naming).update(text).digest(),
  }
}
