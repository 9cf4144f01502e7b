/**
 * Whether a sealed batch is let in, from cheap checks to dear ones: nobody without a permit costs a signature more than
 * one, or a look at the database. Intake can't open anything, so it judges the outside alone.
 */
import { hash, type KeyObject } from 'node:crypto'
import {
  type BatchId,
  type Clock,
  FairtraceError,
  PERMIT_TYP,
  type Permit,
  parseEnvelope,
  permitSchema,
} from '@fairtrace/core'
import { ed25519PublicKey, verifyJws } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import type { SealedBatch } from './inbox.ts'
import type { VaultKeys } from './vault-keys.ts'

const PERMIT_CHARS_MAX = 1_024

export interface UploadContext {
  readonly clock: Clock
  readonly keys: VaultKeys
  currentProgramme(): Programme | null
}

/**
 * @param authorization the header as it came
 * @throws the `BATCH_…`, `PERMIT_…` and `EPOCH_OVER` codes, `PROGRAMME_NOT_RUNNING`
 */
export async function requireUpload(
  bytes: Uint8Array,
  authorization: string | undefined,
  { clock, keys, currentProgramme }: UploadContext,
): Promise<SealedBatch> {
  const envelope = parseEnvelope(bytes)
  const programme = currentProgramme()
  // Batches captured before a pause may still come in; after the close nothing does. In a lockdown, what was on its way is held
  // or refused, as the charter says.
  const isHolding = programme?.state === 'locked' && programme.charter.exposure.intake === 'quarantine'
  const isTaking = programme !== null && (programme.state === 'running' || programme.state === 'paused' || isHolding)
  if (!isTaking) throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'no programme takes batches now')
  if (envelope.programme !== programme.id) {
    throw new FairtraceError('BATCH_PROGRAMME_MISMATCH', 'the batch names another programme')
  }
  const permit = requirePermit(authorization, programme, clock)
  const id = hash('sha256', bytes, 'base64url') as BatchId
  if (permit.batch !== id) throw new FairtraceError('BATCH_ID_MISMATCH', 'the permit is for another batch')
  if (!(await keys.isOpen(envelope.vaultKeyId))) {
    throw new FairtraceError('BATCH_KEY_UNKNOWN', 'the batch is sealed to no key of this vault')
  }
  return { id, vaultKeyId: envelope.vaultKeyId, sealed: bytes }
}

function requirePermit(authorization: string | undefined, programme: Programme, clock: Clock): Permit {
  const token = /^Bearer ([A-Za-z0-9_.-]+)$/.exec(authorization ?? '')?.[1]
  if (token === undefined || token.length > PERMIT_CHARS_MAX) {
    throw new FairtraceError('PERMIT_INVALID', 'there is no permit in the Authorization header')
  }
  const permit = permitSchema.safeParse(verifyJws(PERMIT_TYP, token, issuerKey(programme), 'PERMIT_INVALID')).data
  if (permit === undefined) throw new FairtraceError('PERMIT_INVALID', 'the permit has another form')
  if (permit.programme !== programme.id)
    throw new FairtraceError('PERMIT_INVALID', 'the permit is for another programme')
  // A permit of just before the lockdown stands for a batch that was on its way; it goes no further than into hold.
  const epochOfPermits = programme.state === 'locked' ? (programme.lockdown?.epochBefore ?? -1) : programme.epoch
  if (permit.epoch !== epochOfPermits) throw new FairtraceError('EPOCH_OVER', `permit of epoch ${permit.epoch}`)
  const nowMs = clock.nowMs()
  // Stated as what we accept, so that a NaN clock falls outside it.
  const inPeriod = permit.startsAtMs <= nowMs && nowMs < permit.endsAtMs
  if (!inPeriod) throw new FairtraceError('PERMIT_EXPIRED', 'the permit is over or has not begun')
  return permit
}

/** Parsed once for each charter: reading a key costs a third of using it. */
function issuerKey(programme: Programme): KeyObject {
  const known = issuerKeys.get(programme.charter)
  if (known !== undefined) return known
  const key = ed25519PublicKey(programme.charter.keys.issuer)
  issuerKeys.set(programme.charter, key)
  return key
}

const issuerKeys = new WeakMap<object, KeyObject>()
