/**
 * The sealed batch: what a device uploads, and all that intake ever sees of it.
 *
 * ```
 * envelope  = header ‖ enc[32] ‖ ciphertext                     length is exactly one of BATCH_SIZES
 * header    = "FTB1" ‖ u8 n ‖ programme[n, ASCII] ‖ vaultKeyId[8]
 * ciphertext= HPKE base mode (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM), info BATCH_INFO, aad = header
 * plaintext = u32be length ‖ body[length] ‖ signature[64] ‖ zeros up to the size class
 * body      = raw DEFLATE (RFC 1951) of a JSON `BatchBody`
 * signature = Ed25519 by the device over SIGNATURE_CONTEXT ‖ header ‖ body
 * batch id  = base64url(SHA-256(envelope))
 * ```
 * The header is inside the signature and the AAD, so that a body can't be moved to another programme or key.
 */
import { z } from 'zod'
import { actionSchema } from './action.ts'
import { FairtraceError } from './errors.ts'
import { id128Pattern, type ProgrammeId, programmeIdPattern, type VaultKeyId } from './ids.ts'

/** Size classes in bytes: traffic shows one of these, never how much somebody worked. */
export const BATCH_SIZES = [4_096, 16_384, 65_536, 262_144] as const
export const BATCH_BYTES_MAX = 262_144
/** Actions in one batch at most: bounds what the vault parses. */
export const BATCH_ACTIONS_MAX = 20_000
/** Bytes of inflated JSON that the vault accepts from one batch. */
export const BATCH_BODY_BYTES_MAX = 8 * 1024 * 1024

export const HPKE_ENC_BYTES = 32
export const HPKE_TAG_BYTES = 16
export const SIGNATURE_BYTES = 64
export const BATCH_INFO = 'fairtrace/batch/v1'
export const SIGNATURE_CONTEXT = 'fairtrace/batch-signature/v1\n'

const MAGIC = [0x46, 0x54, 0x42, 0x31] as const // "FTB1"

export interface BatchHeader {
  readonly programme: ProgrammeId
  readonly vaultKeyId: VaultKeyId
}

/** The view that intake has of an envelope; `sealedAt` is the offset of `enc`. */
export interface ParsedEnvelope extends BatchHeader {
  readonly header: Uint8Array
  readonly enc: Uint8Array
  readonly ciphertext: Uint8Array
}

/** How a task ended, as the participant says it. */
export const TASK_OUTCOMES = ['done', 'not-done'] as const
export type TaskOutcome = (typeof TASK_OUTCOMES)[number]

/** What a batch says, once opened. `sequence` counts the batches of one device from 0 without a hole. */
export const batchBodySchema = z.strictObject({
  v: z.literal(1),
  sequence: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  recording: z.string().regex(id128Pattern),
  /** Position of this batch in its recording, from 0; a recording longer than one batch continues in the next part. */
  part: z.int().min(0).max(1_000_000),
  last: z.boolean(),
  /** The charter's task that the participant chose for this recording, or null for none. */
  task: z.string().min(1).max(64).nullable(),
  /** Whether the task was done at the end of this recording; null if it goes on elsewhere, or the participant didn't say. */
  outcome: z.enum(TASK_OUTCOMES).nullable().default(null),
  /** Compact JWS of the lease under which the recording was captured. */
  lease: z.string().max(8_192),
  shield: z.string().max(32),
  actions: z.array(actionSchema).max(BATCH_ACTIONS_MAX),
})
export type BatchBody = z.infer<typeof batchBodySchema>

export function encodeBatchHeader(header: BatchHeader): Uint8Array {
  const name = header.programme
  const bytes = new Uint8Array(MAGIC.length + 1 + name.length + 8)
  bytes.set(MAGIC, 0)
  bytes[4] = name.length
  for (let i = 0; i < name.length; i++) bytes[5 + i] = name.charCodeAt(i)
  for (let i = 0; i < 8; i++) {
    bytes[5 + name.length + i] = Number.parseInt(header.vaultKeyId.slice(2 * i, 2 * i + 2), 16)
  }
  return bytes
}

/**
 * Splits an envelope without opening it. Views into `bytes`, no copies.
 * @throws `BATCH_TOO_LARGE`, `BATCH_MALFORMED`
 */
export function parseEnvelope(bytes: Uint8Array): ParsedEnvelope {
  if (bytes.length > BATCH_BYTES_MAX)
    throw new FairtraceError('BATCH_TOO_LARGE', `${bytes.length} bytes; at most ${BATCH_BYTES_MAX}`)
  if (!BATCH_SIZES.some((size) => size === bytes.length)) throw malformed(`${bytes.length} bytes is no size class`)
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw malformed('no FTB1 at the start')
  // The length byte is the client's: it is bounded by the smallest size class before use.
  const nameEnd = 5 + (bytes[4] ?? 0)
  let name = ''
  for (let i = 5; i < nameEnd; i++) name += String.fromCharCode(bytes[i] ?? 0)
  if (!programmeIdPattern.test(name)) throw malformed('the programme is no programme id')
  let keyId = ''
  for (let i = nameEnd; i < nameEnd + 8; i++) keyId += (bytes[i] ?? 0).toString(16).padStart(2, '0')
  const headerEnd = nameEnd + 8
  return {
    programme: name as ProgrammeId,
    vaultKeyId: keyId as VaultKeyId,
    header: bytes.subarray(0, headerEnd),
    enc: bytes.subarray(headerEnd, headerEnd + HPKE_ENC_BYTES),
    ciphertext: bytes.subarray(headerEnd + HPKE_ENC_BYTES),
  }
}

/** Bytes of plaintext that an envelope of `size` holds under `headerBytes`. */
export function plaintextBytes(size: number, headerBytes: number): number {
  return size - headerBytes - HPKE_ENC_BYTES - HPKE_TAG_BYTES
}

/** The smallest size class that holds a body of `bodyBytes`, or null if none does. */
export function sizeClassFor(bodyBytes: number, headerBytes: number): number | null {
  const needed = 4 + bodyBytes + SIGNATURE_BYTES
  return BATCH_SIZES.find((size) => plaintextBytes(size, headerBytes) >= needed) ?? null
}

/** Lays out the padded plaintext. `size` comes from `sizeClassFor`. */
export function encodePlaintext(
  body: Uint8Array,
  signature: Uint8Array,
  size: number,
  headerBytes: number,
): Uint8Array {
  const bytes = new Uint8Array(plaintextBytes(size, headerBytes))
  new DataView(bytes.buffer).setUint32(0, body.length)
  bytes.set(body, 4)
  bytes.set(signature, 4 + body.length)
  return bytes
}

/**
 * Takes the plaintext apart again. Padding that is not zero is refused: it could carry something out.
 * @throws `BATCH_UNDECODABLE`
 */
export function parsePlaintext(bytes: Uint8Array): { readonly body: Uint8Array; readonly signature: Uint8Array } {
  const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0)
  const end = 4 + length + SIGNATURE_BYTES
  if (length < 0 || end > bytes.length) throw new FairtraceError('BATCH_UNDECODABLE', 'the inner length points outside')
  for (let i = end; i < bytes.length; i++) {
    if (bytes[i] !== 0) throw new FairtraceError('BATCH_UNDECODABLE', 'the padding is not zero')
  }
  return { body: bytes.subarray(4, 4 + length), signature: bytes.subarray(4 + length, end) }
}

/** The bytes that the device signs. */
export function signedBytes(header: Uint8Array, body: Uint8Array): Uint8Array {
  const context = Uint8Array.from(SIGNATURE_CONTEXT, (c) => c.charCodeAt(0))
  const bytes = new Uint8Array(context.length + header.length + body.length)
  bytes.set(context, 0)
  bytes.set(header, context.length)
  bytes.set(body, context.length + header.length)
  return bytes
}

function malformed(what: string): FairtraceError {
  return new FairtraceError('BATCH_MALFORMED', what)
}
