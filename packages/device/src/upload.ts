/**
 * Sends sealed batches: asks for permits, posts the bytes, and forgets a batch only when intake acknowledged it.
 *
 * Sending twice does no harm, because a batch's id is its content. So every doubt ends in "keep and try again".
 */
import { type BatchId, type Clock, type ErrorCode, FairtraceError, isFairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { DeviceKey } from './device-key.ts'
import type { Outbox, WaitingBatch } from './outbox.ts'
import { type Answer, call, type Fetch, parseAnswer, requireAnswer } from './portal-client.ts'
import { PERMIT_REQUEST_TYP, signRequest } from './tokens.ts'

export const PERMITS_PER_REQUEST_MAX = 64
const ATTEMPTS_MAX = 8
const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 30_000
/** A server can ask for patience, not for ever. */
const RETRY_AFTER_MAX_MS = 120_000

export interface UploadOptions {
  readonly fetch: Fetch
  readonly serverUrl: string
  readonly intakeUrl: string
  readonly device: string
  readonly deviceKey: DeviceKey
  readonly outbox: Pick<Outbox, 'sealed' | 'sealedIds' | 'acknowledge' | 'reseal'>
  readonly clock: Clock
  /** Seals a stored body again, to the key of now. */
  readonly reseal: (body: Uint8Array) => Promise<{ id: BatchId; bytes: Uint8Array }>
  readonly sleep?: (ms: number) => Promise<void>
  /** In [0, 1): spreads retries, so that devices don't come back together. */
  readonly random?: () => number
}

export interface UploadReport {
  /** Batches that intake acknowledged. */
  readonly uploaded: number
  readonly bytes: number
  /** Batches that stay, each with the code that kept it. */
  readonly kept: readonly { readonly batch: BatchId; readonly code: ErrorCode }[]
  /** Why sending ended before everything was tried, or null. */
  readonly stopped: ErrorCode | null
}

const permitsSchema = z.object({ permits: z.array(z.string().max(8_192)) })
const acceptedSchema = z.object({ batch: z.string() })

/** Sends everything that is sealed and waits. Expected refusals are in the report; nothing of them is lost. */
export async function uploadSealed(options: UploadOptions): Promise<UploadReport> {
  const report = { uploaded: 0, bytes: 0, kept: [] as { batch: BatchId; code: ErrorCode }[] }
  let last = -1
  for (;;) {
    const batches = await options.outbox.sealed(PERMITS_PER_REQUEST_MAX, last)
    if (batches.length === 0) return { ...report, stopped: null }
    try {
      const permits = await requestPermits(options, batches)
      for (const [i, batch] of batches.entries()) {
        const code = await sendOne(options, batch, permits[i] ?? '')
        if (code === null) {
          report.uploaded++
          report.bytes += batch.bytes.length
        } else {
          report.kept.push({ batch: batch.id, code })
        }
        last = batch.sequence
      }
    } catch (cause) {
      if (!isFairtraceError(cause)) throw cause
      for (const batch of await options.outbox.sealedIds(last)) report.kept.push({ batch, code: cause.code })
      return { ...report, stopped: cause.code }
    }
  }
}

/**
 * @returns null when it is acknowledged, else the code under which this batch alone stays
 * @throws what would meet every other batch too: `SERVER_UNREACHABLE`, `INTAKE_BUSY`, a refused permit
 */
async function sendOne(options: UploadOptions, first: WaitingBatch, firstPermit: string): Promise<ErrorCode | null> {
  const sleep = options.sleep ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)))
  let batch = first
  let permit = firstPermit
  let resealed = false
  let failure = new FairtraceError('SERVER_UNREACHABLE', 'intake was not asked')
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const answer = await post(options, batch, permit)
    if (answer.ok) {
      const { batch: accepted } = parseAnswer(acceptedSchema, answer.value, options.intakeUrl)
      // An acknowledgement of something else acknowledges nothing.
      if (accepted !== batch.id) return 'SERVER_REFUSED'
      await options.outbox.acknowledge(batch.id)
      return null
    }
    failure = answer.error
    switch (failure.code) {
      case 'PERMIT_EXPIRED':
      case 'EPOCH_OVER':
        permit = (await requestPermits(options, [batch]))[0] ?? ''
        // The first time at once: a permit lasts a minute, and a long row before this batch can take longer.
        if (attempt > 0) await sleep(backoffMs(options, attempt))
        break
      case 'BATCH_KEY_UNKNOWN':
        if (resealed) return failure.code
        resealed = true
        batch = await options.outbox.reseal(batch.sequence, options.reseal)
        permit = (await requestPermits(options, [batch]))[0] ?? ''
        break
      case 'INTAKE_BUSY':
      case 'SERVER_UNREACHABLE':
        await sleep(Math.max(answer.retryAfterMs ?? 0, backoffMs(options, attempt)))
        break
      default:
        if (failure.status < 500) return failure.code
        await sleep(backoffMs(options, attempt))
    }
  }
  throw failure
}

async function post(options: UploadOptions, batch: WaitingBatch, permit: string): Promise<Answer> {
  try {
    const answer = await call(options.fetch, new URL('/batches', options.intakeUrl).href, {
      token: permit,
      body: { type: 'application/octet-stream', bytes: batch.bytes },
    })
    if (answer.ok || answer.retryAfterMs === null) return answer
    return { ...answer, retryAfterMs: Math.min(answer.retryAfterMs, RETRY_AFTER_MAX_MS) }
  } catch (cause) {
    if (!isFairtraceError(cause)) throw cause
    return { ok: false, error: cause, retryAfterMs: null }
  }
}

async function requestPermits(options: UploadOptions, batches: readonly WaitingBatch[]): Promise<readonly string[]> {
  const payload = { device: options.device, atMs: options.clock.nowMs(), batches: batches.map(({ id }) => id) }
  const text = await signRequest(PERMIT_REQUEST_TYP, payload, options.deviceKey)
  const url = new URL('/api/permits', options.serverUrl).href
  const { permits } = await requireAnswer(options.fetch, url, permitsSchema, {
    body: { type: 'application/jose', text },
  })
  if (permits.length !== batches.length) {
    throw new FairtraceError('SERVER_REFUSED', `${permits.length} permits for ${batches.length} batches`)
  }
  return permits
}

/** Doubles with each attempt, and lands anywhere in the upper half. */
function backoffMs(options: UploadOptions, attempt: number): number {
  const ceiling = Math.min(BACKOFF_FIRST_MS * 2 ** attempt, BACKOFF_MAX_MS)
  return ceiling * (0.5 + (options.random ?? Math.random)() / 2)
}
