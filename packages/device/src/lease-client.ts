/**
 * Keeps the device's lease: asks for it, checks it, and knows when it is over.
 *
 * In memory only. Two clocks watch it: the wall clock, which a person or a server can turn back, and a monotonic one, which
 * may stand still while the machine sleeps. It is over when either says so.
 */
import { type Clock, type ErrorCode, FairtraceError, isFairtraceError, type Lease } from '@fairtrace/core'
import { z } from 'zod'
import type { DeviceKey } from './device-key.ts'
import type { Outbox } from './outbox.ts'
import { type Fetch, requireAnswer } from './portal-client.ts'
import type { Pins, Programme } from './programme.ts'
import { LEASE_REQUEST_TYP, signRequest, verifyLease } from './tokens.ts'

/** The longest lease that a device takes: a server can't hand out a permission that outlives a lockdown. */
export const LEASE_MS_MAX = 600_000
/** How long a device waits after a refusal or a failure before it asks again. */
const RETRY_MS = 5_000

export interface HeldLease {
  readonly lease: Lease
  /** Compact JWS, as batches carry it. */
  readonly jws: string
  /** Counts the times without a lease: two leases share a number if the second was there before the first was over. */
  readonly unbroken: number
}

export interface LeaseClientOptions {
  readonly fetch: Fetch
  readonly serverUrl: string
  readonly deviceKey: DeviceKey
  readonly device: string
  readonly build: string
  readonly pins: Pins
  readonly programme: Programme
  /** Asks again, when a lease names a charter that this device has not seen yet. */
  readonly fetchProgramme: () => Promise<Programme>
  readonly outbox: Pick<Outbox, 'highestSeen' | 'raiseHighestSeen'>
  readonly clock: Clock
  /** Milliseconds of a clock that nobody can turn back. */
  readonly monotonicMs: () => number
}

const answerSchema = z.object({ lease: z.string().max(8_192) })

export class LeaseClient {
  readonly #options: LeaseClientOptions
  #programme: Programme
  #held: (HeldLease & { readonly monotonicEndMs: number }) | null = null
  #retryAtMs = Number.NEGATIVE_INFINITY
  #refusal: ErrorCode | null = null
  #unbroken = 0

  constructor(options: LeaseClientOptions) {
    this.#options = options
    this.#programme = options.programme
  }

  /** The lease that is alive now, or null. */
  current(): HeldLease | null {
    const held = this.#held
    if (held === null) return null
    const nowMs = this.#options.clock.nowMs()
    // Stated as what we accept, so that a clock that says NaN ends the lease.
    const alive =
      held.lease.startsAtMs <= nowMs && nowMs < held.lease.endsAtMs && this.#options.monotonicMs() < held.monotonicEndMs
    if (!alive) this.#held = null
    return alive ? held : null
  }

  /** Why the last request gave no lease, or null. */
  get refusal(): ErrorCode | null {
    return this.#refusal
  }

  /** The programme whose charter the lease names. */
  get programme(): Programme {
    return this.#programme
  }

  /** Gives the lease up: nothing is captured until the next `renew`. */
  drop(): void {
    this.#held = null
  }

  /**
   * Asks for a lease and holds it.
   * @throws `LEASE_INVALID` for one that isn't exactly for this device, now; the server's refusal under its own code
   */
  async renew(): Promise<HeldLease> {
    const { fetch, serverUrl, device, deviceKey, clock, monotonicMs, pins } = this.#options
    const monotonicStartMs = monotonicMs()
    const request = await signRequest(LEASE_REQUEST_TYP, { device, atMs: clock.nowMs() }, deviceKey)
    const url = new URL('/api/leases', serverUrl).href
    const { lease: jws } = await requireAnswer(fetch, url, answerSchema, {
      body: { type: 'application/jose', text: request },
    })
    const lease = await verifyLease(jws, pins.issuer)
    await this.#requireOurs(lease)
    // Counted from before the request: an answer that was held up on its way is no longer for it.
    const monotonicEndMs = monotonicStartMs + (lease.endsAtMs - lease.startsAtMs)
    if (this.current() === null) this.#unbroken++
    this.#held = { lease, jws, unbroken: this.#unbroken, monotonicEndMs }
    this.#refusal = null
    return this.#held
  }

  /**
   * Renews where less than half of the lease is left; what it can't get is no error here, for capture goes on under the old
   * lease until that is over, and then stops.
   */
  async keepFresh(): Promise<HeldLease | null> {
    const held = this.current()
    const nowMs = this.#options.clock.nowMs()
    if (held !== null && nowMs < (held.lease.startsAtMs + held.lease.endsAtMs) / 2) return held
    if (this.#options.monotonicMs() < this.#retryAtMs) return held
    try {
      return await this.renew()
    } catch (cause) {
      // Fails closed: without an answer there is no new lease, and the old one ends by its own clocks.
      this.#refusal = isFairtraceError(cause) ? cause.code : 'INTERNAL'
      this.#retryAtMs = this.#options.monotonicMs() + RETRY_MS
      return this.current()
    }
  }

  async #requireOurs(lease: Lease): Promise<void> {
    const { device, deviceKey, build, outbox, clock } = this.#options
    const lengthMs = lease.endsAtMs - lease.startsAtMs
    const nowMs = clock.nowMs()
    const highest = await outbox.highestSeen()
    if (lease.charter !== this.#programme.charterHash) this.#programme = await this.#options.fetchProgramme()
    if (lease.programme !== this.#programme.id) throw invalid('it is of another programme')
    if (lease.charter !== this.#programme.charterHash) throw invalid('it names another charter')
    if (lease.device !== device || lease.deviceKey !== deviceKey.publicKey) throw invalid('it is for another device')
    if (lease.build !== build) throw invalid('it is for another build')
    if (!(lengthMs > 0 && lengthMs <= LEASE_MS_MAX)) throw invalid(`it lasts ${lengthMs} ms; at most ${LEASE_MS_MAX}`)
    // Going back to an older epoch or consent would revive what was fenced or withdrawn.
    if (lease.epoch < highest.epoch) throw invalid(`its epoch ${lease.epoch} is over; ${highest.epoch} was seen`)
    if (lease.consentVersion < highest.consentVersion) {
      throw invalid(`its consent version ${lease.consentVersion} is over; ${highest.consentVersion} was seen`)
    }
    if (!(lease.startsAtMs <= nowMs + LEASE_MS_MAX && nowMs < lease.endsAtMs)) {
      throw new FairtraceError('DEVICE_CLOCK_WRONG', 'the new lease is not for now by the clock of this device')
    }
    await outbox.raiseHighestSeen({ epoch: lease.epoch, consentVersion: lease.consentVersion })
  }
}

/** Whether capture may go on in the same recording: the same permission, only for longer. */
export function isSamePermission(a: Lease, b: Lease): boolean {
  const terms = ({ startsAtMs: _from, endsAtMs: _to, ...rest }: Lease): string => JSON.stringify(rest)
  return terms(a) === terms(b)
}

function invalid(what: string): FairtraceError {
  return new FairtraceError('LEASE_INVALID', `the server sent a lease, but ${what}`)
}
