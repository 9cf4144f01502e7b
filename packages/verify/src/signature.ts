/** Ed25519 signatures, notes and JWS, checked with `@noble/curves` so that a browser can do it too. */
import { type ErrorCode, FairtraceError, fromBase64url } from '@fairtrace/core'
import { ed25519 } from '@noble/curves/ed25519.js'
import { utf8 } from './encoding.ts'
import { publicKeyOf } from './verifier-key.ts'

/** Strict RFC 8032 rules; what can't be checked is not valid. */
export function isSigned(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    // Fails closed: a malformed key or signature vouches for nothing.
    return false
  }
}

/**
 * Verifies a compact JWS of the one form that Fairtrace writes: header `{"alg":"EdDSA","typ":…}`, nothing to choose.
 * @returns the payload, still to be parsed by its schema
 * @throws `code`, whatever is wrong
 */
export function verifyJws(typ: string, token: string, publicKey: string, code: ErrorCode): unknown {
  const [head, payload, signature, ...rest] = token.trim().split('.').map(fromBase64url)
  if (!head || !payload || !signature || rest.length > 0) throw new FairtraceError(code, `this is no ${typ}`)
  if (utf8(head) !== JSON.stringify({ alg: 'EdDSA', typ })) throw new FairtraceError(code, `this is no ${typ}`)
  const signed = new TextEncoder().encode(token.trim().slice(0, token.trim().lastIndexOf('.')))
  if (!isSigned(signed, signature, publicKeyOf(publicKey)))
    throw new FairtraceError(code, 'the signature does not verify')
  try {
    return JSON.parse(utf8(payload) ?? '')
  } catch (cause) {
    throw new FairtraceError(code, 'the payload is no JSON', { cause })
  }
}
