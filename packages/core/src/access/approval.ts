/**
 * Approval: a passkey's signature (WebAuthn level 3, section 7.2) over a grant's hash.
 *
 * The challenge is the hash itself, so one assertion approves one grant and nothing else. Whoever acts on an approval verifies it
 * here against the passkey that the charter names for the approver: neither portal nor database is believed.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { fromBase64url } from '../base64url.ts'
import { digestPattern } from '../ids.ts'

/** COSE algorithms that count: ES256 with `key` the uncompressed P-256 point (65 bytes), EdDSA with the raw Ed25519 key (32 bytes). */
export const passkeySchema = z.discriminatedUnion('alg', [
  z.strictObject({
    alg: z.literal('ES256'),
    credential: z.string().regex(/^[A-Za-z0-9_-]{16,512}$/),
    key: z.string().regex(/^[A-Za-z0-9_-]{87}$/),
  }),
  z.strictObject({
    alg: z.literal('EdDSA'),
    credential: z.string().regex(/^[A-Za-z0-9_-]{16,512}$/),
    key: z.string().regex(digestPattern),
  }),
])
export type Passkey = z.infer<typeof passkeySchema>

const bytes = z.string().regex(/^[A-Za-z0-9_-]{1,4096}$/)

/** What `navigator.credentials.get` answers, each field base64url. */
export const assertionSchema = z.strictObject({
  credential: z.string().regex(/^[A-Za-z0-9_-]{16,512}$/),
  clientDataJSON: bytes,
  authenticatorData: bytes,
  signature: bytes,
})
export type Assertion = z.infer<typeof assertionSchema>

export const approvalSchema = z.strictObject({
  /** Name of the approver in the charter. */
  approver: z.string().min(1).max(128),
  assertion: assertionSchema,
})
export type Approval = z.infer<typeof approvalSchema>

/**
 * Checks one signature by a passkey's key. An answer other than `true`, or a throw, is a signature that doesn't count.
 * @param signature as WebAuthn gives it: ASN.1 DER for ES256, 64 raw bytes for EdDSA
 */
export type VerifyPasskey = (message: Uint8Array, signature: Uint8Array, passkey: Passkey) => boolean

const clientDataSchema = z.object({
  type: z.literal('webauthn.get'),
  challenge: z.string(),
  origin: z.url(),
  crossOrigin: z.literal(false).optional(),
  topOrigin: z.undefined().optional(),
})
const USER_PRESENT = 0x01
const USER_VERIFIED = 0x04
const RP_HASH_BYTES = 32
/** Relying party hash, flags, counter. */
const AUTHENTICATOR_DATA_BYTES_MIN = 37

/**
 * Whether the person behind `passkey` was there, proved it (finger, face or PIN), and meant exactly this challenge on a page of
 * this relying party. The signature counter is not looked at: an assertion is bound to its challenge, so replaying it says nothing new.
 *
 * @param challenge base64url, such as `grantHash(grant)`
 * @param rpId the relying party that the charter names, a host name
 */
export function isAsserted(
  assertion: Assertion,
  passkey: Passkey,
  challenge: string,
  rpId: string,
  verify: VerifyPasskey,
): boolean {
  try {
    if (assertion.credential !== passkey.credential) return false
    const clientData = fromBase64url(assertion.clientDataJSON)
    const data = fromBase64url(assertion.authenticatorData)
    const signature = fromBase64url(assertion.signature)
    if (clientData === null || data === null || signature === null) return false
    const said = clientDataSchema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(clientData)))
    if (!said.success || said.data.challenge !== challenge || !isPageOf(said.data.origin, rpId)) return false
    if (data.length < AUTHENTICATOR_DATA_BYTES_MIN) return false
    const rpHash = sha256(new TextEncoder().encode(rpId))
    if (!rpHash.every((byte, i) => byte === data[i])) return false
    const flags = data[RP_HASH_BYTES] ?? 0
    if ((flags & USER_PRESENT) === 0 || (flags & USER_VERIFIED) === 0) return false
    const clientDataHash = sha256(clientData)
    const message = new Uint8Array(data.length + clientDataHash.length)
    message.set(data)
    message.set(clientDataHash, data.length)
    return verify(message, signature, passkey) === true
  } catch {
    // Fails closed: an assertion that can't be checked doesn't count.
    return false
  }
}

/** Exactly the host, over TLS; `localhost` may do without, as browsers have it. */
function isPageOf(origin: string, rpId: string): boolean {
  const { protocol, hostname } = new URL(origin)
  return hostname === rpId && (protocol === 'https:' || (rpId === 'localhost' && protocol === 'http:'))
}
