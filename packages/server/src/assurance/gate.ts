/**
 * The gate: the only way to a programme that runs, for the first time, after a pause, or out of a lockdown.
 *
 * Everything is checked → it stands in the ledger under a cosigned checkpoint → everything is checked again → state and epoch change in
 * one step, which does nothing if anything moved meanwhile.
 */
import { randomBytes, sign } from 'node:crypto'
import {
  decideGate,
  decideStayOpen,
  drawStatement,
  drillReopeningMessage,
  FairtraceError,
  GATE_OPENED_ENTRY,
  GATE_REOPENED_ENTRY,
  type GateDecision,
  type GateFacts,
  type GateSignature,
  gateMessage,
  gateStatementHash,
} from '@fairtrace/core'
import { type Logged, logged, loggedIfPossible } from '../consent/logged.ts'
import { raiseExposure } from '../runtime/exposures.ts'
import { type Signer, verifyEd25519 } from '../runtime/jws.ts'
import { announceLock } from '../runtime/lockdown.ts'
import { type LockdownEnd, signLockdownEnd } from '../runtime/lockdown-end.ts'
import { type Programme, readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { gateFacts, newestStatement, type StoredStatement } from './gate-facts.ts'

export interface GateStatus {
  readonly facts: GateFacts
  readonly decision: GateDecision
  /** What waits for signatures; null if none was drawn up, or it is about a state that is over. */
  readonly statement: StoredStatement | null
}

/** @throws `NOT_FOUND` without a programme */
export async function gateStatus(database: OpenDatabase, nowMs: number): Promise<GateStatus> {
  const programme = await requireProgramme(database)
  const facts = await gateFacts(database, programme, nowMs)
  const stored = await newestStatement(database)
  const isOfNow = stored !== null && stored.statement.epoch === programme.epoch
  const decision = decideGate(programme.charter, facts, verifyEd25519)
  return { facts, decision, statement: isOfNow ? stored : null }
}

/** Draws up what the four are asked to sign, of what stands now; an older one is void from here on. @throws `NOT_FOUND` */
export async function drawGateStatement(database: OpenDatabase, nowMs: number): Promise<StoredStatement> {
  const programme = await requireProgramme(database)
  const facts = await gateFacts(database, programme, nowMs)
  const statement = drawStatement(facts, randomBytes(16).toString('base64url'))
  const hash = gateStatementHash(statement)
  // By the system's clock: which is the newest must not depend on one that a demonstration moves.
  const { rows } = await database.pool.query<{ at: number }>(
    `insert into gate.statements (hash, statement, drawn_at_ms)
     select $1, $2, greatest($3, (select max(drawn_at_ms) + 1 from gate.statements)) returning drawn_at_ms as at`,
    [hash, JSON.stringify(statement), Date.now()],
  )
  return { hash, statement, signatures: [], drawnAtMs: rows[0]?.at ?? 0 }
}

/**
 * Takes one signature over the newest statement. Whoever brings it, it is the key's that the charter names.
 * @throws `GATE_STATEMENT_VOID` for any other statement, `APPROVAL_INVALID`
 */
export async function signGate(
  database: OpenDatabase,
  hash: string,
  signature: GateSignature,
): Promise<StoredStatement> {
  const { charter, charterHash, epoch } = await requireProgramme(database)
  const member = charter.quorum.find(({ name }) => name === signature.name)
  if (member === undefined || !verifies(hash, signature, member.key)) {
    throw new FairtraceError('APPROVAL_INVALID', 'the signature is not by one of the quorum over this statement')
  }
  await database.db.transaction().execute(async (trx) => {
    // Two who sign at once both count.
    await trx.selectFrom('gate.statements').select('hash').where('hash', '=', hash).forUpdate().execute()
    const stored = await newestStatement({ ...database, db: trx })
    const isOfNow = stored?.statement.charter === charterHash && stored.statement.epoch === epoch
    if (stored === null || stored.hash !== hash || !isOfNow) {
      throw new FairtraceError('GATE_STATEMENT_VOID', 'this is not the statement that waits for signatures')
    }
    const signatures = [...stored.signatures.filter(({ name }) => name !== signature.name), signature]
    await trx
      .updateTable('gate.statements')
      .set({ signatures: JSON.stringify(signatures) })
      .where('hash', '=', hash)
      .execute()
  })
  const stored = await newestStatement(database)
  if (stored === null) throw new FairtraceError('GATE_STATEMENT_VOID', 'the statement is gone')
  return stored
}

export interface OpenedGate {
  readonly programme: Programme
  readonly logged: Logged
}

export interface GateOpening {
  /** A role, no person's name. */
  readonly by: string
  readonly reason: string
  readonly nowMs: () => number
  /** Ends a lockdown by its word; null where a programme only starts or resumes. */
  readonly issuer: Signer | null
}

/**
 * Lets the programme run, if everything stands.
 * @throws `START_REFUSED` with every reason; `LEDGER_UNAVAILABLE`, and then nothing opened; `PROGRAMME_STATE_REFUSED` if anything
 * changed between the two looks
 */
export async function openGate(
  database: OpenDatabase,
  { by, reason, nowMs, issuer }: GateOpening,
): Promise<OpenedGate> {
  const programme = await requireProgramme(database)
  const { facts, entry } = await judged(database, programme, nowMs())
  const { id, state, epoch } = programme
  const signed = entry !== null
  const opens = signed ? entry.statement.opens : epoch
  const written = signed
    ? await logged(database, GATE_OPENED_ENTRY, entry)
    : await logged(database, 'programme.state', { programme: id, from: state, to: 'running', epoch, by, reason })
  // The ledger may have taken seconds: evidence may have lapsed, or an exposure come. What was signed must be what opens.
  const again = await judged(database, programme, nowMs())
  const isSame = again.entry === null ? !signed : signed && sameStatement(again.entry, entry)
  if (!isSame) throw new FairtraceError('PROGRAMME_STATE_REFUSED', 'another statement was drawn up meanwhile')
  await open(database, issuer, {
    programme,
    next: 'running',
    opens,
    kind: facts.asks === 'demonstration' ? 'demonstration' : 'quorum',
    type: signed ? GATE_OPENED_ENTRY : 'programme.state',
    written,
  })
  return { programme: await requireProgramme(database), logged: written }
}

/**
 * Puts the programme back where a drill found it, under a new epoch: only if that drill alone locked it, all that it exposed is
 * closed, and it ran before. Anything else needs the whole gate.
 * @param issuer signs for the keeper that it was this drill
 * @throws `START_REFUSED`, `LEDGER_UNAVAILABLE`, `PROGRAMME_STATE_REFUSED`
 */
export async function reopenAfterDrill(
  database: OpenDatabase,
  drill: string,
  issuer: Signer,
): Promise<OpenedGate | null> {
  const programme = await requireProgramme(database)
  if (programme.state !== 'locked') return null
  const next = await requireOnlyDrill(database, programme, drill)
  const { id, epoch } = programme
  const statement = { programme: id, drill, epoch, opens: epoch + 1 }
  const signature = sign(null, drillReopeningMessage(statement), issuer.privateKey).toString('base64url')
  const written = await logged(database, GATE_REOPENED_ENTRY, { ...statement, signature })
  await requireOnlyDrill(database, programme, drill)
  const { opens } = statement
  await open(database, issuer, { programme, next, opens, kind: 'drill', type: GATE_REOPENED_ENTRY, written })
  return { programme: await requireProgramme(database), logged: written }
}

/**
 * Closes an open gate from which something fell away: evidence that lapsed pauses, a build that nobody reviewed is an exposure.
 * @returns why it was closed; null if it stays open
 */
export async function closeLapsedGate(database: OpenDatabase, nowMs: number): Promise<string | null> {
  const programme = await readProgramme(database, null)
  if (programme?.state !== 'running') return null
  const facts = await gateFacts(database, programme, nowMs)
  const decision = decideStayOpen(programme.charter, facts)
  if (decision.open) return null
  const reason = decision.missing
    .slice(0, 10)
    .map(({ sentence, what }) => (what === null ? sentence : `${sentence}: ${what}`))
    .join('; ')
  await database.db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('install.programme')
      .set({ state: 'paused' })
      .where('state', '=', 'running')
      .where('epoch', '=', programme.epoch)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) return
    await trx
      .updateTable('gate.openings')
      .set({ ended_at_ms: Date.now(), ended_reason: reason })
      .where('ended_at_ms', 'is', null)
      .execute()
  })
  for (const { what } of decision.missing.filter((one) => one.reason === 'server-not-reviewed')) {
    await raiseExposure(database, 'build-unreviewed', { build: what }, `build ${what ?? 'unknown'}`)
  }
  await loggedIfPossible(database, 'gate.closed', { programme: programme.id, epoch: programme.epoch, reason })
  return reason
}

interface Judged {
  readonly facts: GateFacts
  /** What the four have signed; null where this opening asks for no signatures. */
  readonly entry: {
    readonly statement: StoredStatement['statement']
    readonly signatures: readonly GateSignature[]
  } | null
}

/** @throws `START_REFUSED` */
async function judged(database: OpenDatabase, programme: Programme, nowMs: number): Promise<Judged> {
  const facts = await gateFacts(database, programme, nowMs)
  const decision = decideGate(programme.charter, facts, verifyEd25519)
  if (!decision.open) {
    const reasons = decision.missing.map(({ sentence, what }) => (what === null ? sentence : `${sentence}: ${what}`))
    throw new FairtraceError('START_REFUSED', reasons.join('; '))
  }
  const { asks, statement, signatures } = facts
  return { facts, entry: asks === 'all' && statement !== null ? { statement, signatures } : null }
}

function sameStatement(a: NonNullable<Judged['entry']>, b: NonNullable<Judged['entry']>): boolean {
  return gateStatementHash(a.statement) === gateStatementHash(b.statement)
}

interface Opening {
  readonly programme: Programme
  readonly next: LockdownEnd['state']
  readonly opens: number
  readonly kind: 'quorum' | 'drill' | 'demonstration'
  readonly type: string
  readonly written: Logged
}

/** SQLSTATE of `install.end_lock`. */
const NOT_AS_JUDGED = 'FT001'

async function open(database: OpenDatabase, issuer: Signer | null, opening: Opening): Promise<void> {
  const { programme, next, opens, kind, type, written } = opening
  const { state, epoch, charterHash, lockdown } = programme
  const isLocked = state === 'locked'
  if (isLocked && (issuer === null || lockdown === null)) throw changed()
  const upTo = lockdown?.number ?? 0
  const end = { programme: programme.id, upTo, epoch: opens, state: next, ground: type, atMs: Date.now() }
  const word = isLocked && issuer !== null ? JSON.stringify(signLockdownEnd(end, issuer)) : null
  const { detail, salt, index } = written
  try {
    const { rows } = await database.pool.query<{ opened: boolean }>(
      'select gate.open($1, $2, $3, $4, $5, $6, $7, $8) as opened',
      [state, epoch, charterHash, next, opens, upTo, word, JSON.stringify({ kind, type, detail, salt, index })],
    )
    if (rows[0]?.opened !== true) throw changed()
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === NOT_AS_JUDGED) throw changed(cause)
    throw cause
  }
  await announceLock(database)
}

function changed(cause?: unknown): FairtraceError {
  return new FairtraceError('PROGRAMME_STATE_REFUSED', 'something changed meanwhile', { cause })
}

/** @returns the state before the drill */
async function requireOnlyDrill(
  { pool }: OpenDatabase,
  programme: Programme,
  drill: string,
): Promise<LockdownEnd['state']> {
  const { rows } = await pool.query<{ is_its: boolean; open: number; before: string | null }>(
    `select
       -- Every lockdown that the issuer's word has not ended is this drill's.
       coalesce((select bool_and(drill = $1 and drill is not null) from install.lockdowns where number > $2), false) as is_its,
       (select count(*) from install.exposures where state in ('open', 'contained')) as open,
       (select l.state_before from install.lockdowns l join assurance.drills d on d.id = l.drill
          where l.number > $2 order by l.number limit 1) as before`,
    [drill, programme.endedUpTo],
  )
  const [row] = rows
  const before = STATES_BEFORE.find((state) => state === row?.before)
  if (row?.is_its === true && before !== undefined && row.open === 0) return before
  throw new FairtraceError('START_REFUSED', 'something else than this drill locked it, or it is not over: ask the gate')
}

const STATES_BEFORE = ['running', 'paused', 'approved', 'draft'] as const

function verifies(hash: string, { signature }: GateSignature, key: string): boolean {
  try {
    return verifyEd25519(gateMessage(hash), signature, key) === true
  } catch {
    // Fails closed: a signature that can't be checked doesn't count.
    return false
  }
}

async function requireProgramme(database: OpenDatabase): Promise<Programme> {
  const programme = await readProgramme(database, null)
  if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
  return programme
}
