/**
 * The folder of one device on a desktop: `storage.key` (32 random bytes, mode 0600) and the outbox that it encrypts.
 *
 * The key protects a copied outbox, not a stolen machine; the platform's key chain comes with the agent.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'

const STORAGE_KEY_BYTES = 32

export interface DeviceFolder {
  readonly outboxFile: string
  readonly storageKey: Uint8Array
}

/**
 * Opens or creates the folder.
 * @throws `OUTBOX_CORRUPT` if there is an outbox without its key, or a key of another length; `DATA_DIR_UNUSABLE`
 */
export function openDeviceFolder(dir: string): DeviceFolder {
  const outboxFile = join(dir, 'outbox.sqlite')
  const keyFile = join(dir, 'storage.key')
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (!existsSync(keyFile)) {
      // A new key would turn what waits into noise; so a missing one is an error, not a fresh start.
      if (existsSync(outboxFile))
        throw new FairtraceError('OUTBOX_CORRUPT', 'the outbox is there, its storage.key is not')
      writeDurably(dir, keyFile, crypto.getRandomValues(new Uint8Array(STORAGE_KEY_BYTES)))
    }
    chmodSync(keyFile, 0o600)
    const storageKey = new Uint8Array(readFileSync(keyFile))
    if (storageKey.length !== STORAGE_KEY_BYTES) {
      throw new FairtraceError(
        'OUTBOX_CORRUPT',
        `storage.key has ${storageKey.length} bytes; ${STORAGE_KEY_BYTES} expected`,
      )
    }
    return { outboxFile, storageKey }
  } catch (cause) {
    if (cause instanceof FairtraceError) throw cause
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'the device folder cannot be used', { cause })
  }
}

/**
 * Written beside, synced, linked: a power cut leaves no key or the whole key, and of two processes that create one at the
 * same time the second takes the key of the first.
 */
function writeDurably(dir: string, file: string, bytes: Uint8Array): void {
  const beside = `${file}.${process.pid}.new`
  const descriptor = openSync(beside, 'w', 0o600)
  try {
    writeSync(descriptor, bytes)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  try {
    linkSync(beside, file)
  } catch (cause) {
    if (!existsSync(file)) throw cause
    // Another process was first; its key is the key.
  } finally {
    rmSync(beside, { force: true })
  }
  // Windows has no handle of a folder to sync; NTFS journals the link itself.
  if (process.platform === 'win32') return
  const folder = openSync(dir, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
