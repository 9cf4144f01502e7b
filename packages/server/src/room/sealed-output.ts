/**
 * An output at rest: AES-256-GCM under a key of its run's that the room alone can derive. Before review nobody else has it, and what
 * the portal shows it asks for each time.
 *
 * ```
 * objects/room/<run> = nonce[12] ‖ ciphertext of {"files":[{"path","content" base64}]} ‖ tag[16]
 * ```
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { TakenFile } from './output.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const contentSchema = z.strictObject({ files: z.array(z.strictObject({ path: z.string(), content: z.base64() })) })

export const outputObject = (run: string): string => `room/${run}`

export function sealOutput(key: Uint8Array, run: string, files: readonly TakenFile[]): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(run))
  const text = JSON.stringify({
    files: files.map(({ path, content }) => ({ path, content: content.toString('base64') })),
  })
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** @throws `KEY_UNAVAILABLE` */
export function openOutput(key: Uint8Array, run: string, sealed: Buffer): readonly TakenFile[] {
  try {
    const end = sealed.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(run))
    decipher.setAuthTag(sealed.subarray(end))
    const text = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()])
    const { files } = contentSchema.parse(JSON.parse(text.toString('utf8')))
    return files.map(({ path, content }) => ({ path, content: Buffer.from(content, 'base64') }))
  } catch (cause) {
    throw new FairtraceError('KEY_UNAVAILABLE', 'the output does not open', { cause })
  }
}
