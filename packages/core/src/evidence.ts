/**
 * Evidence: the signed result of one drill, which says that a safeguard held, or that it did not, and for how long that counts.
 *
 * ```
 * header  {"alg":"EdDSA","typ":"ft-evidence+jwt"}
 * payload {"v":1,"safeguard":"table-rights","drill":"wrong-table-right","promise":4,"passed":true,"detectMs":812,…}
 * ```
 * Compact JWS (RFC 7515), signed by the programme's issuer key. The issuer signs what it can see itself: that the drill was
 * registered in the ledger before anything was planted, and, where the drill exposes something, the exposure and the
 * acknowledgements in its own tables (`basis: "observed"`). Of an attack that was refused elsewhere it has the runner's word
 * (`basis: "reported"`), and says so.
 */
import { z } from 'zod'
import { canonicalJson } from './canonical-json.ts'
import type { Charter } from './charter/charter-schema.ts'
import { digestPattern, programmeIdPattern } from './ids.ts'

export const EVIDENCE_TYP = 'ft-evidence+jwt'
const DRILL_CONTEXT = 'fairtrace/drill/v1\n'

/** The five promises, by number, as the README lists them. */
export const PROMISES = [1, 2, 3, 4, 5] as const
export type PromiseNumber = (typeof PROMISES)[number]

const name = z.string().regex(/^[a-z][a-z0-9-]{1,63}$/)
/** What the starter of an unannounced drill chose: 16 to 64 bytes in base64url. */
export const noncePattern = /^[A-Za-z0-9_-]{22,86}$/

export const evidenceSchema = z.strictObject({
  v: z.literal(1),
  safeguard: name,
  drill: name,
  promise: z.literal(PROMISES),
  passed: z.boolean(),
  startedAtMs: z.int().min(0),
  endedAtMs: z.int().min(0),
  /** From planting to the exposure; null where the attack was refused and nothing had to be found. */
  detectMs: z.int().min(0).nullable(),
  /** From the exposure to the last live point's acknowledgement. */
  containMs: z.int().min(0).nullable(),
  /** Whether the drill went red with its safeguard removed; null where that was not tried in the same run. */
  twin: z.boolean().nullable(),
  basis: z.enum(['observed', 'reported']),
  /** What the server ran. */
  build: z.string().min(1).max(128),
  programme: z.string().regex(programmeIdPattern),
  charter: z.string().regex(digestPattern),
  epoch: z.int().min(0),
  /** Of an unannounced drill: what its starter chose; null for any other. */
  nonce: z.string().regex(noncePattern).nullable(),
  /** Position in the ledger of the drill's registration. */
  drillEntry: z.int().min(0),
})
export type Evidence = z.infer<typeof evidenceSchema>

/**
 * Which safeguards have evidence that counts now: the newest of each passed, is no older than the charter allows, and is about a
 * build that was reviewed. What isn't in the answer has none.
 *
 * The newest decides, so a drill that failed takes away what an older one showed.
 * @param rows whose signatures have been verified
 * @param nowMs Unix milliseconds; evidence from later than that counts for nothing
 */
export function freshEvidence(
  rows: readonly Evidence[],
  charter: Charter,
  nowMs: number,
): ReadonlyMap<string, Evidence> {
  const newest = new Map<string, Evidence>()
  for (const row of rows) {
    if (row.programme !== charter.programme) continue
    const known = newest.get(row.safeguard)
    // Of two that ended in the same millisecond the worse one stands.
    const isNewer = known === undefined || row.endedAtMs > known.endedAtMs
    if (isNewer || (row.endedAtMs === known.endedAtMs && !row.passed)) newest.set(row.safeguard, row)
  }
  return new Map([...newest].filter(([, row]) => isFresh(row, charter, nowMs)))
}

/** When a piece of evidence stops to count, in Unix milliseconds, exclusive. */
export function evidenceEndsAtMs(evidence: Evidence, charter: Charter): number {
  return evidence.endedAtMs + charter.assurance.evidence
}

function isFresh(row: Evidence, charter: Charter, nowMs: number): boolean {
  // Stated as what we accept, so that a NaN clock falls outside it.
  const isInTime = row.endedAtMs <= nowMs && nowMs < evidenceEndsAtMs(row, charter)
  return row.passed && row.twin !== false && isInTime && charter.builds.server.includes(row.build)
}

/** What somebody who starts an unannounced drill signs with the key that the charter names for them: the programme and their nonce. */
export function drillStartMessage(start: { readonly programme: string; readonly nonce: string }): Uint8Array {
  const { programme, nonce } = start
  return new TextEncoder().encode(DRILL_CONTEXT + canonicalJson({ programme, nonce }))
}
