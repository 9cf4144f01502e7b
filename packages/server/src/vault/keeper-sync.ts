/**
 * Keeps vault and keeper of one mind: charter and epoch go to the keeper, and what the keeper has seen is compared with what is
 * stored here. A store that is older than what the keeper remembers came out of a backup: then everything locks.
 */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import type { Logger } from 'pino'
import { raiseExposure } from '../runtime/exposures.ts'
import { LOCKED_ENTRY, lockProgramme } from '../runtime/lockdown.ts'
import { type Programme, readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { KeeperClient } from './keeper-client.ts'
import type { Keystore } from './keystore.ts'
import { witnessedCheckpoint, witnessedProof } from './witnessed-proof.ts'

const PEOPLE_AT_ONCE = 1_000
const SIGNATURES_MIN = 2

interface GateRow {
  readonly type: string
  readonly detail: unknown
  readonly salt: string
  readonly ledger_index: number
}

export interface KeeperSyncInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly keeper: KeeperClient
  readonly log: Logger
}

export class KeeperSync {
  readonly #input: KeeperSyncInput
  #isOfOneMind = false
  #hasReconciled = false
  #said = ''
  #acknowledged = -1

  constructor(input: KeeperSyncInput) {
    this.#input = input
  }

  /** Whether the keeper goes by the charter and the epoch that hold here. Until then nothing is asked of it. */
  isReady(): boolean {
    return this.#isOfOneMind
  }

  /** @throws `KEEPER_UNREACHABLE`, `KEEPER_UNTRUSTED`; asked again with the next run */
  async run(): Promise<void> {
    const { database, keeper } = this.#input
    await this.#sendErasures()
    // First what the keeper knows, then what is here: here only grows, so that a difference is never one of haste.
    const seen = await this.#stateOfKeeper()
    const programme = await readProgramme(database, null)
    if (programme === null || seen === null) return
    const behind = await this.#whatIsBehind(programme, seen)
    if (behind !== null) await this.#lock(behind, seen.epoch)
    await this.#followCharters(programme, seen.charter)
    const now = await readProgramme(database, programme)
    if (now !== null && now.epoch > seen.epoch) {
      await keeper.call<'raise-epoch'>({ call: 'raise-epoch', epoch: now.epoch })
    }
    if (now !== null) await this.#followLockdown(now)
    await this.#reconcileErasures()
    const after = (await keeper.call<'state'>({ call: 'state' })).result
    this.#isOfOneMind = now !== null && after.charter === now.charterHash && after.epoch === now.epoch
  }

  /** The keeper has no way to the database: what it signed, that it is locked, is written down for it. */
  async #keepersWord(epoch: number): Promise<void> {
    const { database, keeper } = this.#input
    const { signed } = await keeper.call<'state'>({ call: 'state' })
    const at = signed.lastIndexOf('.')
    await database.pool.query(
      `insert into install.acknowledgements (epoch, point, role, body, signature) values ($1, 'keeper', 'keeper', $2, $3)
       on conflict do nothing`,
      [epoch, signed.slice(0, at), signed.slice(at + 1)],
    )
    this.#acknowledged = epoch
  }

  /** The keeper hears of a lockdown, and of the gate that ends it. What the database says alone ends nothing there. */
  async #followLockdown(now: Programme): Promise<void> {
    const { database, keeper } = this.#input
    const { locked } = (await keeper.call<'state'>({ call: 'state' })).result
    if (now.state === 'locked') {
      // A drill's, if all of it is: what locked besides, even later, makes it nobody's but the quorum's to open.
      const { rows } = await database.pool.query<{ drill: string | null }>(
        'select distinct drill from install.lockdowns where number > $1',
        [now.endedUpTo],
      )
      const drill = rows.length === 1 ? (rows[0]?.drill ?? null) : null
      await keeper.call<'lockdown'>({ call: 'lockdown', epoch: now.epoch, drill })
      if (this.#acknowledged !== now.epoch) await this.#keepersWord(now.epoch)
      return
    }
    if (locked === null) return
    const { rows } = await database.pool.query<GateRow>(
      'select type, detail, salt, ledger_index from gate.openings where epoch > $1 order by epoch desc limit 10',
      [locked],
    )
    if (now.state !== 'running' && rows.length === 0) return
    for (const { type, detail, salt, ledger_index } of rows) {
      const proof = await witnessedProof(database, ledger_index, salt, keeper)
      try {
        await keeper.call<'gate'>({ call: 'gate', logged: { type, detail, proof } })
        return
      } catch (error) {
        if (!isFairtraceError(error) || !['KEEPER_REFUSED', 'LEDGER_INVALID'].includes(error.code)) throw error
        // Fails closed: another row may be the one that the four signed; if none is, it locks.
      }
    }
    await this.#lockForged(locked)
  }

  /** It runs, and nobody whom the keeper knows has let it: the state was written past the gate. */
  async #lockForged(seenEpoch: number): Promise<void> {
    const { database, keystore, log } = this.#input
    const reason = 'The state was set past the gate: nobody signed for it.'
    log.error({ code: 'PROGRAMME_LOCKED', reason }, 'the programme is being locked')
    await raiseExposure(
      database,
      'rows-forged',
      { what: 'install.programme', locked: seenEpoch },
      'table install.programme',
    )
    const lock = await lockProgramme(database, reason, { seenEpoch })
    const logged = await lock.logged
    if (logged !== null) keystore.keepLedgerDetail(logged.index, LOCKED_ENTRY, logged.salt, logged.detail)
  }

  /** The keeper destroys its halves of who was erased here, and is asked until it has. */
  async #sendErasures(): Promise<void> {
    const { database, keeper } = this.#input
    for (;;) {
      const { rows: people } = await database.pool.query<{ pseudonym: string; generation: number }>(
        'select pseudonym, max(generation) as generation from vault.keeper_erasures group by pseudonym limit $1',
        [PEOPLE_AT_ONCE],
      )
      if (people.length === 0) return
      await keeper.call<'erase'>({ call: 'erase', people })
      await database.pool.query(
        `delete from vault.keeper_erasures e using unnest($1::text[], $2::int[]) as t(pseudonym, generation)
         where e.pseudonym = t.pseudonym and e.generation <= t.generation`,
        [people.map(({ pseudonym }) => pseudonym), people.map(({ generation }) => generation)],
      )
    }
  }

  /** null as long as it has no charter: a demonstration's keeper takes the first that is signed. */
  async #stateOfKeeper() {
    const { keeper } = this.#input
    try {
      return (await keeper.call<'state'>({ call: 'state' })).result
    } catch (error) {
      if (!(isFairtraceError(error) && error.code === 'KEEPER_REQUEST_INVALID')) throw error
      const first = (await this.#signedCharters()).find(({ signatures }) => signatures.length >= SIGNATURES_MIN)
      if (first === undefined) return null
      await keeper.call<'charter'>({ call: 'charter', yaml: first.yaml, approvals: first.signatures })
      return (await keeper.call<'state'>({ call: 'state' })).result
    }
  }

  /** @returns in what the store is older than the keeper, in words; null if in nothing */
  async #whatIsBehind(
    programme: Programme,
    seen: {
      readonly epoch: number
      readonly charter: string | null
      readonly checkpoint: { readonly size: number } | null
    },
  ): Promise<string | null> {
    const { database, keeper } = this.#input
    if (seen.epoch > programme.epoch) return 'an older epoch than the keeper has seen'
    const known = new Set<string>(programme.charters.keys())
    if (seen.charter !== null && !known.has(seen.charter)) return 'an older charter than the keeper has seen'
    const { rows } = await database.pool.query<{ size: number }>(
      'select coalesce(max(idx) + 1, 0)::bigint as size from ledger.entries',
    )
    if ((seen.checkpoint?.size ?? 0) > (rows[0]?.size ?? 0)) return 'a shorter log than the keeper has seen'
    try {
      await witnessedCheckpoint(database, keeper)
      return null
    } catch (error) {
      if (isFairtraceError(error) && error.code === 'STATE_ROLLED_BACK') return 'another log than the keeper has seen'
      // No checkpoint yet, or none in time: nothing is known to be behind.
      if (isFairtraceError(error) && error.code === 'LEDGER_UNAVAILABLE') return null
      throw error
    }
  }

  async #lock(behind: string, seenEpoch: number): Promise<void> {
    const { database, keystore, log } = this.#input
    const reason = `The store holds ${behind}: a backup has come back.`
    const before = await readProgramme(database, null)
    if (before?.state === 'locked' && before.epoch >= seenEpoch) return
    const { code, advice } = new FairtraceError('STATE_ROLLED_BACK', reason)
    if (this.#said !== behind) log.error({ code, reason, advice }, 'the programme is being locked')
    this.#said = behind
    const lock = await lockProgramme(database, reason, { seenEpoch })
    await raiseExposure(database, 'state-rolled-back', { behind })
    const logged = await lock.logged
    if (logged !== null) keystore.keepLedgerDetail(logged.index, LOCKED_ENTRY, logged.salt, logged.detail)
  }

  /** Who was erased since the backup was made is erased here again, whatever the backup says of them. */
  async #reconcileErasures(): Promise<void> {
    if (this.#hasReconciled) return
    const { database, keeper } = this.#input
    let after = ''
    for (;;) {
      const { rows: people } = await database.pool.query<{ pseudonym: string; generation: number }>(
        `select pseudonym, max(generation) as generation from vault.participant_keys where pseudonym > $1
         group by pseudonym order by pseudonym limit $2`,
        [after, PEOPLE_AT_ONCE],
      )
      if (people.length === 0) break
      const { result } = await keeper.call<'which-erased'>({ call: 'which-erased', people })
      await database.pool.query(
        `insert into vault.erasure_requests select * from unnest($1::text[], $2::int[]) on conflict do nothing`,
        [result.people.map(({ pseudonym }) => pseudonym), result.people.map(({ generation }) => generation)],
      )
      after = people.at(-1)?.pseudonym ?? ''
    }
    this.#hasReconciled = true
  }

  /** Each charter in turn, with the signatures that the one before asks for. */
  async #followCharters({ charters, charterHash }: Programme, seen: string | null): Promise<void> {
    if (seen === charterHash) return
    const from = seen === null ? 0 : ([...charters].find(([hash]) => hash === seen)?.[1].version ?? 0)
    for (const { version, yaml, signatures } of await this.#signedCharters()) {
      if (version <= from) continue
      await this.#input.keeper.call<'charter'>({ call: 'charter', yaml, approvals: signatures })
    }
  }

  async #signedCharters() {
    const { rows } = await this.#input.database.pool.query<{ version: number; yaml: string; signatures: unknown[] }>(
      `select c.version, c.yaml, coalesce(s.signatures, '[]') as signatures from install.charters c
       left join install.charter_signatures s on s.hash = c.hash where not c.derived order by c.version`,
    )
    return rows
  }
}
