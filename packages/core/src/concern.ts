/**
 * Concerns: the objection of a participant, which others can join, by tokens that nobody can link to a person.
 *
 * Time is cut into rounds, one a calendar month in UTC (`2026-11`). In a round every participant gets one token to raise a
 * concern and one for each of the places that a concern can take, all at once and whether or not they want any. A token is a
 * blind signature (RFC 9474, RSABSSA-SHA384-PSS-Randomized) under a key that stands for one round and one use, over
 *
 * ```
 * nonce[32] ‖ "fairtrace/concern-token/v1\n" programme "\n" round "\n" use "\n"        use: raise, 0, 1 … 15
 * ```
 *
 * The keys of a round travel as one list, signed by the issuer (JWS, typ `ft-concern-keys+jwt`): moduli in the order of
 * `CONCERN_USES`; the exponent is always 65537. See `docs/decisions/0005-concern-tokens-come-to-everybody.md`.
 */
import { z } from 'zod'
import type { Charter } from './charter/charter-schema.ts'
import { digestPattern, programmeIdPattern } from './ids.ts'

export const CONCERN_TEXT_MAX = 2_000
/** Concerns that one round has room for. */
export const CONCERN_SLOTS = 16
/** A concern can be joined and left in the round that it was raised in and in the five after it. */
export const CONCERN_ROUNDS_LIVE = 6
export const CONCERN_KEYS_TYP = 'ft-concern-keys+jwt'
export const CONCERN_KEY_BYTES = 256
export const CONCERN_NONCE_BYTES = 32

export type ConcernUse = 'raise' | number
/** What the tokens of one set are for, in their order: the place in this list is the place in every message. */
export const CONCERN_USES: readonly ConcernUse[] = [
  'raise',
  ...Array.from({ length: CONCERN_SLOTS }, (_, slot) => slot),
]

export const concernRoundPattern = /^\d{4}-(?:0[1-9]|1[0-2])$/
/** 256 bytes in base64url: a modulus, a blinded message or a signature. */
export const concernNumberPattern = /^[A-Za-z0-9_-]{342}$/

export const concernKeysSchema = z.strictObject({
  programme: z.string().regex(programmeIdPattern),
  round: z.string().regex(concernRoundPattern),
  keys: z.array(z.string().regex(concernNumberPattern)).length(CONCERN_USES.length),
})
export type ConcernKeyList = z.infer<typeof concernKeysSchema>

export const concernTokenSchema = z.strictObject({
  nonce: z.string().regex(digestPattern),
  signature: z.string().regex(concernNumberPattern),
})
export type ConcernToken = z.infer<typeof concernTokenSchema>

export interface ConcernThresholds {
  /** Supporters from whom on worker representatives must answer. */
  readonly review: number
  /** Supporters from whom on the programme is paused, once a concern. */
  readonly pause: number
  /** How long the answer may take. */
  readonly reviewDeadlineMs: number
}

/** At how many supporters a concern forces what, as the charter says. */
export function concernThresholds({ concerns }: Charter): ConcernThresholds {
  return { review: concerns.review, pause: concerns.pause, reviewDeadlineMs: concerns.reviewDeadline }
}

/** The round of an instant: its month, in UTC. */
export function concernRound(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 'yyyy-mm'.length)
}

/** The oldest round whose concerns can still be joined. */
export function oldestLiveRound(nowMs: number): string {
  const now = new Date(nowMs)
  return concernRound(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - (CONCERN_ROUNDS_LIVE - 1), 1))
}

/** What stands in a token after its nonce. */
export function concernTokenLabel(programme: string, round: string, use: ConcernUse): Uint8Array {
  return new TextEncoder().encode(`fairtrace/concern-token/v1\n${programme}\n${round}\n${use}\n`)
}
