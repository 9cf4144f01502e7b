/**
 * Leases and permits for enrolled devices. A request is a compact JWS by the device's key; whatever is wrong with it ends in
 * a refusal. Nothing is written, counted or logged here: a trace of renewals would be a timesheet.
 */
import { digestPattern, FairtraceError, id128Pattern, LEASE_TYP, PERMIT_TYP } from '@fairtrace/core'
import { z } from 'zod'
import { ed25519PublicKey, type Signer, signJws, verifyJws } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import { type DeviceStanding, decideLease, decidePermits } from './decide.ts'
import type { ConsentStore } from './store.ts'

export const LEASE_REQUEST_TYP = 'ft-lease-request+jwt'
export const PERMIT_REQUEST_TYP = 'ft-permit-request+jwt'
const PERMITS_MAX = 64

const leaseRequestSchema = z.strictObject({ device: z.string().regex(id128Pattern), atMs: z.int() })
const permitRequestSchema = leaseRequestSchema.extend({
  batches: z.array(z.string().regex(digestPattern)).min(1).max(PERMITS_MAX),
})

/** @throws the code of the refusal; `BODY_INVALID`, `DEVICE_UNKNOWN`, `REQUEST_FORGED` before it */
export async function issueLease(
  store: ConsentStore,
  programme: Programme | null,
  token: string,
  nowMs: number,
  issuer: Signer,
): Promise<string> {
  const { standing, request } = await verifyRequest(store, LEASE_REQUEST_TYP, token, leaseRequestSchema)
  const decision = decideLease(programme, standing, request, nowMs)
  if (!decision.allow) throw new FairtraceError(decision.code, decision.message)
  return signJws(LEASE_TYP, decision.lease, issuer)
}

/** @returns one permit for each batch, in the order of the request. @throws as `issueLease` */
export async function issuePermits(
  store: ConsentStore,
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

async function verifyRequest<Request extends { device: string }>(
  store: ConsentStore,
  typ: string,
  token: string,
  schema: z.ZodType<Request>,
): Promise<{ standing: DeviceStanding; request: Request }> {
  // Read before it is verified, only to find the key; nothing else is believed until then.
  const claimed = leaseRequestSchema.loose().safeParse(unverifiedPayload(token))
  if (!claimed.success) throw new FairtraceError('BODY_INVALID', 'the body is no request of a device')
  const standing = await store.standing(claimed.data.device)
  if (standing === null) throw new FairtraceError('DEVICE_UNKNOWN', 'the device is not enrolled')
  const payload = verifyJws(typ, token, ed25519PublicKey(standing.publicKey), 'REQUEST_FORGED')
  const parsed = schema.safeParse(payload)
  if (!parsed.success) throw new FairtraceError('BODY_INVALID', 'the request has missing or strange fields')
  return { standing, request: parsed.data }
}

function unverifiedPayload(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  } catch {
    // Refused by the schema: null is no request.
    return null
  }
}
