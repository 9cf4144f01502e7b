/**
 * The life of a programme: in which state it is, and its epoch. Its charters are in `charters.ts`.
 *
 * What gives anybody more (running) is logged first and done then; what takes away (pause, close, a new epoch) is done
 * first, whether or not the ledger answers.
 */
import { decideStart, FairtraceError, START_DENY_SENTENCES } from '@fairtrace/core'
import { openGate } from '../assurance/gate.ts'
import { SERVER_BUILD } from '../runtime/build.ts'
import { type Programme, readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ProgrammeState } from '../store/tables.ts'
import { missingForCharterInForce } from './charters.ts'
import { type Logged, logged, loggedIfPossible } from './logged.ts'

export const PROGRAMME_STATES = ['draft', 'approved', 'running', 'paused', 'closed', 'locked'] as const

/** Which states may follow which. */
export const PROGRAMME_NEXT: Readonly<Record<ProgrammeState, readonly ProgrammeState[]>> = {
  draft: ['approved', 'closed'],
  approved: ['running', 'closed'],
  running: ['paused', 'closed'],
  paused: ['running', 'closed'],
  closed: [],
  // Only the gate lets a locked programme run again.
  locked: ['closed'],
}

export interface ProgrammeChange {
  readonly programme: Programme
  /** null if nothing changed, or if a pause or an end could not be logged in time; it holds all the same. */
  readonly logged: Logged | null
}

/** Reads the programme from the database each time, so that a pause or a new epoch counts for the very next request. */
export class ProgrammeReader {
  readonly #database: OpenDatabase
  /** What was read last, for its charters; parsing is what costs. */
  #known: Programme | null = null

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  /** @returns null if there is none, or if the row isn't one that the portal wrote */
  async read(): Promise<Programme | null> {
    const programme = await readProgramme(this.#database, this.#known)
    if (programme !== null) this.#known = programme
    return programme
  }

  /** @throws `NOT_FOUND` */
  async require(): Promise<Programme> {
    const programme = await this.read()
    if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
    return programme
  }
}

export interface StateChange {
  /** Who moves it: a role, or what does so by itself, such as a concern's threshold. No person's name. */
  readonly by: string
  readonly reason: string
  /** Unix milliseconds. The gate needs it; without it nothing starts. */
  readonly nowMs?: number
}

/**
 * Moves the programme to another state. To be approved and to run it has to pass the gate, each time anew.
 *
 * @throws `NOT_FOUND`; `PROGRAMME_STATE_REFUSED`; `START_REFUSED` with every reason; `LEDGER_UNAVAILABLE`, and then nothing
 * was started
 */
export async function setProgrammeState(
  database: OpenDatabase,
  state: ProgrammeState,
  { by, reason, nowMs }: StateChange,
): Promise<ProgrammeChange> {
  const reader = new ProgrammeReader(database)
  const current = await reader.require()
  if (current.state === state) return { programme: current, logged: null }
  if (!PROGRAMME_NEXT[current.state].includes(state)) {
    throw new FairtraceError('PROGRAMME_STATE_REFUSED', `a programme that is ${current.state} can't become ${state}`)
  }
  const detail = { programme: current.id, from: current.state, to: state, epoch: current.epoch, by, reason }
  if (state === 'paused' || state === 'closed') {
    await moveState(database, current, state)
    return { logged: await loggedIfPossible(database, 'programme.state', detail), programme: await reader.require() }
  }
  // Without a time nothing is known to have happened yet.
  if (state === 'running')
    return await openGate(database, { by, reason, nowMs: () => nowMs ?? Number.NaN, issuer: null })
  await requireApproved(database, current, nowMs ?? Number.NaN)
  const entry = await logged(database, 'programme.state', detail)
  await moveState(database, current, state)
  return { programme: await reader.require(), logged: entry }
}

/** Fences every lease, permit and grant of an older epoch. @throws `NOT_FOUND` */
export async function raiseEpoch(database: OpenDatabase): Promise<ProgrammeChange> {
  const reader = new ProgrammeReader(database)
  const { id } = await reader.require()
  const { epoch } = await database.db
    .updateTable('install.programme')
    .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
    .where('id', '=', id)
    .returning('epoch')
    .executeTakeFirstOrThrow()
  await announce(database)
  const entry = await loggedIfPossible(database, 'programme.epoch', { programme: id, epoch })
  return { programme: await reader.require(), logged: entry }
}

/** To be approved it takes its documents and signatures; to run, the whole gate. */
async function requireApproved(database: OpenDatabase, programme: Programme, nowMs: number): Promise<void> {
  const missingApprovals = await missingForCharterInForce(database, programme)
  const decision = decideStart(programme.charter, { nowMs, missingApprovals, serverBuild: SERVER_BUILD })
  if (decision.allow) return
  throw new FairtraceError('START_REFUSED', decision.reasons.map((reason) => START_DENY_SENTENCES[reason]).join('; '))
}

async function moveState(database: OpenDatabase, from: Programme, to: ProgrammeState): Promise<void> {
  const { numUpdatedRows } = await database.db
    .updateTable('install.programme')
    .set({ state: to })
    .where('id', '=', from.id)
    .where('state', '=', from.state)
    // What was judged is what starts: a charter that came in force meanwhile was not.
    .where('charter_hash', '=', from.charterHash)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new FairtraceError('PROGRAMME_STATE_REFUSED', 'the state changed meanwhile')
  await announce(database)
}

async function announce(database: OpenDatabase): Promise<void> {
  await database.pool.query(`select pg_notify('fairtrace_programme', '')`)
}
