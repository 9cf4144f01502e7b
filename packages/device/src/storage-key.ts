/**
 * The key that opens a device's folder: 32 random bytes, in the system's keyring where there is one, else in `storage.key`
 * (mode 0600), which protects a copied outbox and not a stolen machine.
 *
 * `key-place` names the secret in the keyring: whoever finds it knows that the key is there, so that a keyring that is locked
 * or gone is an error, and never a reason to make a new key, which would turn what waits into noise. A folder that has its key
 * in a file already moves it over: into the keyring first, read back, then out of the folder. Killed in between, both hold the
 * same key, and the next opening ends the move.
 */
import { base64url, FairtraceError } from '@fairtrace/core'
import { createOwnFile, type DeviceFolder, readOwnFile, removeOwnFile } from './device-folder.ts'
import { randomId } from './device-key.ts'
import type { Keyring } from './keyring.ts'

const KEY_BYTES = 32
const KEY_FILE = 'storage.key'
const PLACE_FILE = 'key-place'
const PLACE_PATTERN = /^fairtrace-device-[A-Za-z0-9_-]{22}$/

/**
 * @throws `KEYRING_UNAVAILABLE` if the key is in a keyring that can't be asked, or has it no longer; `OUTBOX_CORRUPT` if there is
 *   an outbox without its key, or a key of another form
 */
export async function openStorageKey(folder: DeviceFolder, keyring: Keyring | null): Promise<Uint8Array> {
  const place = readPlace(folder)
  if (place !== null) return openFromKeyring(folder, keyring, place)
  const inFile = readOwnFile(folder, KEY_FILE)
  if (inFile === null && folder.hasOutbox) {
    throw new FairtraceError('OUTBOX_CORRUPT', `the outbox is there, its ${KEY_FILE} is not`)
  }
  const key = requireKey(inFile ?? crypto.getRandomValues(new Uint8Array(KEY_BYTES)))
  if (keyring !== null && (await putIntoKeyring(folder, keyring, key, inFile !== null))) return key
  if (inFile === null) createOwnFile(folder, KEY_FILE, key)
  // Read back: of two processes that begin at the same time, the first one's key is the key.
  return requireKey(readOwnFile(folder, KEY_FILE))
}

async function openFromKeyring(folder: DeviceFolder, keyring: Keyring | null, place: string): Promise<Uint8Array> {
  if (keyring === null) throw unavailable('the key of this folder is in a keyring, and there is none here')
  const key = await ask(() => keyring.read(place))
  if (key === null) throw unavailable('the keyring has the key of this folder no longer')
  // A move that was cut off after the place was written.
  if (readOwnFile(folder, KEY_FILE) !== null) removeOwnFile(folder, KEY_FILE)
  return requireKey(key)
}

/** @returns false where the keyring doesn't take it: then the file keeps it, as without a keyring */
async function putIntoKeyring(
  folder: DeviceFolder,
  keyring: Keyring,
  key: Uint8Array,
  isInFile: boolean,
): Promise<boolean> {
  const place = `fairtrace-device-${randomId()}`
  try {
    await keyring.write(place, key)
    const kept = await keyring.read(place)
    if (kept === null || base64url(kept) !== base64url(key)) return false
  } catch {
    // Nothing depends on this keyring yet: the key goes where it would go without one, or stays there.
    return false
  }
  createOwnFile(folder, PLACE_FILE, new TextEncoder().encode(place))
  if (readPlace(folder) !== place) {
    // Another process was first, and its key is the key.
    await ask(() => keyring.remove(place))
    throw new FairtraceError('OUTBOX_IN_USE', 'another process opens this folder for the first time')
  }
  if (isInFile) removeOwnFile(folder, KEY_FILE)
  return true
}

function readPlace(folder: DeviceFolder): string | null {
  const bytes = readOwnFile(folder, PLACE_FILE)
  if (bytes === null) return null
  const place = new TextDecoder().decode(bytes)
  if (!PLACE_PATTERN.test(place)) throw new FairtraceError('OUTBOX_CORRUPT', `${PLACE_FILE} has another form`)
  return place
}

async function ask<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new FairtraceError('KEYRING_UNAVAILABLE', 'the keyring of this computer does not answer', { cause })
  }
}

function unavailable(what: string): FairtraceError {
  return new FairtraceError('KEYRING_UNAVAILABLE', what)
}

function requireKey(key: Uint8Array | null): Uint8Array {
  if (key?.length !== KEY_BYTES) {
    throw new FairtraceError('OUTBOX_CORRUPT', `the storage key has ${key?.length ?? 0} bytes; ${KEY_BYTES} expected`)
  }
  return key
}
