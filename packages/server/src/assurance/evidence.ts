/** Evidence as the portal keeps it, and what each safeguard has to show. */
import { createHash } from 'node:crypto'
import { type Charter, EVIDENCE_TYP, type Evidence, evidenceSchema, freshEvidence } from '@fairtrace/core'
import { ed25519PublicKey, verifyJws } from '../runtime/jws.ts'
import type { OpenDatabase } from '../store/database.ts'
import { SAFEGUARDS } from './safeguards.ts'

export interface IssuedEvidence {
  readonly evidence: Evidence
  readonly jws: string
}

/** SHA-256 of the token, base64url: what the gate's statement and the ledger name. */
export function evidenceDigest(jws: string): string {
  return createHash('sha256').update(jws).digest('base64url')
}

/** All evidence under the issuer's signature, newest first. Rows that don't verify are as if absent. */
export async function readEvidence(database: OpenDatabase, charter: Charter): Promise<readonly IssuedEvidence[]> {
  const rows = await database.db
    .selectFrom('assurance.evidence')
    .select('jws')
    .orderBy('ended_at_ms', 'desc')
    .limit(EVIDENCE_ROWS_MAX)
    .execute()
  const issuer = ed25519PublicKey(charter.keys.issuer)
  return rows.flatMap(({ jws }) => {
    try {
      const parsed = evidenceSchema.safeParse(verifyJws(EVIDENCE_TYP, jws, issuer, 'SIGNATURE_INVALID'))
      return parsed.success ? [{ evidence: parsed.data, jws }] : []
    } catch {
      // Fails closed: what the issuer did not sign shows nothing.
      return []
    }
  })
}

/** Far more than a catalogue needs; what is older is shown in the ledger. */
const EVIDENCE_ROWS_MAX = 2_000

export interface SafeguardStanding {
  readonly safeguard: (typeof SAFEGUARDS)[number]
  readonly state: 'fresh' | 'failed' | 'over' | 'missing'
  /** The newest there is, whether or not it counts. */
  readonly newest: IssuedEvidence | null
}

/** How each safeguard stands now; only `fresh` counts anywhere. */
export function standings(
  issued: readonly IssuedEvidence[],
  charter: Charter,
  nowMs: number,
): readonly SafeguardStanding[] {
  const fresh = freshEvidence(
    issued.map(({ evidence }) => evidence),
    charter,
    nowMs,
  )
  return SAFEGUARDS.map((safeguard) => {
    const newest = issued.find(({ evidence }) => evidence.safeguard === safeguard.id) ?? null
    if (newest === null) return { safeguard, state: 'missing', newest }
    if (fresh.has(safeguard.id)) return { safeguard, state: 'fresh', newest }
    return { safeguard, state: newest.evidence.passed && newest.evidence.twin !== false ? 'over' : 'failed', newest }
  })
}
