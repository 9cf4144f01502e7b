/** Seals a batch on the device, as `core/envelope.ts` lays it out: sign, pad, encrypt to the day's vault key. */
import {
  BATCH_BODY_BYTES_MAX,
  BATCH_INFO,
  type BatchBody,
  type BatchId,
  base64url,
  encodeBatchHeader,
  encodePlaintext,
  FairtraceError,
  HPKE_ENC_BYTES,
  type ProgrammeId,
  signedBytes,
  sizeClassFor,
  type VaultKeyId,
} from '@fairtrace/core'
import { deflate } from './deflate.ts'
import { type DeviceKey, signWithDevice } from './device-key.ts'
import { batchSuite } from './hpke-suite.ts'

/** The day's key of the vault. `publicKey` is 32 raw bytes, `keyId` the first 8 bytes of its SHA-256 in hex. */
export interface SealKey {
  readonly keyId: VaultKeyId
  readonly publicKey: Uint8Array
}

export interface SealedBatch {
  readonly id: BatchId
  readonly bytes: Uint8Array
}

export interface SealTo {
  readonly programme: ProgrammeId
  readonly vaultKey: SealKey
  readonly deviceKey: DeviceKey
}

const utf8 = new TextEncoder()

/**
 * The bytes of a body as they are signed: deflated JSON.
 * @throws `BATCH_TOO_LARGE` if the vault would refuse to inflate it
 */
export function encodeBody(body: BatchBody): Promise<Uint8Array> {
  const json = utf8.encode(JSON.stringify(body))
  if (json.length > BATCH_BODY_BYTES_MAX) {
    throw new FairtraceError('BATCH_TOO_LARGE', `a body of ${json.length} bytes; at most ${BATCH_BODY_BYTES_MAX}`)
  }
  return deflate(json)
}

/**
 * Seals one body. Two seals of the same body differ, because HPKE draws a fresh key each time: keep the bytes for a retry.
 * @throws `BATCH_TOO_LARGE` if no size class holds it
 */
export async function sealBatch(body: BatchBody, to: SealTo): Promise<SealedBatch> {
  return sealEncodedBody(await encodeBody(body), to)
}

/** As `sealBatch`, for bytes that `encodeBody` made. */
export async function sealEncodedBody(body: Uint8Array, to: SealTo): Promise<SealedBatch> {
  const header = encodeBatchHeader({ programme: to.programme, vaultKeyId: to.vaultKey.keyId })
  const size = sizeClassFor(body.length, header.length)
  if (size === null) throw new FairtraceError('BATCH_TOO_LARGE', `a deflated body of ${body.length} bytes`)
  const signature = await signWithDevice(to.deviceKey, signedBytes(header, body))
  const plaintext = encodePlaintext(body, signature, size, header.length)
  const sender = await batchSuite.createSenderContext({
    recipientPublicKey: await batchSuite.kem.deserializePublicKey(to.vaultKey.publicKey),
    info: utf8.encode(BATCH_INFO),
  })
  const ciphertext = await sender.seal(plaintext, header)
  const bytes = new Uint8Array(size)
  bytes.set(header, 0)
  bytes.set(new Uint8Array(sender.enc), header.length)
  bytes.set(new Uint8Array(ciphertext), header.length + HPKE_ENC_BYTES)
  return { id: await batchId(bytes), bytes }
}

export async function batchId(envelope: Uint8Array): Promise<BatchId> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(envelope)))) as BatchId
}
