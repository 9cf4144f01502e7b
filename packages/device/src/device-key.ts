/** The device's own Ed25519 key: it signs requests and batches, and never leaves the device. */
import { base64url, FairtraceError } from '@fairtrace/core'

/** A key as the platform's own WebCrypto names it, in Node and in a browser. */
type PlatformKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

export interface DeviceKey {
  readonly privateKey: PlatformKey
  /** Raw public key, base64url, 43 characters: what the server enrols and the lease names. */
  readonly publicKey: string
}

export async function createDeviceKey(): Promise<DeviceKey> {
  const made = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  // The types of WebCrypto don't know that this algorithm always makes a pair.
  return deviceKey((made as { privateKey: PlatformKey }).privateKey)
}

/** PKCS #8 bytes, for the encrypted store of the device only. */
export async function exportDeviceKey(key: DeviceKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey('pkcs8', key.privateKey))
}

/** @throws `OUTBOX_CORRUPT` if the bytes are no Ed25519 key */
export async function importDeviceKey(pkcs8: Uint8Array): Promise<DeviceKey> {
  try {
    return await deviceKey(
      await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), { name: 'Ed25519' }, true, ['sign']),
    )
  } catch (cause) {
    throw new FairtraceError('OUTBOX_CORRUPT', `the device key of ${pkcs8.length} bytes is no Ed25519 key`, { cause })
  }
}

export async function signWithDevice(key: DeviceKey, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, key.privateKey, new Uint8Array(bytes)))
}

/** 128 random bits, base64url, 22 characters: the form of every random id. */
export function randomId(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(16)))
}

async function deviceKey(privateKey: PlatformKey): Promise<DeviceKey> {
  // WebCrypto hands out no public key from a private one; its JWK carries it as `x` (RFC 8037).
  const { x } = await crypto.subtle.exportKey('jwk', privateKey)
  if (x === undefined) throw new FairtraceError('OUTBOX_CORRUPT', 'the device key has no public half')
  return { privateKey, publicKey: x }
}
