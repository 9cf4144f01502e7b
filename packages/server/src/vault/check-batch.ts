/**
 * Opens one sealed batch and decides whether it may be stored. Pure but for the keys: no clock, no database.
 *
 * A device may be anything, so nothing that it says counts before a signature stands behind it: the issuer's over the
 * lease, then the device's over the batch. What is refused stays sealed as it came; nobody looks at it.
 */
import { type KeyObject, verify } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import {
  type Action,
  BATCH_ACTIONS_MAX,
  BATCH_BODY_BYTES_MAX,
  BATCH_INFO,
  type BatchBody,
  batchBodySchema,
  type Category,
  type Charter,
  checkConformance,
  type ErrorCode,
  FairtraceError,
  isFairtraceError,
  LEASE_MS,
  LEASE_TYP,
  type Lease,
  leaseSchema,
  parseEnvelope,
  parsePlaintext,
  SHIELD_VERSION,
  type ShieldSettings,
  shieldSettings,
  signedBytes,
} from '@fairtrace/core'
import { ed25519PublicKey, verifyJws } from '../runtime/jws.ts'
import type { DayKey } from './day-keys.ts'
import { hpkeOpen } from './hpke.ts'
import { isPlainAction } from './plain-action.ts'

const LEASE_TOKEN_CHARS_MAX = 8_192
const LEASES_MAX = 20_000

/** What one charter allows, laid out for checking. */
export interface CharterTerms {
  readonly settings: ShieldSettings
  readonly tasks: ReadonlySet<string>
}

/** A lease under which the issuer's signature stood. Many batches come under one. */
interface VerifiedLease {
  readonly lease: Lease
  readonly deviceKey: KeyObject
}

/** By token, of one issuer: a signature over the same bytes is checked once. What a lease allows is decided each time. */
export class VerifiedLeases {
  readonly #leases = new Map<string, VerifiedLease>()

  find(token: string): VerifiedLease | undefined {
    return this.#leases.get(token)
  }

  add(token: string, verified: VerifiedLease): void {
    this.#leases.set(token, verified)
    for (const oldest of this.#leases.keys()) {
      if (this.#leases.size <= LEASES_MAX) break
      this.#leases.delete(oldest)
    }
  }
}

export interface CheckContext {
  readonly programme: string
  readonly epoch: number
  readonly issuer: KeyObject
  /** Verified with this issuer's key, and with no other. */
  readonly leases: VerifiedLeases
  /** Terms by charter hash: the charter in force, and those before it that are still known. */
  readonly charters: ReadonlyMap<string, CharterTerms>
  readonly dayKeys: ReadonlyMap<string, DayKey>
}

export interface VerifiedBatch {
  readonly lease: Lease
  readonly body: BatchBody
}

export type Checked =
  | { readonly ok: true; readonly batch: VerifiedBatch }
  | { readonly ok: false; readonly code: ErrorCode }

export function charterTerms(charter: Charter): CharterTerms {
  return { settings: shieldSettings(charter), tasks: new Set(charter.capture.tasks.map((task) => task.id)) }
}

/** Never throws: what can't be checked is refused. */
export function checkBatch(envelope: Uint8Array, context: CheckContext): Checked {
  try {
    return { ok: true, batch: requireBatch(envelope, context) }
  } catch (error) {
    // Fails closed: whatever went wrong, nothing of the batch is stored readable.
    return { ok: false, code: isFairtraceError(error) ? error.code : 'BATCH_UNDECODABLE' }
  }
}

function requireBatch(envelope: Uint8Array, context: CheckContext): VerifiedBatch {
  const { programme, vaultKeyId, header, enc, ciphertext } = parseEnvelope(envelope)
  if (programme !== context.programme) throw refused('BATCH_PROGRAMME_MISMATCH')
  const key = context.dayKeys.get(vaultKeyId)
  if (key === undefined) throw refused('BATCH_KEY_UNKNOWN')
  const plaintext = hpkeOpen({ ...key, enc, info: BATCH_INFO, aad: header, ciphertext })
  const { body: deflated, signature } = parsePlaintext(plaintext)
  const value = parseBody(deflated)
  const { lease, deviceKey } = requireLease(value, context)
  if (!verify(null, signedBytes(header, deflated), deviceKey, signature)) {
    throw refused('BATCH_SIGNATURE_INVALID')
  }
  const body = requireShielded(value, lease, context)
  return { lease, body }
}

/** The device chose these bytes: they may inflate to anything, so the length is bounded before it is used. */
function parseBody(deflated: Uint8Array): object {
  try {
    const options = { maxOutputLength: BATCH_BODY_BYTES_MAX, chunkSize: Math.max(12_288, 4 * deflated.length) }
    const text = inflateRawSync(deflated, options).toString('utf8')
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Not DEFLATE, too long, or not JSON: refused below, without the parser's message, which would quote content.
  }
  throw refused('BATCH_UNDECODABLE')
}

/** A lease counts at the time that it names itself: a batch comes a review period after it was captured. */
function requireLease(value: object, context: CheckContext): VerifiedLease {
  const token: unknown = 'lease' in value ? value.lease : undefined
  if (typeof token !== 'string' || token.length > LEASE_TOKEN_CHARS_MAX) throw refused('LEASE_INVALID')
  const verified = context.leases.find(token) ?? verifyLease(token, context)
  const { lease } = verified
  const { startsAtMs, endsAtMs } = lease
  const isLease = startsAtMs < endsAtMs && endsAtMs - startsAtMs <= LEASE_MS
  const isOurs = lease.programme === context.programme && context.charters.has(lease.charter)
  if (!isLease || !isOurs || lease.epoch > context.epoch) throw refused('LEASE_INVALID')
  return verified
}

function verifyLease(token: string, { issuer, leases }: CheckContext): VerifiedLease {
  const lease = leaseSchema.safeParse(verifyJws(LEASE_TYP, token, issuer, 'LEASE_INVALID')).data
  if (lease === undefined) throw refused('LEASE_INVALID')
  const verified = { lease, deviceKey: ed25519PublicKey(lease.deviceKey) }
  leases.add(token, verified)
  return verified
}

function requireShielded(value: object, lease: Lease, context: CheckContext): BatchBody {
  const parsed = parseWhole(value)
  // A field too many, or an action of another form, could carry a text: that is more than the charter allows.
  if (!parsed.success) {
    const isMore = parsed.error.issues.some(({ code, path }) => path[0] === 'actions' || code === 'unrecognized_keys')
    throw refused(isMore ? 'BATCH_NOT_SHIELDED' : 'BATCH_UNDECODABLE')
  }
  const body = parsed.data
  const terms = context.charters.get(lease.charter)
  if (terms === undefined) throw refused('LEASE_INVALID')
  const isTaskListed = body.task === null || terms.tasks.has(body.task)
  // Only a task can be done; an outcome without one would be a remark about the person.
  const isOutcomeOfTask = body.outcome === null || body.task !== null
  if (body.shield !== SHIELD_VERSION || !isTaskListed || !isOutcomeOfTask) throw refused('BATCH_NOT_SHIELDED')
  let app: string | undefined
  for (const action of body.actions) {
    if (!isConsented(action, lease)) throw refused('BATCH_NOT_SHIELDED')
    if (action.kind === 'switch') app = action.app
    if (checkConformance(action, terms.settings, app) !== null) throw refused('BATCH_NOT_SHIELDED')
  }
  return body
}

/** The schema's answer; it doesn't look at actions again that are plainly right. */
function parseWhole(value: object): ReturnType<typeof batchBodySchema.safeParse> {
  const actions: unknown = 'actions' in value ? value.actions : undefined
  const isPlain = Array.isArray(actions) && actions.length <= BATCH_ACTIONS_MAX && actions.every(isPlainAction)
  if (!isPlain) return batchBodySchema.safeParse(value)
  const rest = batchBodySchema.safeParse({ ...value, actions: [] })
  return rest.success ? { ...rest, data: { ...rest.data, actions } } : rest
}

/** Whether the participant allowed this kind of action at all: the lease says so, as of the time of capture. */
function isConsented(action: Action, lease: Lease): boolean {
  if (action.kind === 'switch') return lease.apps.includes(action.app)
  return lease.categories.includes(CATEGORY[action.kind])
}

const CATEGORY: Readonly<Record<Exclude<Action['kind'], 'switch'>, Category>> = {
  hover: 'pointer',
  click: 'pointer',
  drag: 'pointer',
  scroll: 'pointer',
  press: 'keyboard',
  hotkey: 'keyboard',
  type: 'keyboard',
}

function refused(code: ErrorCode): FairtraceError {
  return new FairtraceError(code, 'the batch is refused')
}
