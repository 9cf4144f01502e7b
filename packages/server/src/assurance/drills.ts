/**
 * Drills, as the portal keeps them: registered, and in the ledger, before anything is planted; ended with what was really seen.
 *
 * What a drill will expose is worked out here from its id, never taken from who starts it: otherwise a registered drill would be
 * a way to have a real exposure forgiven.
 */
import { randomBytes } from 'node:crypto'
import { type Charter, drillStartMessage, FairtraceError } from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import { verifyEd25519 } from '../runtime/jws.ts'
import { readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ProgrammeState } from '../store/tables.ts'
import type { Expected, Safeguard } from './safeguard.ts'
import { pickedByNonce, safeguardOf } from './safeguards.ts'

/** How long a drill may stay open; after that it foresees nothing any more, and what it left counts as real. */
export const DRILL_MS_MAX = 15 * 60_000
export const DRILL_ENTRY = 'drill.registered'

export interface DrillStart {
  /** Id of the drill; null for an unannounced one: then the nonce picks it. */
  readonly drill: string | null
  readonly nonce: string | null
  /** Name of the worker representative in the charter, and their Ed25519 signature over `drillStartMessage`. */
  readonly starter: string | null
  readonly signature: string | null
  /** A role, no name. */
  readonly startedBy: string
}

export interface RegisteredDrill {
  readonly id: string
  readonly drill: string
  readonly safeguard: string
  readonly nonce: string | null
  readonly expected: readonly Expected[]
  readonly stateBefore: ProgrammeState
  readonly epochBefore: number
  readonly ledgerIndex: number
  readonly registeredAtMs: number
}

/**
 * Registers a drill and waits until a checkpoint covers its entry.
 * @throws `NOT_FOUND`, `SIGNATURE_INVALID`, `DRILL_REFUSED` (another one is open, or its nonce was used), `LEDGER_UNAVAILABLE`
 */
export async function registerDrill(database: OpenDatabase, start: DrillStart): Promise<RegisteredDrill> {
  const programme = await readProgramme(database, null)
  if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme to drill')
  const safeguard = requireStart(programme.charter, start, programme.state === 'running')
  await endAbandoned(database)
  const id = randomBytes(16).toString('base64url')
  const expected = safeguard.expects?.(id) ?? []
  const detail = { id, drill: safeguard.drill, nonce: start.nonce, expected, startedBy: start.startedBy }
  const entry = await appendToLedger(database, DRILL_ENTRY, detail, { waitForCheckpoint: true })
  const registeredAtMs = Date.now()
  // One at a time, and a nonce once: the table says so as well, for two that come at the same moment.
  const { rowCount } = await database.pool.query(
    `insert into assurance.drills (id, drill, safeguard, nonce, starter, signature, started_by, expected, state_before,
       epoch_before, ledger_index, salt, registered_at_ms, ends_at_ms)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
     where not exists (select from assurance.drills where state = 'open') on conflict do nothing`,
    [
      ...[id, safeguard.drill, safeguard.id, start.nonce, start.starter, start.signature, start.startedBy],
      ...[JSON.stringify(expected), programme.state, programme.epoch, entry.index, entry.salt],
      ...[registeredAtMs, registeredAtMs + DRILL_MS_MAX],
    ],
  )
  if (rowCount !== 1) throw new FairtraceError('DRILL_REFUSED', 'another drill is open, or this nonce was used before')
  return {
    id,
    drill: safeguard.drill,
    safeguard: safeguard.id,
    nonce: start.nonce,
    expected,
    stateBefore: programme.state,
    epochBefore: programme.epoch,
    ledgerIndex: entry.index,
    registeredAtMs,
  }
}

/** From here on what the drill foresees is its own. Said right before planting, so that times count from too early, never too late. */
export async function markPlanted(database: OpenDatabase, id: string): Promise<void> {
  await markOnce(database, id, 'planted_at_ms')
}

/** What was planted is gone; whatever of it is found from here on was not removed. */
export async function markRemoved(database: OpenDatabase, id: string): Promise<void> {
  await markOnce(database, id, 'removed_at_ms')
}

async function markOnce(database: OpenDatabase, id: string, column: 'planted_at_ms' | 'removed_at_ms'): Promise<void> {
  const { numUpdatedRows } = await database.db
    .updateTable('assurance.drills')
    .set({ [column]: Date.now() })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .where(column, 'is', null)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new FairtraceError('NOT_FOUND', 'no such drill waits for this')
}

async function endAbandoned(database: OpenDatabase): Promise<void> {
  await database.db
    .updateTable('assurance.drills')
    .set({ state: 'abandoned' })
    .where('state', '=', 'open')
    .where('ends_at_ms', '<=', Date.now())
    .execute()
}

function requireStart(charter: Charter, start: DrillStart, isRunning: boolean): Safeguard {
  const { drill, nonce, starter, signature } = start
  if (nonce === null) {
    const safeguard = drill === null ? undefined : safeguardOf(drill)
    if (safeguard === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such drill')
    if (safeguard.needsRunning && !isRunning) {
      throw new FairtraceError('DRILL_REFUSED', 'this drill shows nothing unless the programme runs')
    }
    return safeguard
  }
  // Unannounced: whoever starts it chooses the nonce and nothing else, and whoever runs it learns from it what comes.
  if (drill !== null) throw new FairtraceError('DRILL_REFUSED', 'a nonce picks the drill; name none')
  const people = [...charter.approvers, ...charter.quorum].filter(({ role }) => role === 'worker-representative')
  const key = people.find(({ name }) => name === starter)?.key
  const message = drillStartMessage({ programme: charter.programme, nonce })
  if (key === undefined || signature === null || !isSigned(message, signature, key)) {
    throw new FairtraceError('SIGNATURE_INVALID', 'no worker representative of the charter has signed this nonce')
  }
  return pickedByNonce(nonce, isRunning)
}

function isSigned(message: Uint8Array, signature: string, key: string): boolean {
  try {
    return verifyEd25519(message, signature, key) === true
  } catch {
    // Fails closed: a signature that can't be checked doesn't count.
    return false
  }
}
