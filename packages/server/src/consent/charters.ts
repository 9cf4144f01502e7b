/**
 * How a charter changes. What only narrows applies at once. What gives anybody more waits: proposed → signed by the people whom
 * the charter in force names → announced for its notice period → in force; and then only for those who agree to it.
 *
 * Signatures decide, rows don't: they are verified each time that something follows from them.
 */
import {
  type Charter,
  type CharterApproval,
  type CharterHash,
  charterApprovalSchema,
  charterHash,
  charterMessage,
  charterText,
  FairtraceError,
  type MissingApproval,
  missingApprovals,
  narrowedBy,
  parseCharter,
  successorFault,
  type Widening,
  widens,
} from '@fairtrace/core'
import { verifyEd25519 } from '../runtime/jws.ts'
import { type Programme, readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { type Logged, logged, loggedIfPossible } from './logged.ts'

/** A charter on its way, or the one in force where its own approvals are asked for. */
export interface CharterProposal {
  readonly hash: string
  readonly version: number
  readonly state: 'proposed' | 'waiting' | 'in-force'
  readonly proposedAtMs: number
  readonly takesEffectAtMs: number | null
  readonly widenings: readonly Widening[]
  /** Who has signed, by name. */
  readonly signed: readonly string[]
  readonly missing: readonly MissingApproval[]
}

export interface CharterOutcome {
  readonly programme: Programme
  /** null if nothing changed, or if a narrowing could not be logged in time; it holds all the same. */
  readonly logged: Logged | null
  /** What waits for signatures or time; null if the charter is in force and signed. */
  readonly proposal: CharterProposal | null
}

interface ChangeRow {
  readonly hash: string
  readonly yaml: string
  readonly proposed_at_ms: number
  readonly signatures: unknown
  readonly takes_effect_at_ms: number | null
  readonly named_by: string
  readonly state: 'proposed' | 'waiting' | 'in-force' | 'rejected'
}

const COLUMNS = ['hash', 'yaml', 'proposed_at_ms', 'signatures', 'takes_effect_at_ms', 'named_by', 'state'] as const

/**
 * Takes a charter in. The first one makes the programme, as a draft. Until a programme runs, its charter may be replaced and
 * has to be signed anew; after that a narrowing holds at once and anything more is a proposal, in place of one that waits.
 *
 * @throws `CHARTER_INVALID`; `CHARTER_NOT_IN_FORCE` for another programme or an older version; `PROGRAMME_STATE_REFUSED`
 * for a closed one; `LEDGER_UNAVAILABLE`
 */
export async function proposeCharter(database: OpenDatabase, yaml: string, nowMs: number): Promise<CharterOutcome> {
  const next = parseCharter(yaml, 'charter')
  const hash = charterHash(next)
  const current = await readProgramme(database, null)
  const detail = { programme: next.programme, version: next.version, charter: hash }
  if (current === null) {
    // The ledger of a programme signs in its name, so the programme comes first; as a draft it allows nothing.
    await createProgramme(database, next, yaml, nowMs)
    return outcome(database, hash, await logged(database, 'charter.applied', detail))
  }
  if (current.charterHash === hash) return outcome(database, hash, null)
  if (current.state === 'closed') throw new FairtraceError('PROGRAMME_STATE_REFUSED', 'the programme is closed')
  const fault = successorFault(current.charter, next)
  if (fault !== null) throw new FairtraceError(fault.code, fault.message)
  if (current.state === 'draft' || current.state === 'approved') {
    const entry = await logged(database, 'charter.applied', detail)
    await putInForce(database, current, next, { yaml, nowMs, namedBy: hash, backToDraft: true })
    return outcome(database, hash, entry)
  }
  if (widens(current.charter, next).length === 0) {
    // A narrowing never waits: not for a signature, and not for the log.
    await putInForce(database, current, next, { yaml, nowMs, namedBy: current.charterHash, backToDraft: false })
    return outcome(database, hash, await loggedIfPossible(database, 'charter.narrowed', detail))
  }
  const entry = await logged(database, 'charter.proposed', detail)
  await writeProposal(database, hash, yaml, current.charterHash, nowMs)
  return outcome(database, hash, entry)
}

/**
 * Takes a signature over a proposed charter, or over that of a programme that has not started. The last one that it needs starts
 * the notice period of the charter in force.
 * @throws `CHARTER_NOT_IN_FORCE` if nothing of this hash waits, `APPROVAL_INVALID`, `LEDGER_UNAVAILABLE`
 */
export async function approveCharter(
  database: OpenDatabase,
  hash: string,
  approval: CharterApproval,
  nowMs: number,
): Promise<CharterOutcome> {
  const programme = await requireProgramme(database)
  await database.db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('consent.charter_changes')
      .select(COLUMNS)
      .where('hash', '=', hash)
      .where('state', '!=', 'rejected')
      // Two who sign at once both count.
      .forUpdate()
      .executeTakeFirst()
    const namedBy = row === undefined ? undefined : namingCharter(row, programme)
    if (row === undefined || namedBy === undefined) {
      throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'no charter of this hash waits for signatures')
    }
    const approver = namedBy.approvers.find(({ name }) => name === approval.approver)
    if (approver === undefined || !verifies(hash, approval, approver.key)) {
      throw new FairtraceError('APPROVAL_INVALID', 'the signature is not by an approver of the charter in force')
    }
    const signatures = [...signaturesOf(row).filter((one) => one.approver !== approval.approver), approval]
    await trx
      .updateTable('consent.charter_changes')
      .set({ signatures: JSON.stringify(signatures) })
      .where('hash', '=', hash)
      .execute()
  })
  const row = await readChange(database, hash)
  const isComplete = row !== null && missingOf(row, programme).length === 0
  let entry: Logged | null = null
  if (isComplete && row.state === 'proposed') {
    entry = await logged(database, 'charter.approved', { programme: programme.id, charter: hash })
    await database.db
      .updateTable('consent.charter_changes')
      .set({ state: 'waiting', takes_effect_at_ms: nowMs + programme.charter.notice.period })
      .where('hash', '=', hash)
      .where('state', '=', 'proposed')
      .execute()
  }
  return outcome(database, hash, entry)
}

/**
 * Puts in force what was signed and announced for long enough. Judged again against the charter of now: one that came in force
 * meanwhile makes an older proposal void.
 * @throws `LEDGER_UNAVAILABLE`, and then nothing changed
 */
export async function putDueChartersInForce(database: OpenDatabase, nowMs: number): Promise<void> {
  const due = await database.db
    .selectFrom('consent.charter_changes')
    .select(COLUMNS)
    .where('state', '=', 'waiting')
    .where('takes_effect_at_ms', '<=', nowMs)
    .orderBy('takes_effect_at_ms')
    .execute()
  for (const row of due) {
    const current = await requireProgramme(database)
    const next = parseCharter(row.yaml, 'charter')
    const isSound =
      charterHash(next) === row.hash && next.version > current.charter.version && current.state !== 'closed'
    const isSigned = missingApprovals(current.charter, next, row.hash, signaturesOf(row), verifyEd25519).length === 0
    if (!isSound || !isSigned) {
      await reject(database, row.hash)
      continue
    }
    const detail = { programme: next.programme, version: next.version, charter: row.hash }
    await logged(database, 'charter.applied', detail)
    await putInForce(database, current, next, { yaml: row.yaml, nowMs, namedBy: row.named_by, backToDraft: false })
  }
}

/** What waits, newest first, with the charter in force before it as long as that lacks signatures of its own. */
export async function listProposals(database: OpenDatabase, programme: Programme): Promise<readonly CharterProposal[]> {
  const rows = await database.db
    .selectFrom('consent.charter_changes')
    .select(COLUMNS)
    .where(({ eb, or }) => or([eb('state', 'in', ['proposed', 'waiting']), eb('hash', '=', programme.charterHash)]))
    .orderBy('proposed_at_ms', 'desc')
    .execute()
  const missing = await missingForCharterInForce(database, programme)
  return rows.flatMap((row) => {
    if (row.hash !== programme.charterHash) return [proposalOf(row, programme)]
    return missing.length === 0 ? [] : [{ ...proposalOf(row, programme), missing }]
  })
}

/**
 * Signatures that the charter in force lacks before a programme may run under it. One that only narrows a signed charter
 * stands on the signatures of that one.
 */
export async function missingForCharterInForce(
  database: OpenDatabase,
  programme: Programme,
): Promise<readonly MissingApproval[]> {
  const rows = await database.db
    .selectFrom('consent.charter_changes')
    .select(COLUMNS)
    .where('state', '=', 'in-force')
    .execute()
  const own = rows.find(({ hash }) => hash === programme.charterHash)
  const bases = rows.filter((row) => {
    const charter = programme.charters.get(row.hash as CharterHash)
    return charter !== undefined && widens(charter, programme.charter).length === 0
  })
  if (bases.some((row) => missingOf(row, programme).length === 0)) return []
  if (own !== undefined) return missingOf(own, programme)
  const { charter, charterHash: hash } = programme
  return missingApprovals(charter, charter, hash, [], verifyEd25519)
}

async function createProgramme(database: OpenDatabase, charter: Charter, yaml: string, nowMs: number): Promise<void> {
  const hash = charterHash(charter)
  await database.db.transaction().execute(async (trx) => {
    await trx
      .insertInto('install.charters')
      .values({ hash, programme: charter.programme, version: charter.version, yaml })
      .execute()
    await trx
      .insertInto('install.programme')
      .values({ id: charter.programme, state: 'draft', epoch: 1, charter_hash: hash, charter_yaml: yaml })
      .execute()
    await trx
      .insertInto('consent.charter_changes')
      .values({ hash, yaml, proposed_at_ms: nowMs, named_by: hash, state: 'in-force' })
      .execute()
  })
  await announce(database)
}

interface InForce {
  readonly yaml: string
  readonly nowMs: number
  readonly namedBy: string
  /** A charter that nobody has signed yet: the programme may not start by the signatures of another one. */
  readonly backToDraft: boolean
}

/** In one transaction with the terms of everybody who agreed to an earlier charter, so that no reader sees one without the other. */
async function putInForce(
  database: OpenDatabase,
  current: Programme,
  next: Charter,
  { yaml, nowMs, namedBy, backToDraft }: InForce,
): Promise<void> {
  const hash = charterHash(next)
  await database.db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('install.programme')
      .set({ charter_hash: hash, charter_yaml: yaml, ...(backToDraft ? { state: 'draft' as const } : {}) })
      .where('id', '=', current.id)
      .where('charter_hash', '=', current.charterHash)
      .where('state', '=', current.state)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'another change came in between')
    const before = await trx
      .selectFrom('install.charters')
      .select('hash')
      .where('programme', '=', current.id)
      .where('derived', '=', false)
      .execute()
    const rows = [
      { hash: hash as string, programme: next.programme, version: next.version, yaml, derived: false },
      ...termsOfOthers(current, before, next),
    ]
    await trx
      .insertInto('install.charters')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const state = 'in-force' as const
    await trx
      .insertInto('consent.charter_changes')
      .values({ hash, yaml, proposed_at_ms: nowMs, named_by: namedBy, state })
      .onConflict((conflict) => conflict.column('hash').doUpdateSet({ state }))
      .execute()
  })
  await announce(database)
}

/** Terms for those who agreed to any charter before this one and not to what it widens. */
function termsOfOthers(current: Programme, before: readonly { hash: string }[], next: Charter) {
  const made = new Map<string, Charter>()
  for (const { hash } of before) {
    const consented = current.charters.get(hash as CharterHash)
    if (consented === undefined || widens(consented, next).length === 0) continue
    const terms = narrowedBy(consented, next)
    if (terms !== null) made.set(charterHash(terms), terms)
  }
  return [...made].map(([hash, terms]) => ({
    hash,
    programme: terms.programme,
    version: terms.version,
    yaml: charterText(terms),
    derived: true,
  }))
}

async function writeProposal(
  database: OpenDatabase,
  hash: string,
  yaml: string,
  namedBy: string,
  nowMs: number,
): Promise<void> {
  const values = {
    yaml,
    proposed_at_ms: nowMs,
    signatures: '[]',
    takes_effect_at_ms: null,
    named_by: namedBy,
    state: 'proposed' as const,
  }
  await database.db.transaction().execute(async (trx) => {
    // One change at a time, so that people are told of one and sign one.
    await trx
      .updateTable('consent.charter_changes')
      .set({ state: 'rejected' })
      .where('state', 'in', ['proposed', 'waiting'])
      .where('hash', '!=', hash)
      .execute()
    await trx
      .insertInto('consent.charter_changes')
      .values({ hash, ...values })
      .onConflict((conflict) =>
        conflict.column('hash').doUpdateSet(values).where('consent.charter_changes.state', '=', 'rejected'),
      )
      .execute()
  })
}

async function reject(database: OpenDatabase, hash: string): Promise<void> {
  await database.db.updateTable('consent.charter_changes').set({ state: 'rejected' }).where('hash', '=', hash).execute()
}

async function outcome(database: OpenDatabase, hash: string, entry: Logged | null): Promise<CharterOutcome> {
  const programme = await requireProgramme(database)
  const proposals = await listProposals(database, programme)
  return { programme, logged: entry, proposal: proposals.find((one) => one.hash === hash) ?? null }
}

async function requireProgramme(database: OpenDatabase): Promise<Programme> {
  const programme = await readProgramme(database, null)
  if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
  return programme
}

async function readChange(database: OpenDatabase, hash: string): Promise<ChangeRow | null> {
  const row = await database.db
    .selectFrom('consent.charter_changes')
    .select(COLUMNS)
    .where('hash', '=', hash)
    .executeTakeFirst()
  return row ?? null
}

function proposalOf(row: ChangeRow, programme: Programme): CharterProposal {
  const charter = programme.charters.get(row.hash as CharterHash) ?? parseCharter(row.yaml, 'charter')
  return {
    hash: row.hash,
    version: charter.version,
    state: row.state === 'rejected' ? 'proposed' : row.state,
    proposedAtMs: row.proposed_at_ms,
    takesEffectAtMs: row.takes_effect_at_ms,
    widenings: row.hash === programme.charterHash ? [] : widens(programme.charter, charter),
    signed: signaturesOf(row).map(({ approver }) => approver),
    missing: missingOf(row, programme),
  }
}

function missingOf(row: ChangeRow, programme: Programme): readonly MissingApproval[] {
  // Charters that the programme holds were parsed already, and have the hash that they are known by.
  const next = programme.charters.get(row.hash as CharterHash) ?? parseCharter(row.yaml, 'charter')
  const namedBy = namingCharter(row, programme) ?? next
  // Fails closed: signatures over a hash that isn't the text's stand for nothing.
  const approvals = charterHash(next) === row.hash ? signaturesOf(row) : []
  return missingApprovals(namedBy, next, row.hash, approvals, verifyEd25519)
}

function namingCharter(row: ChangeRow, programme: Programme): Charter | undefined {
  return programme.charters.get(row.named_by as CharterHash)
}

function signaturesOf({ signatures }: Pick<ChangeRow, 'signatures'>): readonly CharterApproval[] {
  const parsed = charterApprovalSchema.array().safeParse(signatures)
  return parsed.success ? parsed.data : []
}

function verifies(hash: string, { signature }: CharterApproval, key: string): boolean {
  try {
    return verifyEd25519(charterMessage(hash), signature, key)
  } catch {
    // Fails closed: a signature that can't be checked doesn't count.
    return false
  }
}

async function announce(database: OpenDatabase): Promise<void> {
  await database.pool.query(`select pg_notify('fairtrace_programme', '')`)
}
