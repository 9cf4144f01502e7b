/**
 * The second custodian. It takes requests that the vault of its charter signed, judges each by what it holds itself (charter, epoch,
 * clock, the log that it has watched), and signs its answers.
 *
 * It trusts nothing that the server computed; what it can't check it refuses.
 */
import {
  type Clock,
  FairtraceError,
  isFairtraceError,
  KEEPER_ANSWER_TYP,
  KEEPER_REQUEST_MS,
  KEEPER_REQUEST_TYP,
  type KeeperCall,
  type KeeperState,
  keeperRequestSchema,
  ledgerOrigin,
  parseCharter,
} from '@fairtrace/core'
import { formatVerifierKey, verifyJws, type Witness, type WitnessAnswer } from '@fairtrace/verify'
import { Charters, type HeldCharter } from './charters.ts'
import { type Signer, signerFromSeed } from './curves.ts'
import { lockedSince, noteLockdown, openGate, requireUnlocked } from './gate.ts'
import { activate, endGrant, type GrantGround, requireOpening, requireReleaseOpening } from './grants.ts'
import { OwnClock } from './own-clock.ts'
import { requireOwnOpening } from './own-openings.ts'
import { ParticipantPasskeys } from './passkeys.ts'
import {
  closeRelease,
  eraseShares,
  makeReleaseShare,
  makeShares,
  sealReleaseShare,
  sealShares,
  whichErased,
} from './shares.ts'
import type { KeeperStore } from './store.ts'
import { keeperWitness, witnessed } from './witness.ts'

/** Told of every request by its name and outcome, for the custodian's log; never of whom it is about. */
export type OnRequest = (call: KeeperCall['call'], code: string | null) => void

export class Keeper {
  readonly publicKey: string
  readonly #store: KeeperStore
  readonly #signer: Signer
  readonly #clock: OwnClock
  readonly #charters: Charters
  readonly #onRequest: OnRequest
  /** Requests dated before the start are refused, so that nonces need not survive it. */
  readonly #startedAtMs: number
  readonly #nonces = new Map<string, number>()
  #witness: { readonly charter: string; readonly witness: Witness } | null = null

  /** @throws `KEEPER_CLOCK_BACK`, and then the store is still open */
  constructor(store: KeeperStore, clock: Clock, onRequest: OnRequest = () => undefined) {
    this.#store = store
    this.#signer = signerFromSeed(store.signingSeed)
    this.publicKey = this.#signer.publicKey
    this.#clock = new OwnClock(clock, store)
    this.#charters = new Charters(store, this.publicKey)
    this.#onRequest = onRequest
    this.#startedAtMs = this.#clock.nowMs()
    this.#clock.keep()
  }

  /** The custodian's own act, once. @throws `KEEPER_REFUSED`, `CHARTER_INVALID` */
  pinCharter(yaml: string, approvals: unknown): HeldCharter {
    return this.#charters.pin(yaml, approvals)
  }

  /** The custodian's own act: whatever the vault says, nothing opens under this grant any more. */
  endGrant(hash: string): void {
    endGrant(hash, this.#store)
  }

  charter(): HeldCharter | null {
    return this.#charters.current()
  }

  /** As the charter's list of witnesses wants it; null before a charter is pinned. */
  witnessKey(): string | null {
    const witness = this.#currentWitness()
    return witness === null ? null : formatVerifierKey(witness.key)
  }

  state(): KeeperState {
    const held = this.#charters.current()
    const seen = held === null ? null : witnessed(this.#store, ledgerOrigin(held.charter.programme))
    return {
      epoch: this.#epoch(),
      charter: held?.hash ?? null,
      locked: lockedSince(this.#store)?.epoch ?? null,
      checkpoint: seen === null ? null : { size: seen.size, root: Buffer.from(seen.root).toString('base64') },
    }
  }

  async addCheckpoint(body: string): Promise<WitnessAnswer> {
    const witness = this.#currentWitness()
    return witness === null ? { status: 404, body: 'unknown log\n' } : await witness.addCheckpoint(body)
  }

  /**
   * @param token a signed request
   * @returns a signed answer, also to what is refused
   * @throws `KEEPER_REQUEST_INVALID` for what nobody whom it knows has signed, or that was used before; `KEEPER_CLOCK_BACK`
   */
  async answer(token: string): Promise<string> {
    const nowMs = this.#clock.nowMs()
    const { nonce, call } = this.#requireRequest(token, nowMs)
    try {
      const result = await this.#serve(call, nonce, nowMs)
      this.#onRequest(call.call, null)
      return this.#signed({ nonce, result })
    } catch (error) {
      // Fails closed: whatever went wrong, nothing of a share is in the answer.
      const code = isFairtraceError(error) ? error.code : 'INTERNAL'
      this.#onRequest(call.call, code)
      const message = isFairtraceError(error) ? error.message : 'the keeper failed'
      return this.#signed({ nonce, refused: { code, message } })
    }
  }

  close(): void {
    this.#clock.keep()
    this.#store.close()
  }

  async #serve(call: KeeperCall, nonce: string, nowMs: number): Promise<unknown> {
    switch (call.call) {
      case 'state':
        return this.state()
      case 'make-shares': {
        const { charter } = this.#charters.require()
        return { keys: makeShares(call.people, this.#store, charter.programme, this.#signer) }
      }
      case 'erase':
        eraseShares(call.people, this.#store)
        return {}
      case 'which-erased':
        return { people: whichErased(call.people, this.#store) }
      case 'activate':
        requireUnlocked(this.#store)
        return { activation: activate(call, this.#ground(nowMs)) }
      case 'end-grant':
        endGrant(call.grant, this.#store)
        return {}
      case 'open':
        requireUnlocked(this.#store)
        requireOpening(call, this.#ground(nowMs))
        return await sealShares(call.items, call.replyKey, nonce, this.#store)
      case 'make-release-share': {
        const { charter } = this.#charters.require()
        return { keys: makeReleaseShare(call, this.#store, charter.programme, this.#signer) }
      }
      case 'open-release':
        requireUnlocked(this.#store)
        requireReleaseOpening(call, this.#ground(nowMs))
        return await sealReleaseShare(call.item, call.replyKey, nonce, this.#store)
      case 'close-release':
        closeRelease(call.release, this.#store)
        return {}
      case 'add-passkey': {
        const { charter } = this.#charters.require()
        const passkeys = new ParticipantPasskeys(this.#store)
        return { usableFromMs: passkeys.add(call.enrolment, call.vouchedBy, charter, nowMs) }
      }
      case 'open-own':
        requireOwnOpening(call, this.#ground(nowMs))
        return await sealShares(call.items, call.replyKey, nonce, this.#store)
      case 'raise-epoch':
        // Never lowered; the same again is no change.
        this.#store.db.prepare('update highest set epoch = max(epoch, ?)').run(call.epoch)
        return {}
      case 'lockdown':
        noteLockdown(this.#store, call.epoch, call.drill)
        return {}
      case 'gate':
        openGate(call.logged, this.#ground(nowMs))
        return {}
      case 'charter':
        this.#charters.follow(call.yaml, call.approvals)
        return {}
    }
  }

  #requireRequest(token: string, nowMs: number): { nonce: string; call: KeeperCall } {
    const held = this.#charters.current() ?? this.#firstCharter(token)
    const payload = verifyJws(KEEPER_REQUEST_TYP, token, held.charter.keys.vault, 'KEEPER_REQUEST_INVALID')
    const parsed = keeperRequestSchema.safeParse(payload)
    if (!parsed.success) throw invalid('the request is malformed')
    const { nonce, atMs, call } = parsed.data
    if (!(Math.abs(nowMs - atMs) <= KEEPER_REQUEST_MS) || atMs < this.#startedAtMs - 1_000) {
      throw invalid('the request is not of this minute')
    }
    for (const [known, until] of this.#nonces) if (until < nowMs) this.#nonces.delete(known)
    if (this.#nonces.has(nonce)) throw invalid('the request was used before')
    this.#nonces.set(nonce, atMs + KEEPER_REQUEST_MS)
    return { nonce, call }
  }

  /**
   * A demonstration has no custodian who would pin its charter, so its keeper takes the first that is signed by its own approvers. A
   * keeper that was set up for anything else waits for its custodian.
   */
  #firstCharter(token: string): HeldCharter {
    if (this.#store.kind !== 'demonstration') throw invalid('no charter is pinned yet')
    const body: unknown = decoded(token.split('.')[1] ?? '')
    const parsed = keeperRequestSchema.safeParse(body)
    if (!parsed.success || parsed.data.call.call !== 'charter') throw invalid('no charter is pinned yet')
    const { yaml, approvals } = parsed.data.call
    const charter = parseCharter(yaml, 'charter')
    if (!charter.demonstration) throw invalid('the charter is not that of a demonstration')
    verifyJws(KEEPER_REQUEST_TYP, token, charter.keys.vault, 'KEEPER_REQUEST_INVALID')
    return this.#charters.pin(yaml, approvals)
  }

  #ground(nowMs: number): GrantGround {
    const { charter, hash: charterHash } = this.#charters.require()
    const witness = this.#currentWitness()
    if (witness === null) throw invalid('no charter is pinned yet')
    const { key } = witness
    return { store: this.#store, charter, charterHash, signer: this.#signer, witness: key, nowMs, epoch: this.#epoch() }
  }

  #currentWitness(): Witness | null {
    const held = this.#charters.current()
    if (held === null) return null
    if (this.#witness?.charter !== held.hash) {
      this.#witness = { charter: held.hash, witness: keeperWitness(held, this.#store, () => this.#clock.nowMs()) }
    }
    return this.#witness.witness
  }

  #epoch(): number {
    return Number(this.#store.db.prepare('select epoch from highest').get()?.epoch ?? 0)
  }

  #signed(payload: unknown): string {
    const head = `${encoded({ alg: 'EdDSA', typ: KEEPER_ANSWER_TYP })}.${encoded(payload)}`
    return `${head}.${this.#signer.sign(Buffer.from(head))}`
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    // Fails closed: no request.
    return null
  }
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('KEEPER_REQUEST_INVALID', message)
}
