/** Grants, as the keeper judges them: activated once by its own clock, ended for good, and opened only as the log says. */
import {
  type AccessDecision,
  type Activation,
  activationMessage,
  activationSchema,
  type Charter,
  canonicalJson,
  decideAccess,
  decideActivation,
  FairtraceError,
  GRANT_APPROVED_ENTRY,
  GRANT_OPENED_ENTRY,
  type Grant,
  grantApprovedSchema,
  grantHash,
  grantOpenedSchema,
  type KeeperCall,
  releaseItemDigest,
  sliceDigest,
} from '@fairtrace/core'
import type { VerifierKey } from '@fairtrace/verify'
import { type Signer, verifyEd25519, verifyPasskey } from './curves.ts'
import { requireLogged } from './logged.ts'
import type { KeeperStore } from './store.ts'

export interface GrantGround {
  readonly store: KeeperStore
  readonly charter: Charter
  readonly charterHash: string
  readonly signer: Signer
  /** This keeper's key as a witness. */
  readonly witness: VerifierKey
  readonly nowMs: number
  readonly epoch: number
}

const SIGNATURES = { ed25519: verifyEd25519, passkey: verifyPasskey }

/** The same grant again gets the same answer: its time began with the first. @throws `GRANT_INVALID`, `LEDGER_INVALID` */
export function activate(
  { grant, approvals, logged }: Extract<KeeperCall, { call: 'activate' }>,
  ground: GrantGround,
): Activation {
  const { store, charter, signer, nowMs, epoch } = ground
  const hash = grantHash(grant)
  const row = store.db.prepare('select activation, ended from grants where hash = ?').get(hash)
  if (Number(row?.ended ?? 0) === 1) throw invalid('ended')
  if (typeof row?.activation === 'string') return activationSchema.parse(JSON.parse(row.activation))
  requireAllowed(decideActivation(charter, grant, approvals, { nowMs, epoch }, SIGNATURES))
  requireLogged(logged, GRANT_APPROVED_ENTRY, charter, ground.witness, nowMs)
  const detail = grantApprovedSchema.safeParse(logged.detail)
  if (!detail.success || !isSame(detail.data.grant, grant)) throw otherEntry()
  const activeFromMs = Math.floor(nowMs)
  const statement = { programme: charter.programme, grant: hash, activeFromMs, endsAtMs: activeFromMs + grant.lengthMs }
  const activation = { ...statement, signature: signer.sign(activationMessage(statement)) }
  store.db.prepare('insert into grants (hash, activation) values (?, ?)').run(hash, JSON.stringify(activation))
  return activation
}

/** Also one that was never activated: it never will be. */
export function endGrant(hash: string, store: KeeperStore): void {
  store.db.prepare('insert into grants (hash, ended) values (?, 1) on conflict do update set ended = 1').run(hash)
}

/** @throws `GRANT_INVALID`, `LEDGER_INVALID`, `KEEPER_REFUSED` */
export function requireOpening(call: Extract<KeeperCall, { call: 'open' }>, ground: GrantGround): void {
  if (call.grant.scope.kind !== 'recordings') throw invalid('scope')
  requireUnderGrant(call, sliceDigest(call.items), call.items.length, ground)
}

/** As `requireOpening`, for the key of the one release that the grant names. @throws the same */
export function requireReleaseOpening(call: Extract<KeeperCall, { call: 'open-release' }>, ground: GrantGround): void {
  const { scope } = call.grant
  if (scope.kind !== 'release' || scope.release !== call.item.release) throw invalid('scope')
  requireUnderGrant(call, releaseItemDigest(call.item), 1, ground)
}

type Opening = Extract<KeeperCall, { call: 'open' | 'open-release' }>

function requireUnderGrant(
  { grant, approvals, activation, logged, replyKey }: Opening,
  digest: string,
  count: number,
  ground: GrantGround,
): void {
  const { store, charter, nowMs, epoch } = ground
  const row = store.db.prepare('select activation, ended from grants where hash = ?').get(grantHash(grant))
  if (Number(row?.ended ?? 0) === 1) throw invalid('ended')
  // Its own signature is not enough: what this keeper doesn't remember to have activated, it didn't.
  if (typeof row?.activation !== 'string' || !isSame(JSON.parse(row.activation), activation))
    throw invalid('not-active')
  requireAllowed(decideAccess(charter, grant, approvals, activation, { nowMs, epoch }, SIGNATURES))
  const index = requireLogged(logged, GRANT_OPENED_ENTRY, charter, ground.witness, nowMs)
  const detail = grantOpenedSchema.safeParse(logged.detail)
  if (!detail.success || !isSame(detail.data.grant, grant)) throw otherEntry()
  requireSlice(digest, count, detail.data.slices, index, replyKey, store)
}

/**
 * That what is asked for is one slice of the entry, and that the entry's slice was not given to another key before.
 * @throws `KEEPER_REFUSED`
 */
export function requireSlice(
  digest: string,
  count: number,
  slices: readonly string[],
  ledgerIndex: number,
  replyKey: string,
  store: KeeperStore,
): void {
  if (!slices.includes(digest)) throw new FairtraceError('KEEPER_REFUSED', 'these content keys are not in the entry')
  store.db
    .prepare('insert into given values (?, ?, ?, ?) on conflict do nothing')
    .run(ledgerIndex, digest, replyKey, count)
  const row = store.db
    .prepare('select reply_key from given where ledger_index = ? and slice = ?')
    .get(ledgerIndex, digest)
  if (row?.reply_key !== replyKey) {
    throw new FairtraceError('KEEPER_REFUSED', 'this entry was opened before; a new opening needs a new entry')
  }
}

function requireAllowed(decision: AccessDecision): Grant {
  if (!decision.allow) throw invalid(decision.reason)
  return decision.grant
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

function invalid(reason: string): FairtraceError {
  return new FairtraceError('GRANT_INVALID', reason)
}

function otherEntry(): FairtraceError {
  return new FairtraceError('KEEPER_REFUSED', "the ledger's entry is about something else")
}
