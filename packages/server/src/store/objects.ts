/**
 * The object store on files: immutable objects under keys such as `segments/7f/7f3a…`.
 *
 * An object is there wholly or not at all, also after a power cut: bytes are flushed in `<first part>/.incoming/` before a
 * hard link gives them their name, and the folder is flushed before `put` returns. A link never replaces, so a key is
 * written once.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FairtraceError } from '@fairtrace/core'

// No part begins with a dot: neither `..` nor a file in `.incoming` can be named.
const keyPattern = /^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,127}(?:\/[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,127}){0,7}$/
const INCOMING = '.incoming'
/** What lies between two parts and is read along with them. */
const READ_GAP = 16_384
const READ_AT_ONCE = 8 * 1024 * 1024

export class FileObjects {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Writes an object durably. Writing the same bytes again is done already.
   * @throws `DISK_FULL`; `SEGMENT_CORRUPT` if the key holds other bytes
   */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(key)
    const incoming = join(this.#root, key.split('/')[0] ?? '', INCOMING)
    const draft = join(incoming, randomUUID())
    try {
      await mkdir(incoming, { recursive: true })
      await makeFolder(dirname(path))
      await writeFlushed(draft, bytes)
      await link(draft, path)
      await flushFolder(dirname(path))
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return await this.#requireSame(key, bytes)
      if (codeOf(error) === 'ENOSPC')
        throw new FairtraceError('DISK_FULL', `object of ${bytes.length} bytes`, { cause: error })
      throw error
    } finally {
      await rm(draft, { force: true })
    }
  }

  /** @throws `SEGMENT_CORRUPT` if the object is missing or shorter */
  async read(key: string, offset: number, length: number): Promise<Buffer> {
    const file = await this.#open(key)
    try {
      const bytes = Buffer.allocUnsafe(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done)
        if (bytesRead === 0) throw new FairtraceError('SEGMENT_CORRUPT', `${key} ends before ${offset + length}`)
        done += bytesRead
      }
      return bytes
    } finally {
      await file.close()
    }
  }

  /**
   * Parts of one object. Parts that lie close together are read at once.
   * @returns in the order asked for; null for a part that reaches beyond the object's end
   * @throws `SEGMENT_CORRUPT` if the object is missing
   */
  async readMany(
    key: string,
    parts: readonly { readonly offset: number; readonly length: number }[],
  ): Promise<(Uint8Array | null)[]> {
    const found = new Map<object, Uint8Array>()
    const file = await this.#open(key)
    try {
      // Offsets come from an index that somebody may have changed: they are bounded before they are used.
      const { size } = await file.stat()
      const sorted = parts
        .filter(({ offset, length }) => offset >= 0 && length >= 0 && offset + length <= size)
        .toSorted((a, b) => a.offset - b.offset)
      for (let first = 0; first < sorted.length; ) {
        const start = sorted[first]?.offset ?? 0
        let end = start
        let next = first
        for (let part = sorted[next]; part !== undefined && part.offset <= end + READ_GAP; part = sorted[++next]) {
          if (next > first && part.offset + part.length - start > READ_AT_ONCE) break
          end = Math.max(end, part.offset + part.length)
        }
        const bytes = Buffer.allocUnsafe(end - start)
        const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
        for (const part of sorted.slice(first, next)) {
          const at = part.offset - start
          if (at + part.length <= bytesRead) found.set(part, bytes.subarray(at, at + part.length))
        }
        first = next
      }
    } finally {
      await file.close()
    }
    return parts.map((part) => found.get(part) ?? null)
  }

  /** @throws `SEGMENT_CORRUPT` if the object is missing */
  async get(key: string): Promise<Buffer> {
    const path = this.#path(key)
    try {
      return await readFile(path)
    } catch (error) {
      throw missing(key, error)
    }
  }

  /** In bytes. @throws `SEGMENT_CORRUPT` if the object is missing */
  async size(key: string): Promise<number> {
    const path = this.#path(key)
    try {
      return (await stat(path)).size
    } catch (error) {
      throw missing(key, error)
    }
  }

  /** Keys below a folder such as `segments`, sorted. A folder that isn't there holds none. */
  async list(prefix: string): Promise<string[]> {
    const keys: string[] = []
    await this.#collect(prefix.replace(/\/$/, ''), keys)
    return keys.sort()
  }

  /** A key that isn't there is deleted already. */
  async delete(key: string): Promise<void> {
    try {
      await unlink(this.#path(key))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  /** Removes drafts that a process left behind when it was killed. Drafts live for moments, so an hour is certain. */
  async removeAbandoned(prefix: string, olderThanMs = 3_600_000): Promise<void> {
    const incoming = join(this.#root, prefix, INCOMING)
    for (const name of await namesIn(incoming)) {
      const path = join(incoming, name)
      // Against the file system's own time: the drafts' times come from there, not from the installation's clock.
      if ((await stat(path)).mtimeMs < Date.now() - olderThanMs) await rm(path, { force: true })
    }
  }

  async #collect(prefix: string, keys: string[]): Promise<void> {
    const folder = this.#path(prefix)
    const entries = await readdir(folder, { withFileTypes: true }).catch(noEntries)
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue
      const key = `${prefix}/${entry.name}`
      if (entry.isDirectory()) await this.#collect(key, keys)
      else keys.push(key)
    }
  }

  async #open(key: string) {
    const path = this.#path(key)
    try {
      return await open(path, 'r')
    } catch (error) {
      throw missing(key, error)
    }
  }

  async #requireSame(key: string, bytes: Uint8Array): Promise<void> {
    const existing = await this.get(key)
    if (!existing.equals(bytes)) throw new FairtraceError('SEGMENT_CORRUPT', `${key} exists with other bytes`)
    // Whoever wrote it may have been killed before its folder was flushed.
    await flushFolder(dirname(this.#path(key)))
  }

  #path(key: string): string {
    if (!keyPattern.test(key)) throw new FairtraceError('INTERNAL', 'the key of an object is malformed')
    return join(this.#root, key)
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Creates a folder and flushes each parent that got a new entry. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await flushFolder(dirname(folder))
}

async function flushFolder(path: string): Promise<void> {
  // Windows can't open a folder; there NTFS journals the entry itself.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(noEntries)
}

function noEntries(error: unknown): never[] {
  if (codeOf(error) === 'ENOENT') return []
  throw error
}

function missing(key: string, cause: unknown): FairtraceError {
  return new FairtraceError('SEGMENT_CORRUPT', `${key} can't be read`, { cause })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
