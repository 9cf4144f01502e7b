/** Where things to verify lie: folders and addresses, as `@fairtrace/verify` reads them. */
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FairtraceError } from '@fairtrace/core'
import type { ReadLedger, ReleaseSource } from '@fairtrace/verify'

/** The largest resource of a log: 256 entries of 65,535 bytes with their lengths. */
const RESOURCE_BYTES_MAX = 256 * 65_537
const FETCH_MS_MAX = 15_000

export function releaseFolder(folder: string): ReleaseSource {
  return {
    async list() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) =>
          join(entry.parentPath, entry.name).slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, ''),
        )
    },
    async read(path) {
      const file = join(folder, path)
      return (await isFile(file)) ? createReadStream(file) : null
    },
  }
}

export function ledgerFolder(folder: string): ReadLedger {
  return async (path) => {
    const file = join(folder, path)
    return (await isFile(file)) ? readFile(file) : null
  }
}

/** @param url of the log, without a slash at the end @throws `SERVER_UNREACHABLE`, `SERVER_REFUSED` */
export function ledgerAddress(url: string): ReadLedger {
  return (path) => get(`${url}${path}`)
}

/** @returns null for 404 @throws `SERVER_UNREACHABLE`, `SERVER_REFUSED` */
export async function get(url: string): Promise<Uint8Array | null> {
  let response: Response
  try {
    response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS_MAX) })
  } catch (cause) {
    throw new FairtraceError('SERVER_UNREACHABLE', 'the address does not answer', { cause })
  }
  if (response.status === 404) return null
  if (!response.ok || response.body === null)
    throw new FairtraceError('SERVER_REFUSED', `the server said ${response.status}`)
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body) {
    parts.push(part)
    length += part.length
    // The server may be the adversary: it doesn't decide how much is read.
    if (length > RESOURCE_BYTES_MAX) throw new FairtraceError('SERVER_REFUSED', `more than ${RESOURCE_BYTES_MAX} bytes`)
  }
  return Buffer.concat(parts)
}

/** A link is no file: what it points to may change after it was verified. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile()
  } catch {
    // Not there; whoever asked says what is missing.
    return false
  }
}
