/**
 * The builder's box key: the X25519 key to which the vault seals content keys for a release.
 *
 * Derived from the signing seed, so that whoever makes an installation can write its public half down without the builder
 * running, and approvers sign for a key that lasts. `raw private key = HKDF-SHA256(seed, no salt, BOX_INFO, 32 bytes)`.
 */
import { hkdfSync } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { type X25519KeyPair, x25519KeyPair } from '../vault/hpke.ts'

const BOX_INFO = 'fairtrace/builder-box/v1'
const ROOM_BOX_INFO = 'fairtrace/room-box/v1'

/**
 * @param seed 32 bytes in base64url
 * @throws `KEY_UNAVAILABLE`
 */
export function builderBoxKey(seed: string): X25519KeyPair {
  return x25519KeyPair(derive(seed, BOX_INFO))
}

/** Raw, base64url, 43 characters: what a grant names as `recipientKey`. */
export function builderBoxPublicKey(seed: string): string {
  return builderBoxKey(seed).publicKeyRaw.toString('base64url')
}

/** The training room's, to which the vault seals the key of a release: as the builder's, from the room's seed. */
export function roomBoxKey(seed: string): X25519KeyPair {
  return x25519KeyPair(derive(seed, ROOM_BOX_INFO))
}

/** What a grant for a release names as `recipientKey`. */
export function roomBoxPublicKey(seed: string): string {
  return roomBoxKey(seed).publicKeyRaw.toString('base64url')
}

/** Under which the output of one run lies until it is shown; nobody but the room can derive it. */
export function roomOutputKey(seed: string, run: string): Buffer {
  return derive(seed, `fairtrace/room-output/v1\n${run}`)
}

/** Under which the builder knows people and types again from release to release. */
export function recordsKey(seed: string): Buffer {
  return derive(seed, 'fairtrace/release-records/v1')
}

/** The secret from which a release's chance comes: without it nobody repeats the draw, and so nobody undoes the shuffle. */
export function releaseSecret(seed: string, draw: string): Buffer {
  return derive(seed, `fairtrace/release-secret/v1\n${draw}`)
}

function derive(seed: string, info: string): Buffer {
  const raw = Buffer.from(seed, 'base64url')
  if (raw.length !== 32) throw new FairtraceError('KEY_UNAVAILABLE', `a seed of ${raw.length} bytes; 32 expected`)
  return Buffer.from(hkdfSync('sha256', raw, '', info, 32))
}
