/**
 * Lease and permit: compact JWS (RFC 7515) signed EdDSA (RFC 8037) by the programme's issuer key.
 *
 * A **lease** lets one device capture for a minute; a **permit** lets one sealed batch in, and names no person and no
 * device, so that intake doesn't learn whose batch it is. Times are Unix milliseconds; ends are exclusive.
 * Here are their contents and the decision; signing and verifying need a key and live with who has it.
 */
import { z } from 'zod'
import { appIdPattern } from './action.ts'
import { digestPattern, id128Pattern, programmeIdPattern } from './ids.ts'
import type { AppId } from './input-event.ts'

export const LEASE_TYP = 'ft-lease+jwt'
export const PERMIT_TYP = 'ft-permit+jwt'
export const LEASE_MS = 60_000
/** How far a device's clock may be from the portal's; beyond it there is no lease. A lease is never longer for it. */
export const DEVICE_CLOCK_SKEW_MS_MAX = 5 * 60_000
export const PERMIT_MS = 60_000

/** What a participant can allow apart from each other. */
export const CATEGORIES = ['pointer', 'keyboard', 'switches'] as const
export type Category = (typeof CATEGORIES)[number]

export const leaseSchema = z.strictObject({
  programme: z.string().regex(programmeIdPattern),
  epoch: z.int().min(0),
  charter: z.string().regex(digestPattern),
  noticeVersion: z.int().min(1),
  consentVersion: z.int().min(1),
  pseudonym: z.string().regex(id128Pattern),
  device: z.string().regex(id128Pattern),
  /** Raw Ed25519 public key of the device, base64url: the vault checks the batch's signature with it. */
  deviceKey: z.string().regex(digestPattern),
  /** Digest of the build that the device declares. */
  build: z.string().min(1).max(128),
  categories: z.array(z.enum(CATEGORIES)),
  apps: z.array(z.string().regex(appIdPattern)).max(200),
  startsAtMs: z.int(),
  endsAtMs: z.int(),
  /**
   * What it answers: SHA-256 of the request (base64url), or the MAC of a renewal. A device takes no lease that answers
   * something else, so that nobody can hand it an old one.
   */
  request: z.string().regex(digestPattern).optional(),
})
export type Lease = z.infer<typeof leaseSchema>

export const permitSchema = z.strictObject({
  programme: z.string().regex(programmeIdPattern),
  epoch: z.int().min(0),
  batch: z.string().regex(digestPattern),
  startsAtMs: z.int(),
  endsAtMs: z.int(),
})
export type Permit = z.infer<typeof permitSchema>

/** Why a device may not capture. Closed: every reason has its own sentence in the interface. */
export type DenyReason = 'no-lease' | 'lease-over' | 'category' | 'app'
export type Decision = { readonly allow: true } | { readonly allow: false; readonly reason: DenyReason }

export interface Observation {
  readonly atMs: number
  readonly category: Category
  readonly app: AppId
}

/**
 * Decides whether one input event may become part of a recording.
 *
 * Pure, and the only place this is decided: every source calls it. Absence denies.
 * @param lease the device's lease, or `null` if it holds none; times in Unix milliseconds, end exclusive
 */
export function decideCapture(lease: Lease | null, seen: Observation): Decision {
  if (lease === null) return { allow: false, reason: 'no-lease' }
  // Stated as what we accept, so that a NaN timestamp falls outside it.
  const inPeriod = lease.startsAtMs <= seen.atMs && seen.atMs < lease.endsAtMs
  if (!inPeriod) return { allow: false, reason: 'lease-over' }
  if (!lease.categories.includes(seen.category)) return { allow: false, reason: 'category' }
  if (!lease.apps.includes(seen.app)) return { allow: false, reason: 'app' }
  return { allow: true }
}
