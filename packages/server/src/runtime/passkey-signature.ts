/** Checks a passkey's signature with Node's own cryptography: what core asks for, and can't do itself. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Passkey, VerifyPasskey } from '@fairtrace/core'

/** SubjectPublicKeyInfo of P-256 (RFC 5480) and Ed25519 (RFC 8410) up to the key itself. */
const SPKI_P256 = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

export const verifyPasskey: VerifyPasskey = (message, signature, passkey) =>
  verify(passkey.alg === 'ES256' ? 'sha256' : null, message, publicKeyOf(passkey), signature)

function publicKeyOf({ alg, key }: Passkey): KeyObject {
  const head = alg === 'ES256' ? SPKI_P256 : SPKI_ED25519
  const der = Buffer.concat([head, Buffer.from(key, 'base64url')])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}
