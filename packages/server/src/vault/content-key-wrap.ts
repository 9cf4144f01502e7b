/**
 * How a content key lies at rest: sealed to a person whose private key is in two halves, of two custodians.
 *
 * ```
 * e        a fresh X25519 key pair, for this content key alone
 * key‖nonce = HKDF-SHA256(ikm = dh(e, vault's public) ‖ dh(e, keeper's public), no salt, info, 44 bytes)
 * info     utf8 "fairtrace/content-key-wrap/v2\n<content key id>\n<pseudonym>\n<generation>\n" ‖ e's public ‖ vault's ‖ keeper's
 * sealed   AES-256-GCM(key, nonce, content key) ‖ tag[16]
 * ```
 * Sealing needs public keys alone. Opening needs both agreements: the vault makes its own, the keeper gives the other, and neither
 * ever sees the other's private key. The curve's results are useless for any other content key, because each has its own e.
 */
import { createCipheriv, createDecipheriv, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { generateX25519 } from './hpke.ts'

const CONTEXT = 'fairtrace/content-key-wrap/v2'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
// DER prefix of RFC 8410 for an X25519 public key.
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')
const EMPTY = Buffer.alloc(0)

/** Whose content key it is, and which. */
export interface WrapName {
  readonly id: string
  readonly pseudonym: string
  readonly generation: number
}

/** Raw public keys, 32 bytes each. */
export interface WrapKeys {
  readonly vaultKey: Uint8Array
  readonly keeperKey: Uint8Array
}

export interface WrappedContentKey {
  /** Raw ephemeral public key, 32 bytes. */
  readonly enc: Buffer
  readonly sealed: Buffer
}

export function wrapContentKey(name: WrapName, keys: WrapKeys, contentKey: Uint8Array): WrappedContentKey {
  const ephemeral = generateX25519()
  const enc = ephemeral.publicKeyRaw
  const vaultShare = agree(ephemeral.privateKey, keys.vaultKey)
  const keeperShare = agree(ephemeral.privateKey, keys.keeperKey)
  const { key, nonce } = derive(name, keys, enc, vaultShare, keeperShare)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  return { enc, sealed: Buffer.concat([cipher.update(contentKey), cipher.final(), cipher.getAuthTag()]) }
}

export interface UnwrapInput {
  readonly name: WrapName
  readonly keys: WrapKeys
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
  /** The vault's own half of the person's private key. */
  readonly vaultPrivate: KeyObject
  /** The keeper's agreement with `enc`, 32 bytes. */
  readonly keeperShare: Uint8Array
}

/** @throws `KEY_UNAVAILABLE`: another person's key, another name, or a share that is not the keeper's */
export function unwrapContentKey({ name, keys, enc, sealed, vaultPrivate, keeperShare }: UnwrapInput): Buffer {
  try {
    const { key, nonce } = derive(name, keys, enc, agree(vaultPrivate, enc), keeperShare)
    const end = sealed.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAuthTag(sealed.subarray(end))
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
  } catch {
    // Fails closed, and without OpenSSL's reason.
    throw new FairtraceError('KEY_UNAVAILABLE', 'a content key does not open with both halves')
  }
}

function derive(
  { id, pseudonym, generation }: WrapName,
  { vaultKey, keeperKey }: WrapKeys,
  enc: Uint8Array,
  vaultShare: Uint8Array,
  keeperShare: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const head = Buffer.from(`${CONTEXT}\n${id}\n${pseudonym}\n${generation}\n`)
  const info = Buffer.concat([head, enc, vaultKey, keeperKey])
  const ikm = Buffer.concat([vaultShare, keeperShare])
  const bytes = new Uint8Array(hkdfSync('sha256', ikm, EMPTY, info, KEY_BYTES + NONCE_BYTES))
  ikm.fill(0)
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) }
}

/** @throws whatever OpenSSL says, also for a point of small order */
function agree(privateKey: KeyObject, publicRaw: Uint8Array): Buffer {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_X25519, publicRaw]), format: 'der', type: 'spki' })
  return diffieHellman({ privateKey, publicKey })
}
