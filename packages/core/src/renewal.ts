/**
 * Renewal: how a device that has shown its Ed25519 key once asks for the next lease, and for revocations, at the price of a MAC.
 *
 *     Authorization: Renewal <device>.<keyEndsAtMs>.<atMs>.<mac>
 *     mac = base64url(HMAC-SHA-256(renewal key, "fairtrace/renewal/v1\n<purpose>\n<device>\n<keyEndsAtMs>\n<atMs>\n"))
 *
 * The key is 32 bytes that the portal derives anew for every request and keeps nowhere; it reaches the device sealed to a
 * one-time key. `atMs` is the portal's time as the device reckons it, so that it can be held to seconds whatever the
 * device's own clock says. Who overhears a renewal can do nothing with it: it is good once, at one portal, for seconds.
 */
import { id128Pattern } from './ids.ts'

export const RENEWAL_SCHEME = 'Renewal'
/** HPKE info (RFC 9180) under which a portal seals the answer that carries the key. */
export const RENEWAL_INFO = 'fairtrace/renewal-key/v1'
export const RENEWAL_KEY_BYTES = 32
/** The longest that a renewal key is good for. */
export const RENEWAL_KEY_MS_MAX = 3_600_000
/** How far `atMs` may be from the portal's clock. */
export const RENEWAL_SKEW_MS_MAX = 10_000

/** A token made to renew opens no stream of revocations, and the other way round. */
export type RenewalPurpose = 'lease' | 'events'

export interface RenewalClaims {
  readonly device: string
  /** When the key ends, by the portal's clock; exclusive. */
  readonly keyEndsAtMs: number
  readonly atMs: number
}

/** What the MAC is over. */
export function renewalText(purpose: RenewalPurpose, { device, keyEndsAtMs, atMs }: RenewalClaims): string {
  return `fairtrace/renewal/v1\n${purpose}\n${device}\n${keyEndsAtMs}\n${atMs}\n`
}

/** @param mac base64url, 43 characters */
export function renewalToken({ device, keyEndsAtMs, atMs }: RenewalClaims, mac: string): string {
  return `${device}.${keyEndsAtMs}.${atMs}.${mac}`
}

/** @returns null for what is no token; nothing of it is proved yet */
export function parseRenewalToken(token: string): (RenewalClaims & { readonly mac: string }) | null {
  const parts = /^([A-Za-z0-9_-]{22})\.(\d{1,15})\.(\d{1,15})\.([A-Za-z0-9_-]{43})$/.exec(token)
  const [, device = '', keyEndsAtMs, atMs, mac = ''] = parts ?? []
  if (parts === null || !id128Pattern.test(device)) return null
  return { device, keyEndsAtMs: Number(keyEndsAtMs), atMs: Number(atMs), mac }
}
