/**
 * Key management from a passphrase: scrypt (RFC 7914) → AES-256-GCM.
 *
 * ```
 * kms-local.json = {"v":1,"salt":"<base64url, 32 bytes>","check":"<wrapped, of CHECK_CONTEXT>"}
 * wrapped        = nonce[12] ‖ ciphertext ‖ tag[16], AAD utf8 context
 * ```
 * `check` tells a wrong passphrase at the start, before anything is wrapped under a key that nobody will have again.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { Kms } from './kms.ts'

const CHECK_CONTEXT = 'fairtrace/kms-check/v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16
// 64 MiB and about 0.2 s for each guess; once for each start.
const COST = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 }

const fileSchema = z.strictObject({ v: z.literal(1), salt: z.base64url(), check: z.base64url() })

/**
 * @param path of `kms-local.json`; made at the first start
 * @throws `KEY_UNAVAILABLE` if the passphrase isn't the one of the first start, or the file is damaged
 */
export async function openLocalKms(path: string, passphrase: string): Promise<Kms> {
  if (passphrase.length === 0) throw unavailable('the passphrase is empty')
  if (!existsSync(path)) return await createLocalKms(path, passphrase)
  const { salt, check } = readKmsFile(path)
  const kms = localKms(Buffer.from(salt, 'base64url'), passphrase)
  await kms.unwrap(CHECK_CONTEXT, Buffer.from(check, 'base64url'))
  return kms
}

async function createLocalKms(path: string, passphrase: string): Promise<Kms> {
  const salt = randomBytes(32)
  const kms = localKms(salt, passphrase)
  const check = await kms.wrap(CHECK_CONTEXT, randomBytes(32))
  writeFlushed(path, JSON.stringify({ v: 1, salt: salt.toString('base64url'), check: check.toString('base64url') }))
  return kms
}

function localKms(salt: Buffer, passphrase: string): Kms {
  const key = scryptSync(passphrase.normalize('NFKC'), salt, 32, COST)
  return {
    async wrap(context, secret) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(context))
      return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
    },
    async unwrap(context, wrapped) {
      try {
        const end = wrapped.length - TAG_BYTES
        const nonce = wrapped.subarray(0, NONCE_BYTES)
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(wrapped.subarray(end))
        return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, end)), decipher.final()])
      } catch {
        // Fails closed, and without OpenSSL's reason.
        throw unavailable('a wrapped key does not open: another passphrase, or a damaged keystore')
      }
    },
  }
}

function readKmsFile(path: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Fails closed: a new salt would make every key in the store unreadable for ever.
    throw unavailable('the file of the local key management is damaged')
  }
}

/** The salt must outlive a power cut: every wrapped key depends on it. */
function writeFlushed(path: string, text: string): void {
  const draft = `${path}.new`
  const file = openSync(draft, 'w', 0o600)
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, path)
  if (process.platform === 'win32') return
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function unavailable(what: string): FairtraceError {
  return new FairtraceError('KEY_UNAVAILABLE', what)
}
