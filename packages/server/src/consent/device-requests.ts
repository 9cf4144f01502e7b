/**
 * Leases and permits for enrolled devices; whatever is wrong with a request ends in a refusal. Nothing is written, counted or
 * logged here: a trace of renewals would be a timesheet.
 *
 * A device asks with its own key first (compact JWS), at most once an hour, and renews with a MAC under the key that it
 * got then. Who overhears a request can do nothing with it: it is good once, and what answers it is sealed to a key that
 * only this request knows.
 */
import { createHash } from 'node:crypto'
import {
  DEVICE_CLOCK_SKEW_MS_MAX,
  digestPattern,
  FairtraceError,
  id128Pattern,
  LEASE_TYP,
  PERMIT_TYP,
  RENEWAL_INFO,
} from '@fairtrace/core'
import { z } from 'zod'
import { ed25519PublicKey, type Signer, signJws, verifyJws } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import { hpkeSeal } from '../vault/hpke.ts'
import { type DeviceRequest, type DeviceStanding, decideLease, decidePermits } from './decide.ts'
import type { LeaseCache } from './lease-cache.ts'
import { Once } from './once.ts'
import type { ProgrammeReader } from './programme.ts'
import { RenewalKeys } from './renewal-keys.ts'
import type { ConsentStore } from './store.ts'

export const LEASE_REQUEST_TYP = 'ft-lease-request+jwt'
export const PERMIT_REQUEST_TYP = 'ft-permit-request+jwt'
const PERMITS_MAX = 64

const deviceRequestSchema = z.strictObject({ device: z.string().regex(id128Pattern), atMs: z.int() })
const leaseRequestSchema = deviceRequestSchema.extend({
  /** Raw X25519 public key, base64url, made for this request: the answer is sealed to it. */
  replyKey: z.string().regex(digestPattern).optional(),
})
const permitRequestSchema = deviceRequestSchema.extend({
  batches: z.array(z.string().regex(digestPattern)).min(1).max(PERMITS_MAX),
})

/** HPKE (RFC 9180), base64url; what is inside is the JSON of `LeaseReply`. */
export interface SealedReply {
  readonly enc: string
  readonly ciphertext: string
}

interface LeaseReply {
  readonly lease: string
  /** Renewal key, base64url. */
  readonly key: string
  readonly keyEndsAtMs: number
  /** The portal's clock, from which the device reckons the time of its renewals. */
  readonly nowMs: number
}

export type LeaseAnswer = { readonly lease: string } | { readonly sealed: SealedReply }

export interface LeaseOfficeOptions {
  readonly store: Pick<ConsentStore, 'standing'>
  readonly programmes: Pick<ProgrammeReader, 'read'>
  readonly cache: LeaseCache
  readonly issuer: Signer
  /** @throws `WATCH_SILENT` */
  requireWatchers(): void
  onLease(): void
}

/** Gives leases out. Holds the secrets of this process, and what was used in the last minutes. */
export class LeaseOffice {
  readonly #options: LeaseOfficeOptions
  readonly #keys = new RenewalKeys()
  readonly #used = new Once(2 * DEVICE_CLOCK_SKEW_MS_MAX)

  constructor(options: LeaseOfficeOptions) {
    this.#options = options
  }

  /**
   * For a request under the device's own key. Reads the database, whatever is cached.
   * @throws the code of the refusal; `BODY_INVALID`, `DEVICE_UNKNOWN`, `REQUEST_FORGED`, `REQUEST_REPLAYED` before it
   */
  async issue(token: string, nowMs: number): Promise<LeaseAnswer> {
    const { store, programmes } = this.#options
    const { standing, request } = await verifyRequest(store, LEASE_REQUEST_TYP, token, leaseRequestSchema)
    const answered = createHash('sha256').update(token).digest('base64url')
    const isInTime = Math.abs(request.atMs - nowMs) <= DEVICE_CLOCK_SKEW_MS_MAX
    // Of the signed bytes: the signature itself has more than one spelling.
    if (isInTime && !this.#used.take(signedPart(token), nowMs)) {
      throw new FairtraceError('REQUEST_REPLAYED', 'this request was used before')
    }
    const programme = await programmes.read()
    const lease = this.#sign(programme, standing, request, answered, nowMs)
    if (request.replyKey === undefined || programme === null) return { lease }
    const holder = { device: standing.device, publicKey: standing.publicKey, epoch: programme.epoch }
    const { key, endsAtMs } = this.#keys.issue(holder, nowMs)
    const reply: LeaseReply = { lease, key: key.toString('base64url'), keyEndsAtMs: endsAtMs, nowMs }
    return { sealed: seal(request.replyKey, answered, reply) }
  }

  /**
   * For a renewal (core/renewal.ts).
   * @throws the code of the refusal; `RENEWAL_OVER`, `DEVICE_UNKNOWN`, `REQUEST_FORGED`, `REQUEST_REPLAYED` before it
   */
  async renew(token: string, nowMs: number): Promise<string> {
    const { programme, standing, atMs, mac } = await this.#takeRenewal('lease', token, nowMs)
    return this.#sign(programme, standing, { device: standing.device, atMs }, mac, nowMs)
  }

  /** Who may listen for revocations under this token, and until when. @throws as `renew`, but for the lease's own refusals */
  async listener(token: string, nowMs: number): Promise<{ standing: DeviceStanding; endsAtMs: number }> {
    const { standing, keyEndsAtMs } = await this.#takeRenewal('events', token, nowMs)
    return { standing, endsAtMs: keyEndsAtMs }
  }

  async #takeRenewal(purpose: 'lease' | 'events', token: string, nowMs: number) {
    const { cache } = this.#options
    const renewal = this.#keys.parse(token, nowMs)
    const [programme, standing] = await Promise.all([cache.programme(), cache.standing(renewal.device)])
    if (standing === null || standing.isCutOff) throw new FairtraceError('DEVICE_UNKNOWN', 'the device is not enrolled')
    const holder = { device: standing.device, publicKey: standing.publicKey, epoch: programme?.epoch ?? -1 }
    this.#keys.take(purpose, renewal, holder, nowMs)
    return { programme, standing, ...renewal }
  }

  #sign(
    programme: Programme | null,
    standing: DeviceStanding,
    request: DeviceRequest,
    answered: string,
    nowMs: number,
  ): string {
    const decision = decideLease(programme, standing, request, nowMs)
    if (!decision.allow) throw new FairtraceError(decision.code, decision.message)
    this.#options.requireWatchers()
    this.#options.onLease()
    return signJws(LEASE_TYP, { ...decision.lease, request: answered }, this.#options.issuer)
  }
}

/** @returns one permit for each batch, in the order of the request. @throws as `LeaseOffice.issue` */
export async function issuePermits(
  store: Pick<ConsentStore, 'standing'>,
  programme: Programme | null,
  token: string,
  nowMs: number,
  issuer: Signer,
): Promise<readonly string[]> {
  const { standing, request } = await verifyRequest(store, PERMIT_REQUEST_TYP, token, permitRequestSchema)
  const decision = decidePermits(programme, standing, request, nowMs)
  if (!decision.allow) throw new FairtraceError(decision.code, decision.message)
  return decision.permits.map((permit) => signJws(PERMIT_TYP, permit, issuer))
}

function seal(replyKey: string, answered: string, reply: LeaseReply): SealedReply {
  const plain = Buffer.from(JSON.stringify(reply))
  const { enc, ciphertext } = hpkeSeal(Buffer.from(replyKey, 'base64url'), RENEWAL_INFO, Buffer.from(answered), plain)
  return { enc: enc.toString('base64url'), ciphertext: ciphertext.toString('base64url') }
}

async function verifyRequest<Request extends { device: string }>(
  store: Pick<ConsentStore, 'standing'>,
  typ: string,
  token: string,
  schema: z.ZodType<Request>,
): Promise<{ standing: DeviceStanding; request: Request }> {
  // Read before it is verified, only to find the key; nothing else is believed until then.
  const claimed = deviceRequestSchema.loose().safeParse(unverifiedPayload(token))
  if (!claimed.success) throw new FairtraceError('BODY_INVALID', 'the body is no request of a device')
  const standing = await store.standing(claimed.data.device)
  if (standing === null) throw new FairtraceError('DEVICE_UNKNOWN', 'the device is not enrolled')
  const payload = verifyJws(typ, token, ed25519PublicKey(standing.publicKey), 'REQUEST_FORGED')
  const parsed = schema.safeParse(payload)
  if (!parsed.success) throw new FairtraceError('BODY_INVALID', 'the request has missing or strange fields')
  return { standing, request: parsed.data }
}

function signedPart(token: string): string {
  return createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('base64url')
}

function unverifiedPayload(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  } catch {
    // Refused by the schema: null is no request.
    return null
  }
}
