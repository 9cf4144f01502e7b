/**
 * The end of a drill, which the portal turns into evidence. It signs what it can see in its own tables: the drill's
 * registration, and, where something was exposed, the exposure and how long everything took. Of a refused attack it has the
 * runner's word, and says so.
 */
import {
  type ErrorCode,
  EVIDENCE_TYP,
  type Evidence,
  evidenceSchema,
  FairtraceError,
  isFairtraceError,
} from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import { SERVER_BUILD } from '../runtime/build.ts'
import { type Signer, signJws } from '../runtime/jws.ts'
import { readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { evidenceDigest, type IssuedEvidence } from './evidence.ts'
import { reopenAfterDrill } from './gate.ts'
import { observeDrill } from './observed.ts'
import { safeguardOf } from './safeguards.ts'

export const DRILL_ENDED_ENTRY = 'drill.ended'

/** What the runner says of its run. */
export interface DrillReport {
  readonly passed: boolean
  readonly detectMs: number | null
  readonly containMs: number | null
  readonly twin: boolean | null
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
