/**
 * A named pipe through which DuckDB writes: what it makes is encrypted before it reaches a disk.
 *
 * DuckDB writes a Parquet or CSV file from its beginning to its end and never goes back, so a pipe is as good to it as a file.
 */
import { execFile } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ShardWriter } from './release-files.ts'

export class DuckDbPipe {
  /** Holds nothing but the pipe. */
  readonly folder: string
  readonly #path: string

  private constructor(folder: string) {
    this.folder = folder
    this.#path = join(folder, 'pipe')
  }

  static async create(): Promise<DuckDbPipe> {
    const pipe = new DuckDbPipe(await mkdtemp(join(tmpdir(), 'fairtrace-pipe-')))
    await promisify(execFile)('mkfifo', ['-m', '600', pipe.#path])
    return pipe
  }

  /** @param write has DuckDB write to the path; one at a time */
  async into(writer: ShardWriter, write: (path: string) => Promise<unknown>): Promise<void> {
    // Opened without waiting for the other end, so that a writer who fails early leaves nobody waiting.
    const fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK)
    const socket = new Socket({ fd, readable: true, writable: false })
    const writing = write(this.#path).catch((error: unknown) => {
      socket.destroy(error instanceof Error ? error : new Error('the copy failed'))
      throw error
    })
    try {
      await Promise.all([writing, store(socket, writer)])
    } finally {
      socket.destroy()
      await Promise.allSettled([writing])
    }
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

async function store(bytes: AsyncIterable<Buffer>, writer: ShardWriter): Promise<void> {
  for await (const piece of bytes) await writer.writeBytes(piece)
  await writer.end()
}
