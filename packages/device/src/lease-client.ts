/**
 * Keeps the device's lease: asks for it, checks it, and knows when it is over.
 *
 * In memory only. Three things end it, whichever comes first: the wall clock, which a person or a server can turn back; a
 * monotonic clock, which may stand still while the machine sleeps; and word from the portal (`revoked`). The device's wall
 * clock may be some minutes off, so both count from the moment of the request: by the portal's clock a lease never lasts longer.
 */
import {
  type Charter,
  type CharterHash,
  type Clock,
  DEVICE_CLOCK_SKEW_MS_MAX,
  type ErrorCode,
  FairtraceError,
  isFairtraceError,
  type Lease,
  RENEWAL_SCHEME,
  type RenewalPurpose,
} from '@fairtrace/core'
import { base64url as jose } from 'jose'
import { z } from 'zod'
import type { DeviceKey } from './device-key.ts'
import type { Outbox } from './outbox.ts'
import { call, type Fetch, parseAnswer, requireAnswer } from './portal-client.ts'
import type { Pins, Programme } from './programme.ts'
import { createReplyKey, leaseAnswerSchema, Renewals } from './renewals.ts'
import { LEASE_REQUEST_TYP, signRequest, verifyLease } from './tokens.ts'

/** The longest lease that a device takes: a server can't hand out a permission that outlives a lockdown. */
export const LEASE_MS_MAX = 600_000
/** How long a device waits after the first refusal or failure before it asks again; each one after it doubles that. */
const RETRY_MS = 5_000
/** After failures: a network that comes back is found soon. */
const UNREACHABLE_RETRY_MS_MAX = 60_000
/** After refusals: what changes is pushed, or told by the person. */
const REFUSED_RETRY_MS_MAX = 300_000
/**
 * The least that a device waits after a revocation: every portal has heard of the change by then. On top of it comes chance, up
 * to `RETRY_MS`, so that all devices of a programme don't ask at once.
 */
const REVOKED_MS_MIN = 250
/** What a portal answers where its renewal key is no longer good; then the device asks with its own key. */
const RENEWAL_ENDS: readonly ErrorCode[] = ['RENEWAL_OVER', 'REQUEST_FORGED', 'REQUEST_REPLAYED', 'NOT_FOUND']

export interface HeldLease {
  readonly lease: Lease
  /** Compact JWS, as batches carry it. */
  readonly jws: string
  /** Counts the times without a lease: two leases share a number if the second was there before the first was over. */
  readonly unbroken: number
  /** What to add to this device's clock to get the portal's; rather more than less, so that a lease never lasts longer for it. */
  readonly portalAheadMs: number
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
  /** The charter of this hash, where it isn't the one in force. */
  readonly fetchCharter: (hash: string) => Promise<Charter>
  readonly outbox: Pick<Outbox, 'highestSeen' | 'raiseHighestSeen'>
  readonly clock: Clock
  /** Milliseconds of a clock that nobody can turn back. */
  readonly monotonicMs: () => number
  /** In [0, 1): spreads what devices ask. */
  readonly random?: () => number
}

type Held = HeldLease & { readonly monotonicEndMs: number }

const renewedSchema = z.object({ lease: z.string().max(8_192) })

export class LeaseClient {
  readonly #options: LeaseClientOptions
  #programme: Programme
  #renewals: Renewals | null = null
  #held: Held | null = null
  #retryAtMs = Number.NEGATIVE_INFINITY
  #refusal: ErrorCode | null = null
  #failures = 0
  #refreshing: Promise<HeldLease | null> | null = null
  #unbroken = 0
  /** Counts the times that a lease was given up: an answer to a request from before is no longer for us. */
  #givenUp = 0
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(options: LeaseClientOptions) {
    this.#options = options
    this.#programme = options.programme
  }

  /** The lease that is alive now, or null. */
  current(): HeldLease | null {
    return this.#current()
  }

  #current(): Held | null {
    const held = this.#held
    if (held === null) return null
    const portalMs = this.#options.clock.nowMs() + held.portalAheadMs
    // Stated as what we accept, so that a clock that says NaN ends the lease.
    const alive =
      held.lease.startsAtMs <= portalMs &&
      portalMs < held.lease.endsAtMs &&
      this.#options.monotonicMs() < held.monotonicEndMs
    if (!alive) this.#held = null
    return alive ? held : null
  }

  /** Why the last request gave no lease, or null. */
  get refusal(): ErrorCode | null {
    return this.#refusal
  }

  /** The programme, with the charter that the lease names: the terms that bind this participant. */
  get programme(): Programme {
    return this.#programme
  }

  /** Gives the lease up: nothing is captured until the next `renew`. What is still on its way counts for nothing. */
  drop(): void {
    this.#held = null
    this.#givenUp++
  }

  /** The portal says that whatever we hold is over. Asked again is after a moment, at another one on each device. */
  revoked(): void {
    this.drop()
    const { monotonicMs, random } = this.#options
    const waitMs = REVOKED_MS_MIN + (random ?? Math.random)() * (RETRY_MS - REVOKED_MS_MIN)
    this.#refusal = 'LEASE_REVOKED'
    this.#failures = 0
    this.#retryAtMs = monotonicMs() + waitMs
  }

  /** A token for the stream of revocations, or null while there is no key to make one. */
  async eventsToken(): Promise<string | null> {
    const token = await this.#renewalToken('events')
    return token?.token ?? null
  }

  /**
   * Asks for a lease and holds it.
   * @throws `LEASE_INVALID` for one that isn't exactly for this device, now; `LEASE_REVOKED` if it was given up meanwhile; the
   *   server's refusal under its own code
   */
  renew(): Promise<HeldLease> {
    const turn = this.#lastTurn.then(() => this.#renew())
    // The one before has told its own caller if it failed; the next one asks all the same.
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }

  /**
   * Renews where less than half of the lease is left. Where the portal can't be asked, capture goes on under the old lease until
   * that is over, and then stops; where it says no, the old lease is given up at once.
   */
  async keepFresh(): Promise<HeldLease | null> {
    const held = this.current()
    const portalMs = this.#options.clock.nowMs() + (held?.portalAheadMs ?? 0)
    if (held !== null && portalMs < (held.lease.startsAtMs + held.lease.endsAtMs) / 2) return held
    return await this.refresh()
  }

  /** As `keepFresh`, however much of the lease is left. Whoever asks meanwhile gets the same answer. */
  refresh(): Promise<HeldLease | null> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  /** The person is there and waits, or something is known to be different: the next `refresh` asks whatever was said before. */
  forgetFailures(): void {
    this.#failures = 0
    this.#retryAtMs = Number.NEGATIVE_INFINITY
  }

  /** Milliseconds until there is something to do: ask for the next lease, or let go of this one. */
  dueInMs(): number {
    const held = this.#current()
    const monotonicMs = this.#options.monotonicMs()
    const waitMs = Math.max(0, this.#retryAtMs - monotonicMs)
    if (held === null) return Math.ceil(waitMs)
    const { lease, portalAheadMs, monotonicEndMs } = held
    const portalMs = this.#options.clock.nowMs() + portalAheadMs
    const askMs = Math.max((lease.startsAtMs + lease.endsAtMs) / 2 - portalMs, waitMs)
    return Math.ceil(Math.max(0, Math.min(askMs, lease.endsAtMs - portalMs, monotonicEndMs - monotonicMs)))
  }

  async #refresh(): Promise<HeldLease | null> {
    if (this.#options.monotonicMs() < this.#retryAtMs) return this.current()
    try {
      const held = await this.renew()
      this.#failures = 0
      return held
    } catch (cause) {
      // Fails closed: without an answer there is no new lease, and the old one ends by its own clocks.
      const isRefusal = isRefused(cause)
      if (isRefusal) this.drop()
      this.#refusal = isFairtraceError(cause) ? cause.code : 'INTERNAL'
      const waitMs = this.#waitMs(isRefusal ? REFUSED_RETRY_MS_MAX : UNREACHABLE_RETRY_MS_MAX)
      this.#retryAtMs = Math.max(this.#retryAtMs, this.#options.monotonicMs() + waitMs)
      return this.current()
    }
  }

  /** Doubles with each failure, and lands anywhere in the upper half, so that devices don't come back together. */
  #waitMs(maxMs: number): number {
    const ceilingMs = Math.min(RETRY_MS * 2 ** this.#failures++, maxMs)
    return Math.max(RETRY_MS, ceilingMs * (0.5 + (this.#options.random ?? Math.random)() / 2))
  }

  async #renew(): Promise<HeldLease> {
    const { clock, monotonicMs, pins } = this.#options
    const givenUp = this.#givenUp
    const monotonicStartMs = monotonicMs()
    const startMs = clock.nowMs()
    const { jws, answered } = (await this.#askWithRenewal()) ?? (await this.#askWithKey())
    const lease = await verifyLease(jws, pins.issuer)
    await this.#requireOurs(lease, answered, startMs)
    // Both counted from before the request: an answer that was held up on its way is no longer for it.
    const portalAheadMs = lease.startsAtMs - startMs
    const monotonicEndMs = monotonicStartMs + (lease.endsAtMs - lease.startsAtMs)
    if (givenUp !== this.#givenUp) throw new FairtraceError('LEASE_REVOKED', 'the lease was given up on its way')
    if (this.current() === null) this.#unbroken++
    this.#held = { lease, jws, unbroken: this.#unbroken, portalAheadMs, monotonicEndMs }
    this.#refusal = null
    return this.#held
  }

  /** @returns null where there is no key, or where the portal knows it no longer */
  async #askWithRenewal(): Promise<{ jws: string; answered: string } | null> {
    const made = await this.#renewalToken('lease')
    if (made === null) return null
    const { fetch, serverUrl } = this.#options
    const url = new URL('/api/leases/renew', serverUrl).href
    const answer = await call(fetch, url, { method: 'POST', token: made.token, scheme: RENEWAL_SCHEME })
    if (answer.ok) return { jws: parseAnswer(renewedSchema, answer.value, url).lease, answered: made.mac }
    if (!RENEWAL_ENDS.includes(answer.error.code)) throw answer.error
    this.#renewals = null
    return null
  }

  async #askWithKey(): Promise<{ jws: string; answered: string }> {
    const { fetch, serverUrl, device, deviceKey, clock } = this.#options
    const replyKey = await createReplyKey()
    const payload = { device, atMs: clock.nowMs(), replyKey: replyKey.publicKey }
    const text = await signRequest(LEASE_REQUEST_TYP, payload, deviceKey)
    const answered = await sha256(text)
    const answer = await requireAnswer(fetch, new URL('/api/leases', serverUrl).href, leaseAnswerSchema, {
      body: { type: 'application/jose', text },
    })
    const { lease, grant } = await replyKey.open(answer, answered)
    this.#renewals = grant === null ? null : new Renewals(device, clock, grant)
    return { jws: lease, answered }
  }

  async #renewalToken(purpose: RenewalPurpose) {
    const renewals = this.#renewals
    return renewals?.isAlive() ? await renewals.token(purpose) : null
  }

  async #requireOurs(lease: Lease, answered: string, askedAtMs: number): Promise<void> {
    const { device, deviceKey, build, outbox } = this.#options
    const lengthMs = lease.endsAtMs - lease.startsAtMs
    if (lease.request !== answered) throw invalid('it answers another request')
    if (lease.programme !== this.#programme.id) throw invalid('it is of another programme')
    if (lease.device !== device || lease.deviceKey !== deviceKey.publicKey) throw invalid('it is for another device')
    if (lease.build !== build) throw invalid('it is for another build')
    if (!(lengthMs > 0 && lengthMs <= LEASE_MS_MAX)) throw invalid(`it lasts ${lengthMs} ms; at most ${LEASE_MS_MAX}`)
    const highest = await outbox.highestSeen()
    // Going back to an older epoch or consent would revive what was fenced or withdrawn.
    if (lease.epoch < highest.epoch) throw invalid(`its epoch ${lease.epoch} is over; ${highest.epoch} was seen`)
    if (lease.consentVersion < highest.consentVersion) {
      throw invalid(`its consent version ${lease.consentVersion} is over; ${highest.consentVersion} was seen`)
    }
    if (!(Math.abs(lease.startsAtMs - askedAtMs) <= DEVICE_CLOCK_SKEW_MS_MAX)) {
      throw new FairtraceError('DEVICE_CLOCK_WRONG', 'the clocks of this device and of the portal are too far apart')
    }
    if (lease.charter !== this.#programme.charterHash) this.#programme = await this.#termsOf(lease.charter)
    await outbox.raiseHighestSeen({ epoch: lease.epoch, consentVersion: lease.consentVersion })
  }

  /** The charter that the lease names is the one in force now, or an older one that this participant agreed to. */
  async #termsOf(charterHash: string): Promise<Programme> {
    const programme = await this.#options.fetchProgramme()
    if (programme.charterHash === charterHash) return programme
    try {
      const charter = await this.#options.fetchCharter(charterHash)
      return { ...programme, charter, charterHash: charterHash as CharterHash }
    } catch (cause) {
      throw new FairtraceError('LEASE_INVALID', 'the server sent a lease, but not the charter that it names', { cause })
    }
  }
}

/** Whether capture may go on in the same recording: the same permission, only for longer. */
export function isSamePermission(a: Lease, b: Lease): boolean {
  const terms = ({ startsAtMs: _from, endsAtMs: _to, request: _request, ...rest }: Lease): string =>
    JSON.stringify(rest)
  return terms(a) === terms(b)
}

/** Whether the portal was heard, and gave no lease that is one. */
function isRefused(cause: unknown): boolean {
  return isFairtraceError(cause) && cause.status >= 400 && cause.status < 500
}

function invalid(what: string): FairtraceError {
  return new FairtraceError('LEASE_INVALID', `the server sent a lease, but ${what}`)
}

async function sha256(text: string): Promise<string> {
  return jose.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}
