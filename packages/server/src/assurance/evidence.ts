/**
 * Evidence as the portal issues and keeps it. It signs what it can see in its own tables: the drill's registration, and, where
 * something was exposed, the exposure and how long everything took. Of a refused attack it has the runner's word, and says so.
 */
import { createHash } from 'node:crypto'
import {
  type Charter,
  type ErrorCode,
  EVIDENCE_TYP,
  type Evidence,
  evidenceSchema,
  FairtraceError,
  freshEvidence,
  isFairtraceError,
} from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import { SERVER_BUILD } from '../runtime/build.ts'
import { ed25519PublicKey, type Signer, signJws, verifyJws } from '../runtime/jws.ts'
import { readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { reopenAfterDrill } from './gate.ts'
import { observeDrill } from './observed.ts'
import { SAFEGUARDS, safeguardOf } from './safeguards.ts'

export const DRILL_ENDED_ENTRY = 'drill.ended'

/** What the runner says of its run. */
export interface DrillReport {
  readonly passed: boolean
  readonly detectMs: number | null
  readonly containMs: number | null
  readonly twin: boolean | null
}

export interface IssuedEvidence {
  readonly evidence: Evidence
  readonly jws: string
}

/**
 * Ends an open drill and issues what it showed, passed or not.
 * @param nowMs by the installation's clock, by which evidence expires
 * @throws `NOT_FOUND`, `LEDGER_UNAVAILABLE`, and then the drill is still open
 */
export async function endDrill(
  database: OpenDatabase,
  issuer: Signer,
  id: string,
  report: DrillReport,
  nowMs: number,
): Promise<IssuedEvidence & { readonly reopened: boolean }> {
  const programme = await readProgramme(database, null)
  const row = await database.db
    .selectFrom('assurance.drills')
    .selectAll()
    .where('id', '=', id)
    .where('state', '=', 'open')
    .executeTakeFirst()
  const safeguard = row === undefined ? undefined : safeguardOf(row.drill)
  if (programme === null || row === undefined || safeguard === undefined) {
    throw new FairtraceError('NOT_FOUND', 'no such drill is open')
  }
  const seen = await observeDrill(database, row)
  const evidence: Evidence = evidenceSchema.parse({
    v: 1,
    safeguard: safeguard.id,
    drill: safeguard.drill,
    promise: safeguard.promise,
    // Never better than what was seen here.
    passed: report.passed && (seen === null || seen.isWhole),
    startedAtMs: nowMs - Math.max(0, Date.now() - row.registered_at_ms),
    endedAtMs: nowMs,
    detectMs: seen === null ? report.detectMs : seen.detectMs,
    containMs: seen === null ? report.containMs : seen.containMs,
    twin: report.twin,
    basis: seen === null ? 'reported' : 'observed',
    build: SERVER_BUILD,
    programme: programme.id,
    charter: programme.charterHash,
    epoch: programme.epoch,
    nonce: row.nonce,
    drillEntry: row.ledger_index,
  })
  const jws = signJws(EVIDENCE_TYP, evidence, issuer)
  const digest = evidenceDigest(jws)
  await appendToLedger(database, DRILL_ENDED_ENTRY, { id, evidence: digest }, { waitForCheckpoint: false })
  await database.db.transaction().execute(async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable('assurance.drills')
      .set({ state: evidence.passed ? 'passed' : 'failed' })
      .where('id', '=', id)
      .where('state', '=', 'open')
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new FairtraceError('NOT_FOUND', 'the drill was ended meanwhile')
    const { safeguard: name, endedAtMs: ended_at_ms } = evidence
    await transaction
      .insertInto('assurance.evidence')
      .values({ digest, run: id, safeguard: name, ended_at_ms, jws })
      .execute()
  })
  return { evidence, jws, reopened: await reopened(database, id, issuer, evidence.passed) }
}

/** Where a drill locked the programme and passed, it is put back as it was; anything else waits for the gate. */
async function reopened(database: OpenDatabase, id: string, issuer: Signer, passed: boolean): Promise<boolean> {
  if (!passed) return false
  try {
    return (await reopenAfterDrill(database, id, issuer)) !== null
  } catch (error) {
    if (isFairtraceError(error) && REFUSED.includes(error.code)) return false
    throw error
  }
}

/** Something else than the drill locked it too, or changed meanwhile. */
const REFUSED: readonly ErrorCode[] = ['START_REFUSED', 'PROGRAMME_STATE_REFUSED']

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
