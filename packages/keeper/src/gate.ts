/**
 * The keeper's side of the gate. Told of a lockdown, it serves no grant until the ledger shows who let the programme run again: four
 * signatures by the people whom its own charter names. Whoever writes `running` into the server's database has opened nothing.
 */
import {
  drillReopenedSchema,
  drillReopeningMessage,
  FairtraceError,
  GATE_OPENED_ENTRY,
  GATE_REOPENED_ENTRY,
  gateOpenedSchema,
  gateStatementHash,
  missingQuorum,
} from '@fairtrace/core'
import { verifyEd25519 } from './curves.ts'
import type { GrantGround } from './grants.ts'
import { type LoggedClaim, requireLogged } from './logged.ts'
import type { KeeperStore } from './store.ts'

interface Lockdown {
  readonly epoch: number
  readonly drill: string | null
}

export function lockedSince(store: KeeperStore): Lockdown | null {
  const row = store.db.prepare('select epoch, drill from lockdown').get()
  return row === undefined
    ? null
    : { epoch: Number(row.epoch), drill: typeof row.drill === 'string' ? row.drill : null }
}

/** Fences everything older, and closes every grant. What was ever said to be no drill's stays so. */
export function noteLockdown(store: KeeperStore, epoch: number, drill: string | null): void {
  store.transaction(() => {
    store.db
      .prepare(
        `insert into lockdown values (1, ?, ?) on conflict do update
         set epoch = max(epoch, excluded.epoch), drill = case when drill = excluded.drill then drill end`,
      )
      .run(epoch, drill)
    store.db.prepare('update highest set epoch = max(epoch, ?)').run(epoch)
  })
}

/** @throws `PROGRAMME_LOCKED` */
export function requireUnlocked(store: KeeperStore): void {
  const lockdown = lockedSince(store)
  if (lockdown === null) return
  throw new FairtraceError('PROGRAMME_LOCKED', `no gate has ended the lockdown of epoch ${lockdown.epoch}`)
}

/**
 * Ends the lockdown that this keeper was told of. The same again is no change.
 * @throws `LEDGER_INVALID`, `KEEPER_REFUSED` for a statement of before the lockdown, of another charter, or not signed by all four
 */
export function openGate(claim: LoggedClaim, ground: GrantGround): void {
  const lockdown = lockedSince(ground.store)
  if (lockdown === null) return
  const opens =
    claim.type === GATE_REOPENED_ENTRY ? afterDrill(claim, lockdown, ground) : byQuorum(claim, lockdown, ground)
  ground.store.transaction(() => {
    ground.store.db.prepare('delete from lockdown').run()
    ground.store.db.prepare('update highest set epoch = max(epoch, ?)').run(opens)
  })
}

function byQuorum(
  claim: LoggedClaim,
  lockdown: Lockdown,
  { charter, charterHash, witness, nowMs }: GrantGround,
): number {
  requireLogged(claim, GATE_OPENED_ENTRY, charter, witness, nowMs)
  const detail = gateOpenedSchema.safeParse(claim.detail)
  if (!detail.success) throw refused('the statement is malformed')
  const { statement, signatures } = detail.data
  requireNewer(statement, lockdown)
  if (statement.programme !== charter.programme || statement.charter !== charterHash) {
    throw refused('the statement is about another charter')
  }
  const missing = missingQuorum(charter, gateStatementHash(statement), signatures, verifyEd25519)
  if (missing.length > 0) throw refused(`the statement lacks the signature of: ${missing.join(', ')}`)
  return statement.opens
}

function afterDrill(claim: LoggedClaim, lockdown: Lockdown, { charter, witness, nowMs }: GrantGround): number {
  requireLogged(claim, GATE_REOPENED_ENTRY, charter, witness, nowMs)
  const detail = drillReopenedSchema.safeParse(claim.detail)
  if (!detail.success) throw refused('the statement is malformed')
  const { signature, ...statement } = detail.data
  requireNewer(statement, lockdown)
  if (statement.programme !== charter.programme) throw refused('the statement is about another programme')
  if (lockdown.drill === null || lockdown.drill !== statement.drill) throw refused('the lockdown was no such drill’s')
  if (!verifyEd25519(drillReopeningMessage(statement), signature, charter.keys.issuer)) {
    throw refused('the portal has not signed it')
  }
  return statement.opens
}

function requireNewer({ epoch, opens }: { readonly epoch: number; readonly opens: number }, lockdown: Lockdown): void {
  if (epoch < lockdown.epoch || opens <= epoch) throw refused('the statement is older than the lockdown')
}

function refused(message: string): FairtraceError {
  return new FairtraceError('KEEPER_REFUSED', message)
}
