/**
 * The folder of a release while it is made: everything durable first, then one rename. There is never half a release.
 *
 * Folders are 0700 and files 0600. Releases lie here in the clear, readable by their owner alone: a demonstration's, until
 * shards are encrypted to the training room.
 */
import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FairtraceError } from '@fairtrace/core'

/** A file of the release as the manifest lists it. `path` has forward slashes. `rows` counts what the file is made of. */
export interface Shard {
  readonly path: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  readonly rows: number
}

export class ReleaseFiles {
  readonly #staging: string
  readonly #folders = new Set<string>()
  readonly #shards: Shard[] = []

  private constructor(staging: string) {
    this.#staging = staging
  }

  /** @param staging must not exist; beside the release's final folder, so that the rename stays on one file system */
  static async create(staging: string): Promise<ReleaseFiles> {
    await mkdir(staging, { mode: 0o700 })
    return new ReleaseFiles(staging)
  }

  /** In the order in which paths sort, so that the manifest says nothing about the order of the work. */
  get shards(): readonly Shard[] {
    return this.#shards.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  async pathOf(path: string): Promise<string> {
    const folder = dirname(path)
    if (folder !== '.' && !this.#folders.has(folder)) {
      await mkdir(join(this.#staging, folder), { recursive: true, mode: 0o700 })
      this.#folders.add(folder)
    }
    return join(this.#staging, path)
  }

  /** Writes a whole file, durably, and lists it. */
  async writeShard(path: string, bytes: Uint8Array, rows: number): Promise<void> {
    await this.writeUnlisted(path, bytes)
    this.#shards.push({ path, bytes: bytes.length, sha256: sha256Hex(bytes), rows })
  }

  /** Writes a whole file that the manifest doesn't list: the manifest itself, its signature, the charter, the proof. */
  async writeUnlisted(path: string, bytes: Uint8Array): Promise<void> {
    const file = await open(await this.pathOf(path), 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Opens a file that is written bit by bit. */
  async openShard(path: string): Promise<ShardWriter> {
    return new ShardWriter(await open(await this.pathOf(path), 'wx', 0o600))
  }

  /** Gives a finished file its final name and lists it. */
  async adopt(from: string, path: string, rows: number): Promise<void> {
    const target = await this.pathOf(path)
    await rename(await this.pathOf(from), target)
    // Another program may have written it, under its own idea of who may read.
    await chmod(target, 0o600)
    const file = await open(target, constants.O_RDWR)
    try {
      const { bytes, sha256 } = await digestOf(file)
      await file.sync()
      this.#shards.push({ path, bytes, sha256, rows })
    } finally {
      await file.close()
    }
  }

  /** Makes the folder the release. @throws `RELEASE_EXISTS` if a release of that name is there already */
  async publish(directory: string): Promise<void> {
    for (const folder of this.#folders) await syncFolder(join(this.#staging, folder))
    await syncFolder(this.#staging)
    try {
      await rename(this.#staging, directory)
    } catch (cause) {
      if (isCode(cause, 'ENOTEMPTY') || isCode(cause, 'EEXIST')) {
        throw new FairtraceError('RELEASE_EXISTS', 'a release of this name exists', {
          cause,
        })
      }
      throw cause
    }
    await syncFolder(dirname(directory))
  }

  async discard(): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true })
  }
}

/** Collects lines into large writes. */
export class ShardWriter {
  readonly #file: FileHandle
  #waiting: string[] = []
  #waitingChars = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  async write(text: string): Promise<void> {
    this.#waiting.push(text)
    this.#waitingChars += text.length
    if (this.#waitingChars >= 1 << 20) await this.#flush()
  }

  async end(): Promise<void> {
    await this.#flush()
    await this.#file.close()
  }

  /** Without what is still waiting. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#waitingChars = 0
    if (bytes.length > 0) await this.#file.writeFile(bytes)
  }
}

/** A full disk is its own code; everything else stays what it is. */
export function diskError(error: unknown): unknown {
  const full = isCode(error, 'ENOSPC') || (error instanceof Error && error.message.includes('No space left on device'))
  return full
    ? new FairtraceError('DISK_FULL', 'no space left for the release; nothing of it was kept', { cause: error })
    : error
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function digestOf(file: FileHandle): Promise<{ bytes: number; sha256: string }> {
  const hash: Hash = createHash('sha256')
  const block = Buffer.alloc(1 << 20)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(block, 0, block.length, bytes)
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') }
    hash.update(block.subarray(0, bytesRead))
    bytes += bytesRead
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows neither needs nor allows it.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
