/**
 * The folder of a release while it is made: everything durable first, then one rename. There is never half a release.
 *
 * Shards are encrypted before they reach the disk and lie under the SHA-256 of what is stored; documents (the card and what
 * belongs to it) lie in the clear. Folders are 0700 and files 0600.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FairtraceError, type ReleaseManifest, shardFile } from '@fairtrace/core'
import { ShardSealer } from './shard-cipher.ts'

/** A file of the release as the manifest lists it. `path` has forward slashes. `rows` counts what the file is made of. */
export type Shard = ReleaseManifest['shards'][number]
export type Document = ReleaseManifest['documents'][number]

const byPath = (a: { readonly path: string }, b: { readonly path: string }) => (a.path < b.path ? -1 : 1)

export class ReleaseFiles {
  readonly #staging: string
  readonly #key: Uint8Array
  readonly #folders = new Set<string>()
  readonly #shards: Shard[] = []
  readonly #documents: Document[] = []
  #drafts = 0

  private constructor(staging: string, key: Uint8Array) {
    this.#staging = staging
    this.#key = key
  }

  /**
   * @param staging must not exist; beside the release's final folder, so that the rename stays on one file system
   * @param key the release's, 32 bytes
   */
  static async create(staging: string, key: Uint8Array): Promise<ReleaseFiles> {
    await mkdir(staging, { mode: 0o700 })
    return new ReleaseFiles(staging, key)
  }

  /** In the order in which paths sort, so that the manifest says nothing about the order of the work. */
  get shards(): readonly Shard[] {
    return this.#shards.toSorted(byPath)
  }

  get documents(): readonly Document[] {
    return this.#documents.toSorted(byPath)
  }

  async pathOf(path: string): Promise<string> {
    const folder = dirname(path)
    if (folder !== '.' && !this.#folders.has(folder)) {
      await mkdir(join(this.#staging, folder), { recursive: true, mode: 0o700 })
      this.#folders.add(folder)
    }
    return join(this.#staging, path)
  }

  /** Encrypts a whole file, writes it durably, and lists it. */
  async writeShard(path: string, bytes: Uint8Array, rows: number): Promise<void> {
    const writer = await this.openShard(path)
    try {
      await writer.writeBytes(bytes)
      await writer.end()
    } catch (error) {
      await writer.close()
      throw error
    }
    await this.adopt(writer, path, rows)
  }

  /** Writes a document in the clear, durably, and lists it. */
  async writeDocument(path: string, bytes: Uint8Array): Promise<void> {
    await this.writeUnlisted(path, bytes)
    this.#documents.push({ path, bytes: bytes.length, sha256: sha256Hex(bytes) })
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

  /** Opens a shard that is written bit by bit. @param path with or without its `-of-<count>`, which is not known yet */
  async openShard(path: string): Promise<ShardWriter> {
    const draft = await this.pathOf(`shards/.draft-${this.#drafts++}`)
    return new ShardWriter(draft, await open(draft, 'wx', 0o600), new ShardSealer(this.#key, path))
  }

  /** Gives a shard that has ended its stored name and lists it. */
  async adopt(writer: ShardWriter, path: string, rows: number): Promise<void> {
    const { draft, bytes, sha256 } = writer.ended
    await rename(draft, await this.pathOf(shardFile(sha256)))
    this.#shards.push({ path, bytes, sha256, rows })
  }

  /**
   * Makes the folder the release. Every file and folder gets the same time, so that none says when it was written.
   * @throws `RELEASE_EXISTS` if a release of that name is there already
   */
  async publish(directory: string, atMs: number): Promise<void> {
    const at = new Date(atMs)
    const stored = [...this.#shards.map(({ sha256 }) => shardFile(sha256)), ...this.#documents.map(({ path }) => path)]
    for (const path of stored) await utimes(join(this.#staging, path), at, at)
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

/** Collects what is written into large pieces, and encrypts them on the way. */
export class ShardWriter {
  readonly #draft: string
  readonly #file: FileHandle
  readonly #sealer: ShardSealer
  readonly #hash = createHash('sha256')
  #waiting: string[] = []
  #waitingChars = 0
  #sha256: string | null = null
  #isClosed = false

  constructor(draft: string, file: FileHandle, sealer: ShardSealer) {
    this.#draft = draft
    this.#file = file
    this.#sealer = sealer
  }

  get ended(): { readonly draft: string; readonly bytes: number; readonly sha256: string } {
    if (this.#sha256 === null) throw new FairtraceError('INTERNAL', 'a shard was adopted before its end')
    return { draft: this.#draft, bytes: this.#sealer.plaintextBytes, sha256: this.#sha256 }
  }

  async write(text: string): Promise<void> {
    this.#waiting.push(text)
    this.#waitingChars += text.length
    if (this.#waitingChars >= 1 << 20) await this.#flush()
  }

  async writeBytes(bytes: Uint8Array): Promise<void> {
    await this.#store(this.#sealer.update(bytes))
  }

  /** Durable from here on. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#store(this.#sealer.end())
    await this.#file.sync()
    this.#sha256 = this.#hash.digest('hex')
    await this.close()
  }

  /** Also after a failure: without what is still waiting. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#waitingChars = 0
    if (bytes.length > 0) await this.writeBytes(bytes)
  }

  async #store(pieces: readonly Buffer[]): Promise<void> {
    if (pieces.length === 0) return
    const bytes = Buffer.concat(pieces)
    this.#hash.update(bytes)
    await this.#file.writeFile(bytes)
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
