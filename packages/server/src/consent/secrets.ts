/** Codes and sessions: random, shown once, kept only as a hash. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 128 random bits, base64url, 22 characters: invitation codes, pseudonyms, device ids. */
export function newId128(): string {
  return randomBytes(16).toString('base64url')
}

/** 256 random bits, base64url, 43 characters. */
export function newSession(): string {
  return randomBytes(32).toString('base64url')
}

/** No salt and no stretching: what is hashed is random, so there is nothing to guess. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Compares in a time that doesn't depend on where two texts differ. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
