/** Files of the risk command: recordings, plain or gzip, and what it writes. */
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { FairtraceError } from '@fairtrace/core'

/** @throws `INPUT_UNREADABLE` */
export async function textOf(file: string): Promise<string> {
  const parts: Buffer[] = []
  try {
    for await (const part of await inflated(file)) parts.push(part)
  } catch (cause) {
    throw unreadable(cause)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Line by line, so that a file needs no more memory than what is kept of it. @throws `INPUT_UNREADABLE` */
export async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    // Through an iterator, because a broken stream would end the lines as if the file ended there.
    const lines = createInterface({ input: Readable.from(await inflated(file)), crlfDelay: Number.POSITIVE_INFINITY })
    yield* lines
  } catch (cause) {
    throw cause instanceof FairtraceError ? cause : unreadable(cause)
  }
}

/** @throws `USAGE` */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (cause) {
    throw new FairtraceError('USAGE', `${file} cannot be written`, { cause })
  }
}

async function inflated(file: string): Promise<AsyncIterable<Buffer>> {
  const handle = await open(file, 'r')
  const head = Buffer.alloc(2)
  await handle.read(head, 0, 2, 0)
  await handle.close()
  const stream = createReadStream(file)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return stream
  const gunzip = createGunzip()
  stream.on('error', (cause) => gunzip.destroy(cause))
  return stream.pipe(gunzip)
}

function unreadable(cause: unknown): FairtraceError {
  return new FairtraceError('INPUT_UNREADABLE', 'the recordings cannot be read, or are damaged', { cause })
}
