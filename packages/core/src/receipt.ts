/**
 * The consent receipt that a participant keeps: compact JWS (RFC 7515), signed EdDSA by the programme's issuer key.
 *
 * ```
 * header  {"alg":"EdDSA","typ":"ft-receipt+jwt"}
 * payload {"v":1,"programme":"orders","pseudonym":"…","consentVersion":1,"state":"given","categories":["pointer"],…}
 * ```
 * `record` says the same in the Data Privacy Vocabulary (DPV 2.3). It claims no conformance to ISO/IEC TS 27560: the full,
 * validated record is a document of its own.
 */
import { z } from 'zod'
import { appIdPattern } from './action.ts'
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
  /** JSON-LD. */
  record: z.record(z.string(), z.unknown()),
})
export type Receipt = z.infer<typeof receiptSchema>
