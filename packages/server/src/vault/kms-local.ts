/**
 * Key management on this machine, from a passphrase: scrypt (RFC 7914) → AES-256-GCM.
 *
 * ```
 * local-kms/passphrase.json  {"v":2,"salt":"<base64url, 32 bytes>","check":"<wrapped under the passphrase's key>"}
 * local-kms/<name>.key       a random key, wrapped under the passphrase's key; context "fairtrace/local-key/v1\n<name>"
 * wrapped                    nonce[12] ‖ ciphertext ‖ tag[16], AAD utf8 context
 * ```
 * A key lies in a file of its own that is never rewritten, so destroying it overwrites the only place where it was. On media
 * that copy on write (SSDs, some file systems) the old blocks may stay for a while: then the passphrase alone protects them.
 */
import { randomBytes, scryptSync } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { doesNotOpen, type Kms } from './kms.ts'
import { unwrapBytes, wrapBytes } from './wrapped-bytes.ts'

const CHECK_CONTEXT = 'fairtrace/kms-check/v1'
const KEY_BYTES = 32
// 64 MiB and about 0.2 s for each guess; once for each start.
const COST = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 }
const namePattern = /^[a-z0-9-]{1,64}$/

const fileSchema = z.strictObject({ v: z.literal(2), salt: z.base64url(), check: z.base64url() })

/**
 * @param folder made at the first start, for its owner alone
 * @throws `KEY_UNAVAILABLE` if the passphrase isn't the one of the first start, or a file is damaged
 */
export function openLocalKms(folder: string, passphrase: string): Kms {
  if (passphrase.length === 0) throw unavailable('the passphrase is empty')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const root = rootKey(join(folder, 'passphrase.json'), passphrase)
  const pathOf = (name: string) => {
    if (!namePattern.test(name)) throw unavailable('the name of a local key is malformed')
    return join(folder, `${name}.key`)
  }
  const keyOf = (name: string): Buffer => {
    if (!existsSync(pathOf(name))) throw doesNotOpen()
    return unwrapBytes(root, keyContext(name), readFileSync(pathOf(name)))
  }
  return {
    kind: 'local',
    async createKey(name) {
      const path = pathOf(name)
      if (!existsSync(path)) writeFlushed(path, wrapBytes(root, keyContext(name), randomBytes(KEY_BYTES)))
      return name
    },
    wrap: async (name, context, secret) => wrapBytes(keyOf(name), context, secret),
    unwrap: async (name, context, wrapped) => unwrapBytes(keyOf(name), context, wrapped),
    async destroyKey(name) {
      overwriteAndRemove(pathOf(name))
      return { revocableUntilMs: null }
    },
    close: () => undefined,
  }
}

function rootKey(path: string, passphrase: string): Buffer {
  if (!existsSync(path)) {
    const salt = randomBytes(32)
    const root = stretched(passphrase, salt)
    const check = wrapBytes(root, CHECK_CONTEXT, randomBytes(32))
    const content = { v: 2, salt: salt.toString('base64url'), check: check.toString('base64url') }
    writeFlushed(path, Buffer.from(JSON.stringify(content)))
    return root
  }
  const { salt, check } = readKmsFile(path)
  const root = stretched(passphrase, Buffer.from(salt, 'base64url'))
  // A wrong passphrase shows here, before anything is wrapped under a key that nobody will have again.
  unwrapBytes(root, CHECK_CONTEXT, Buffer.from(check, 'base64url'))
  return root
}

function stretched(passphrase: string, salt: Uint8Array): Buffer {
  return scryptSync(passphrase.normalize('NFKC'), salt, KEY_BYTES, COST)
}

function readKmsFile(path: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Fails closed: a new salt would make every key in the store unreadable for ever.
    throw unavailable('the file of the local key management is damaged')
  }
}

/** Overwritten where it lies, flushed, then removed: at each step of this the key is there wholly or gone. */
function overwriteAndRemove(path: string): void {
  if (!existsSync(path)) return
  const { length } = readFileSync(path)
  const file = openSync(path, 'r+')
  writeSync(file, randomBytes(length), 0, length, 0)
  fsyncSync(file)
  closeSync(file)
  unlinkSync(path)
  flushFolder(dirname(path))
}

/** Every wrapped key depends on it: it must outlive a power cut before anything is wrapped. */
function writeFlushed(path: string, bytes: Uint8Array): void {
  const draft = `${path}.new`
  const file = openSync(draft, 'w', 0o600)
  writeSync(file, bytes)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, path)
  flushFolder(dirname(path))
}

function flushFolder(path: string): void {
  // Windows can't open a folder; there NTFS journals the entry itself.
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function keyContext(name: string): string {
  return `fairtrace/local-key/v1\n${name}`
}

function unavailable(what: string): FairtraceError {
  return new FairtraceError('KEY_UNAVAILABLE', what)
}
