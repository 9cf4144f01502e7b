/**
 * The life of a programme: which charter is in force, in which state it is, and its epoch.
 *
 * What gives anybody more (a new charter, running) is logged first and done then; what takes away (pause, close, a new
 * epoch) is done first, whether or not the ledger answers.
 */
import {
  type Charter,
  type CharterHash,
  charterHash,
  FairtraceError,
  isFairtraceError,
  type ProgrammeId,
  parseCharter,
} from '@fairtrace/core'
import { type Appended, appendToLedger } from '../ledger/append.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ProgrammeState } from '../store/tables.ts'

export const PROGRAMME_STATES = ['draft', 'approved', 'running', 'paused', 'closed'] as const

/** Which states may follow which. */
export const PROGRAMME_NEXT: Readonly<Record<ProgrammeState, readonly ProgrammeState[]>> = {
  draft: ['approved', 'closed'],
  approved: ['running', 'closed'],
  running: ['paused', 'closed'],
  paused: ['running', 'closed'],
  closed: [],
}

/** What was committed to in the ledger. Whoever asked keeps it: the ledger itself holds only the salted hash. */
export interface Logged extends Appended {
  readonly detail: Readonly<Record<string, unknown>>
}

export interface ProgrammeChange {
  readonly programme: Programme
  /** null if nothing changed, or if a pause or an end could not be logged in time; it holds all the same. */
  readonly logged: Logged | null
}

/**
 * Reads the programme from the database each time, so that a pause or a new epoch counts for the very next request.
 * @returns null if there is none, or if the row isn't one that the portal wrote
 */
export class ProgrammeReader {
  readonly #database: OpenDatabase
  /** The charter read last; parsing is what costs. */
  #charter: { readonly hash: string; readonly charter: Charter } | null = null

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  async read(): Promise<Programme | null> {
    const { db } = this.#database
    const row = await db
      .selectFrom('install.programme')
      .select(['id', 'state', 'epoch', 'charter_hash'])
      .executeTakeFirst()
    if (row === undefined) return null
    if (this.#charter?.hash !== row.charter_hash) {
      const { charter_yaml } = await db.selectFrom('install.programme').select('charter_yaml').executeTakeFirstOrThrow()
      const charter = parseCharter(charter_yaml, 'charter')
      this.#charter = { hash: charterHash(charter), charter }
    }
    const { hash, charter } = this.#charter
    // Fails closed: a row whose hash isn't that of its charter was written past the portal.
    if (hash !== row.charter_hash || charter.programme !== row.id) return null
    return { id: row.id as ProgrammeId, state: row.state, epoch: row.epoch, charterHash: hash as CharterHash, charter }
  }

  /** @throws `NOT_FOUND` */
  async require(): Promise<Programme> {
    const programme = await this.read()
    if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
    return programme
  }
}

/**
 * Puts a charter in force. The first one makes the programme, as a draft; the state stays as it is otherwise.
 *
 * @throws `CHARTER_INVALID`; `CHARTER_NOT_IN_FORCE` for another programme or an older version; `LEDGER_UNAVAILABLE`
 */
export async function applyCharter(database: OpenDatabase, yaml: string): Promise<ProgrammeChange> {
  const charter = parseCharter(yaml, 'charter')
  const hash = charterHash(charter)
  const current = await new ProgrammeReader(database).read()
  if (current?.charterHash === hash) return { programme: current, logged: null }
  const detail = { programme: charter.programme, version: charter.version, charter: hash }
  if (current === null) {
    // The ledger of a programme signs in its name, so the programme comes first; as a draft it allows nothing.
    await database.db
      .insertInto('install.programme')
      .values({ id: charter.programme, state: 'draft', epoch: 1, charter_hash: hash, charter_yaml: yaml })
      .execute()
    await announce(database)
    return {
      programme: await new ProgrammeReader(database).require(),
      logged: await logged(database, 'charter.applied', detail),
    }
  }
  requireSuccessor(current.charter, charter)
  const entry = await logged(database, 'charter.applied', detail)
  const { numUpdatedRows } = await database.db
    .updateTable('install.programme')
    .set({ charter_hash: hash, charter_yaml: yaml })
    .where('id', '=', charter.programme)
    .where('charter_hash', '=', current.charterHash)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'another charter was applied meanwhile')
  await announce(database)
  return { programme: await new ProgrammeReader(database).require(), logged: entry }
}

/** @throws `NOT_FOUND`; `PROGRAMME_STATE_REFUSED`; `LEDGER_UNAVAILABLE`, and then nothing was started */
export async function setProgrammeState(database: OpenDatabase, state: ProgrammeState): Promise<ProgrammeChange> {
  const reader = new ProgrammeReader(database)
  const current = await reader.require()
  if (current.state === state) return { programme: current, logged: null }
  if (!PROGRAMME_NEXT[current.state].includes(state)) {
    throw new FairtraceError('PROGRAMME_STATE_REFUSED', `a programme that is ${current.state} can't become ${state}`)
  }
  const detail = { programme: current.id, from: current.state, to: state, epoch: current.epoch }
  const isEnding = state === 'paused' || state === 'closed'
  const before = isEnding ? null : await logged(database, 'programme.state', detail)
  await moveState(database, current, state)
  const entry = isEnding ? await loggedIfPossible(database, 'programme.state', detail) : before
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

async function moveState(database: OpenDatabase, from: Programme, to: ProgrammeState): Promise<void> {
  const { numUpdatedRows } = await database.db
    .updateTable('install.programme')
    .set({ state: to })
    .where('id', '=', from.id)
    .where('state', '=', from.state)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new FairtraceError('PROGRAMME_STATE_REFUSED', 'the state changed meanwhile')
  await announce(database)
}

function requireSuccessor(old: Charter, next: Charter): void {
  if (old.programme !== next.programme) {
    throw new FairtraceError('CHARTER_NOT_IN_FORCE', `this installation holds the programme ${old.programme}`)
  }
  if (next.version <= old.version) {
    throw new FairtraceError('CHARTER_NOT_IN_FORCE', `version ${old.version} is in force; a change needs a higher one`)
  }
  // Or people would be held to a text that they never saw.
  const isNoticeChanged = old.notice.text !== next.notice.text
  if (next.notice.version < old.notice.version || (isNoticeChanged && next.notice.version === old.notice.version)) {
    throw new FairtraceError(
      'CHARTER_INVALID',
      `charter: notice.version: must rise above ${old.notice.version} with the text`,
    )
  }
}

async function announce(database: OpenDatabase): Promise<void> {
  await database.pool.query(`select pg_notify('fairtrace_programme', '')`)
}

async function logged(database: OpenDatabase, type: string, detail: Logged['detail']): Promise<Logged> {
  return { ...(await appendToLedger(database, type, detail, { waitForCheckpoint: true })), detail }
}

async function loggedIfPossible(
  database: OpenDatabase,
  type: string,
  detail: Logged['detail'],
): Promise<Logged | null> {
  try {
    return await logged(database, type, detail)
  } catch (error) {
    // A pause never waits for the log: it holds already, and the answer says that no entry stands.
    if (isFairtraceError(error) && error.code === 'LEDGER_UNAVAILABLE') return null
    throw error
  }
}
