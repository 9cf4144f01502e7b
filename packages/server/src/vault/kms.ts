/**
 * Key management: where the key-encryption keys of the keystore are kept.
 *
 * Each generation of the keystore has a key of its own here, which wraps one random key-encryption key. Rolling makes a new
 * one and destroys the old one, so that nothing copied before opens afterwards. One suite runs against every implementation.
 */
import { FairtraceError } from '@fairtrace/core'

export interface Kms {
  readonly kind: 'local' | 'transit' | 'aws'
  /**
   * Makes a key. Asked again for the same name, after a crash, it gives the same one.
   * @param name lower-case letters, digits and hyphens
   * @returns its id, for the calls below
   * @throws `KMS_UNAVAILABLE` as every call here, if the key management doesn't answer, or refuses
   */
  createKey(name: string): Promise<string>
  /** @param context what the secret is; a wrapped secret opens under this text alone */
  wrap(keyId: string, context: string, secret: Uint8Array): Promise<Buffer>
  /** @throws `KEY_UNAVAILABLE` for another context, another key or damaged bytes, and for a key that is destroyed */
  unwrap(keyId: string, context: string, wrapped: Uint8Array): Promise<Buffer>
  /**
   * From here on nothing is unwrapped under it. A key that isn't there is destroyed already.
   * @returns until when the service's own staff could take it back, in Unix ms; null where it is gone at once
   */
  destroyKey(keyId: string): Promise<{ readonly revocableUntilMs: number | null }>
  close(): void
}

/** Longer than a key management under load takes, shorter than anybody waits. */
export const KMS_MS_MAX = 5_000

export function kmsUnavailable(what: string, cause?: unknown): FairtraceError {
  return new FairtraceError('KMS_UNAVAILABLE', what, cause === undefined ? undefined : { cause })
}

/** Fails closed, and without the reason of who refused: it may name keys. */
export function doesNotOpen(): FairtraceError {
  return new FairtraceError('KEY_UNAVAILABLE', 'a wrapped key does not open: another key or context, or damaged')
}
