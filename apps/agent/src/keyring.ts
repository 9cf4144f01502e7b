/** The system's keyring: the Secret Service on Linux, the Keychain on macOS, the Credential Manager on Windows. */
import type { Keyring } from '@fairtrace/device'

const SERVICE = 'fairtrace-agent'
/** A locked keyring asks the person first; nobody is waited for longer. */
const ANSWER_MS_MAX = 30_000
/** Never the kernel's keyring, which forgets at the next start of the computer. */
const STORE = { linux: { store: 'secret-service' } } as const

/** @returns null where there is none: the key is then a file of the device's folder that only its owner may read */
export async function systemKeyring(): Promise<Keyring | null> {
  const AsyncEntry = await loadLibrary()
  if (AsyncEntry === null) return null
  const entry = (name: string) => new AsyncEntry(SERVICE, name, STORE)
  try {
    entry('probe')
  } catch {
    // No such service in this session.
    return null
  }
  const inTime = () => AbortSignal.timeout(ANSWER_MS_MAX)
  return {
    read: async (name) => {
      const secret = await entry(name).getSecret(inTime())
      return secret === null || secret === undefined ? null : Uint8Array.from(secret)
    },
    write: (name, secret) => entry(name).setSecret(secret, inTime()),
    remove: async (name) => void (await entry(name).deleteCredential(inTime())),
  }
}

async function loadLibrary() {
  try {
    return (await import('@napi-rs/keyring')).AsyncEntry
  } catch {
    // An optional package with native code: not on every platform.
    return null
  }
}
