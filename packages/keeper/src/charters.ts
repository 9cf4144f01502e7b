/**
 * The charters that the keeper goes by. The first is pinned when the keeper is set up; each later one counts only with the
 * signatures that the one before asks for. So nobody who writes to the server's database names other approvers, another vault or ledger.
 */
import {
  type Charter,
  charterApprovalSchema,
  charterHash,
  FairtraceError,
  missingApprovals,
  parseCharter,
  successorFault,
  widens,
} from '@fairtrace/core'
import { z } from 'zod'
import { verifyEd25519 } from './curves.ts'
import type { KeeperStore } from './store.ts'

export interface HeldCharter {
  readonly hash: string
  readonly charter: Charter
}

export class Charters {
  readonly #store: KeeperStore
  readonly #publicKey: string
  #current: HeldCharter | null

  constructor(store: KeeperStore, publicKey: string) {
    this.#store = store
    this.#publicKey = publicKey
    const row = store.db.prepare('select hash, yaml from charters order by place desc limit 1').get()
    this.#current = row === undefined ? null : held(String(row.yaml))
    if (this.#current !== null && this.#current.hash !== row?.hash) {
      throw new FairtraceError(
        'KEY_UNAVAILABLE',
        "the keeper's store is damaged: a charter is not the one that was kept",
      )
    }
  }

  current(): HeldCharter | null {
    return this.#current
  }

  /** @throws `KEEPER_REFUSED` before the first */
  require(): HeldCharter {
    if (this.#current === null) throw refused('no charter is pinned yet')
    return this.#current
  }

  /**
   * The custodian's own act: the charter that this keeper begins with.
   * @throws `KEEPER_REFUSED` if there is one, or it names another keeper, or its approvers have not both signed it
   */
  pin(yaml: string, approvals: unknown): HeldCharter {
    if (this.#current !== null)
      throw refused('a charter is pinned already; later ones come with the signatures it asks for')
    const next = held(yaml)
    this.#requireOwnKey(next.charter)
    requireApprovals(next.charter, next, approvals)
    return this.#put(next, yaml)
  }

  /**
   * One that came into force. The same again is no change.
   * @throws `KEEPER_REFUSED`
   */
  follow(yaml: string, approvals: unknown): HeldCharter {
    const current = this.require()
    const next = held(yaml)
    if (next.hash === current.hash) return current
    const fault = successorFault(current.charter, next.charter)
    if (fault !== null) throw refused(fault.message)
    this.#requireOwnKey(next.charter)
    // What gives nobody more applies at once, as everywhere.
    if (widens(current.charter, next.charter).length > 0) requireApprovals(current.charter, next, approvals)
    return this.#put(next, yaml)
  }

  #requireOwnKey({ keys }: Charter): void {
    if (keys.keeper !== this.#publicKey) throw refused('the charter names another keeper')
  }

  #put(next: HeldCharter, yaml: string): HeldCharter {
    this.#store.db.prepare('insert into charters (hash, yaml) values (?, ?)').run(next.hash, yaml)
    this.#current = next
    return next
  }
}

function held(yaml: string): HeldCharter {
  const charter = parseCharter(yaml, 'charter')
  return { charter, hash: charterHash(charter) }
}

function requireApprovals(namedBy: Charter, { charter, hash }: HeldCharter, approvals: unknown): void {
  const parsed = z.array(charterApprovalSchema).max(64).safeParse(approvals)
  const missing = missingApprovals(namedBy, charter, hash, parsed.success ? parsed.data : [], verifyEd25519)
  if (missing.length === 0) return
  const who = missing.map(({ role, name }) => name ?? role)
  throw refused(`the charter lacks the signature of: ${who.join(', ')}`)
}

function refused(message: string): FairtraceError {
  return new FairtraceError('KEEPER_REFUSED', message)
}
