/**
 * The consent receipt that a participant keeps: compact JWS (RFC 7515), signed EdDSA by the programme's issuer key.
 *
 * ```
 * header  {"alg":"EdDSA","typ":"ft-receipt+jwt"}
 * payload {"v":1,"programme":"orders","pseudonym":"…","consentVersion":1,"state":"given","categories":["pointer"],…}
 * ```
 * `record` says the same as an ISO/IEC TS 27560 record in DPV terms (`consent-record.ts`).
 */
import { z } from 'zod'
import { appIdPattern } from './action.ts'
import { consentRecordSchema } from './consent-record.ts'
import { digestPattern, id128Pattern, programmeIdPattern } from './ids.ts'
import { CATEGORIES } from './lease.ts'

export const RECEIPT_TYP = 'ft-receipt+jwt'

export const receiptSchema = z.strictObject({
  v: z.literal(1),
  programme: z.string().regex(programmeIdPattern),
  pseudonym: z.string().regex(id128Pattern),
  /** Counts a participant's decisions from 1. */
  consentVersion: z.int().min(1),
  noticeVersion: z.int().min(1),
  /** SHA-256 of the notice's text in UTF-8, base64url. */
  noticeDigest: z.string().regex(digestPattern),
  charter: z.string().regex(digestPattern),
  state: z.enum(['given', 'withdrawn']),
  /** What is allowed from this moment on: empty after a withdrawal. */
  categories: z.array(z.enum(CATEGORIES)),
  apps: z.array(z.string().regex(appIdPattern)).max(200),
  atMs: z.int(),
  record: consentRecordSchema,
})
export type Receipt = z.infer<typeof receiptSchema>
