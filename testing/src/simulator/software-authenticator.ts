/**
 * An authenticator (WebAuthn level 3, section 6) in software: the key of a simulated person, which answers as a phone or key
 * fob would after their finger. It answers for whatever page it is told, so it also plays the ones that a browser would stop.
 */
import { createECDH, createHash, createPrivateKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Assertion, Passkey } from '@fairtrace/core'

interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id?: string }
}

interface RequestOptions {
  readonly challenge: string
  readonly rpId?: string
}

export interface SoftwareAuthenticator {
  /** Credential id, base64url. */
  readonly id: string
  /** What `navigator.credentials.create` would give on a page of this origin: ES256, attestation `none`. */
  create(options: CreationOptions, origin: string): CreatedPasskey
  /** What `navigator.credentials.get` would give there; counts one use. */
  get(options: RequestOptions, origin: string): PasskeyAssertion
  /** Its public half, as a charter names it. */
  readonly passkey: Passkey
  /** The same as `get`, in the form in which approvals carry it. */
  assert(options: RequestOptions, origin: string): Assertion
  /** Another with the same key and the same count, as after a theft. */
  clone(): SoftwareAuthenticator
}

interface CreatedPasskey {
  readonly id: string
  readonly response: { readonly clientDataJSON: string; readonly attestationObject: string }
}

interface PasskeyAssertion {
  readonly id: string
  readonly response: {
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
  }
}

const USER_PRESENT = 0x01
const USER_VERIFIED = 0x04
const HAS_CREDENTIAL = 0x40

export interface AuthenticatorSettings {
  /** Whether it asks for finger, face or PIN. */
  readonly isUserVerified?: boolean
  /** The same text gives the same authenticator. */
  readonly seed?: string
}

export function softwareAuthenticator({
  isUserVerified = true,
  seed,
}: AuthenticatorSettings = {}): SoftwareAuthenticator {
  const secret = seed === undefined ? randomBytes(32) : sha256(Buffer.from(`fairtrace authenticator key ${seed}`))
  const id = seed === undefined ? randomBytes(16) : sha256(Buffer.from(`fairtrace authenticator id ${seed}`))
  return withKey(p256Key(secret), id.subarray(0, 16), 0, isUserVerified ? USER_PRESENT | USER_VERIFIED : USER_PRESENT)
}

function p256Key(secret: Buffer): KeyObject {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret)
  const point = curve.getPublicKey()
  const text = (bytes: Buffer) => bytes.toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', x: text(point.subarray(1, 33)), y: text(point.subarray(33)), d: text(secret) }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

function withKey(
  privateKey: KeyObject,
  credentialId: Buffer,
  startCount: number,
  flags: number,
): SoftwareAuthenticator {
  let count = startCount
  const id = credentialId.toString('base64url')
  const self: SoftwareAuthenticator = {
    id,
    passkey: { alg: 'ES256', credential: id, key: pointOf(privateKey).toString('base64url') },
    assert: (options, origin) => ({ credential: id, ...self.get(options, origin).response }),
    create: ({ challenge, rp }, origin) => {
      const credential = Buffer.concat([
        Buffer.alloc(16),
        uint16(credentialId.length),
        credentialId,
        coseKey(privateKey),
      ])
      const data = Buffer.concat([
        authenticatorData(rp.id ?? hostOf(origin), flags | HAS_CREDENTIAL, count),
        credential,
      ])
      const clientData = clientDataJson('webauthn.create', challenge, origin)
      return {
        id,
        response: { clientDataJSON: clientData.toString('base64url'), attestationObject: attestation(data) },
      }
    },
    get: ({ challenge, rpId }, origin) => {
      count++
      const data = authenticatorData(rpId ?? hostOf(origin), flags, count)
      const clientData = clientDataJson('webauthn.get', challenge, origin)
      const signature = sign('sha256', Buffer.concat([data, sha256(clientData)]), privateKey)
      return {
        id,
        response: {
          clientDataJSON: clientData.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
        },
      }
    },
    clone: () =>
      withKey(createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })), credentialId, count, flags),
  }
  return self
}

/** Uncompressed (SEC 1, section 2.3.3). */
function pointOf(privateKey: KeyObject): Buffer {
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' })
  return Buffer.concat([Buffer.from([0x04]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
}

/** Hash of the portal's name, flags, count: the 37 bytes that every answer begins with. */
function authenticatorData(rpId: string, flags: number, count: number): Buffer {
  const counter = Buffer.alloc(4)
  counter.writeUInt32BE(count)
  return Buffer.concat([sha256(Buffer.from(rpId)), Buffer.from([flags]), counter])
}

function clientDataJson(type: string, challenge: string, origin: string): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
}

/** COSE_Key (RFC 9053, section 7.1.1): `{1: 2, 3: -7, -1: 1, -2: x, -3: y}` in CBOR. */
function coseKey(privateKey: KeyObject): Buffer {
  const { x = '', y = '' } = privateKey.export({ format: 'jwk' })
  const coordinate = (text: string) => Buffer.concat([Buffer.from([0x58, 32]), Buffer.from(text, 'base64url')])
  const head = Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21])
  return Buffer.concat([head, coordinate(x), Buffer.from([0x22]), coordinate(y)])
}

/** `{"fmt": "none", "attStmt": {}, "authData": h'…'}` in CBOR. */
function attestation(data: Buffer): string {
  const text = (value: string) => Buffer.concat([Buffer.from([0x60 | value.length]), Buffer.from(value)])
  return Buffer.concat([
    Buffer.from([0xa3]),
    text('fmt'),
    text('none'),
    text('attStmt'),
    Buffer.from([0xa0]),
    text('authData'),
    Buffer.from([0x58, data.length]),
    data,
  ]).toString('base64url')
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function hostOf(origin: string): string {
  return new URL(origin).hostname
}
