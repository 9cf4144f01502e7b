/** What a program may put out: exactly the files that were declared, as plain bytes, each within its size and of its type. */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { FairtraceError } from '@fairtrace/core'
import { readFrames } from './frames.ts'
import type { OutputFile } from './run-request.ts'

const OWN_FILES = ['stdout.txt', 'stderr.txt'] as const
/** What a program prints is cut, not refused: an error's last lines are worth having. */
const EXIT_CODE = 'exit-code'

export interface TakenFile {
  readonly path: string
  readonly content: Buffer
}

export interface TakenOutput {
  readonly exitCode: number
  readonly files: readonly TakenFile[]
}

export interface OutputSummary {
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[]
  /** SHA-256 over the list, base64url: what the ledger's entry names. */
  readonly digest: string
}

/**
 * Reads what comes out of a sandbox. Its names and sizes are the program's, and bounded before anything is kept.
 * @throws `ROOM_OUTPUT_REFUSED` for a file that was not declared, is no plain file, too large or of another type
 */
export async function takeOutput(stream: Readable, declared: readonly OutputFile[]): Promise<TakenOutput> {
  const allowed = new Map(declared.map((file) => [file.path, file]))
  const parts = new Map<string, Buffer[]>()
  const sizes = new Map<string, number>()
  let exitCode = 128
  for await (const { path, content } of readFrames(stream)) {
    if (path === EXIT_CODE) {
      exitCode = Number(content.toString('utf8', 0, 4)) || 0
      continue
    }
    const isOwn = OWN_FILES.some((own) => own === path)
    const name = isOwn ? path : path.startsWith('output/') ? path.slice('output/'.length) : null
    const file = name === null ? undefined : allowed.get(name)
    if (file === undefined && isOwn) continue
    // Its name is the program's: it may be content, so it is not repeated.
    if (name === null) throw refused('a link or another special file is in the output')
    if (file === undefined) throw refused('a file that was not declared is in the output')
    const bytes = (sizes.get(name) ?? 0) + content.length
    if (bytes > file.bytesMax && !isOwn) throw refused(`${name} is larger than its ${file.bytesMax} bytes`)
    sizes.set(name, bytes)
    const before = bytes - content.length
    parts.set(name, [...(parts.get(name) ?? []), Buffer.from(content.subarray(0, Math.max(0, file.bytesMax - before)))])
  }
  const files = [...parts].map(([path, pieces]) => ({ path, content: Buffer.concat(pieces) }))
  for (const { path, content } of files) requireType(path, content, allowed.get(path)?.type ?? 'binary')
  return { exitCode, files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
}

export function summaryOf(files: readonly TakenFile[]): OutputSummary {
  const listed = files.map(({ path, content }) => ({ path, bytes: content.length, sha256: sha256(content) }))
  return { files: listed, digest: sha256(JSON.stringify(listed)) }
}

function requireType(path: string, content: Buffer, type: OutputFile['type']): void {
  if (type === 'binary') return
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content)
    if (type === 'json') JSON.parse(text)
  } catch {
    if (OWN_FILES.some((own) => own === path)) return
    throw refused(`${path} is not ${type}`)
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url')
}

function refused(message: string): FairtraceError {
  return new FairtraceError('ROOM_OUTPUT_REFUSED', message)
}
