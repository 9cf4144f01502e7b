/** A stored passkey as a charter names it under an approver: the COSE key (RFC 9053) taken apart. */
import type { Passkey } from '@fairtrace/core'
import { cose, decodeCredentialPublicKey, isoBase64URL } from '@simplewebauthn/server/helpers'
import type { StoredPasskey } from './passkey-store.ts'

/** @returns null for a key of another kind than approvals may be given with (ES256, EdDSA) */
export function charterPasskey({ id, publicKey }: StoredPasskey): Passkey | null {
  const key = decodeCredentialPublicKey(publicKey)
  if (cose.isCOSEPublicKeyEC2(key) && key.get(cose.COSEKEYS.alg) === cose.COSEALG.ES256) {
    const x = key.get(cose.COSEKEYS.x)
    const y = key.get(cose.COSEKEYS.y)
    if (x?.length !== 32 || y?.length !== 32) return null
    return { alg: 'ES256', credential: id, key: isoBase64URL.fromBuffer(Uint8Array.of(4, ...x, ...y)) }
  }
  if (cose.isCOSEPublicKeyOKP(key) && key.get(cose.COSEKEYS.alg) === cose.COSEALG.EdDSA) {
    const x = key.get(cose.COSEKEYS.x)
    return x?.length === 32 ? { alg: 'EdDSA', credential: id, key: isoBase64URL.fromBuffer(new Uint8Array(x)) } : null
  }
  return null
}
