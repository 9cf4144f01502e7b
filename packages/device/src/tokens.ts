/**
 * The tokens that a device signs and checks: compact JWS (RFC 7515), EdDSA (RFC 8037).
 *
 * The header is exactly `{"alg":"EdDSA","typ":"…"}`, byte for byte, so that no header can choose an algorithm or a key.
 */
import { base64url, type ErrorCode, FairtraceError, LEASE_TYP, type Lease, leaseSchema } from '@fairtrace/core'
import { CompactSign, compactVerify, base64url as jose } from 'jose'
import type { DeviceKey } from './device-key.ts'

export const LEASE_REQUEST_TYP = 'ft-lease-request+jwt'
export const PERMIT_REQUEST_TYP = 'ft-permit-request+jwt'

const utf8 = new TextEncoder()

export function signRequest(typ: string, payload: unknown, key: DeviceKey): Promise<string> {
  return new CompactSign(utf8.encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', typ })
    .sign(key.privateKey)
}

/**
 * Verifies a lease against the issuer key that the device pinned, and returns what it says.
 * @param issuerKey raw Ed25519 public key, base64url
 * @throws `LEASE_INVALID`, whatever is wrong with the token
 */
export async function verifyLease(token: string, issuerKey: string): Promise<Lease> {
  const lease = leaseSchema.safeParse(await verifyToken(LEASE_TYP, token, issuerKey, 'LEASE_INVALID'))
  if (!lease.success) {
    const field = lease.error.issues[0]?.path.join('.') ?? 'token'
    throw new FairtraceError('LEASE_INVALID', `the lease does not have the form of one at "${field}"`)
  }
  return lease.data
}

/**
 * What a lease says that this device checked when it got it, and has kept encrypted since.
 * @throws `OUTBOX_CORRUPT`
 */
export function readLease(token: string): Lease {
  try {
    return leaseSchema.parse(JSON.parse(new TextDecoder().decode(jose.decode(token.split('.')[1] ?? ''))))
  } catch (cause) {
    throw new FairtraceError('OUTBOX_CORRUPT', 'a recording is kept without the lease that it was captured under', {
      cause,
    })
  }
}

/** Whether `signature` (base64url) over the UTF-8 of `text` is by `publicKey` (raw Ed25519, base64url). */
export async function isSignedBy(publicKey: string, text: string, signature: string): Promise<boolean> {
  try {
    const key = await importPublicKey(publicKey)
    return await crypto.subtle.verify(
      { name: 'Ed25519' },
      key,
      new Uint8Array(jose.decode(signature)),
      utf8.encode(text),
    )
  } catch {
    // A key or a signature that can't be read proves nothing: denied.
    return false
  }
}

/** @returns the payload, still to be parsed @throws `code`, whatever is wrong with the token */
export async function verifyToken(typ: string, token: string, publicKey: string, code: ErrorCode): Promise<unknown> {
  const head = base64url(utf8.encode(JSON.stringify({ alg: 'EdDSA', typ })))
  if (token.split('.')[0] !== head) throw new FairtraceError(code, `the token is no ${typ}`)
  try {
    const { payload } = await compactVerify(token, await importPublicKey(publicKey), { algorithms: ['EdDSA'] })
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (cause) {
    throw new FairtraceError(code, `the ${typ} does not verify under the pinned key`, { cause })
  }
}

function importPublicKey(raw: string) {
  return crypto.subtle.importKey('raw', new Uint8Array(jose.decode(raw)), { name: 'Ed25519' }, false, ['verify'])
}
