/** A thread that searches files and texts for the scanner. It gets the tables once and has no database, no key but that of windows. */
import { parentPort, workerData } from 'node:worker_threads'
import { WindowBits } from '../honey/honey-runs.ts'
import { type ContentKnowledge, ContentScan } from './content-scan.ts'
import type { MarkerTables } from './marker-index.ts'
import { type ScanLimits, type ScanResult, scanFile } from './scan-file.ts'

export interface WorkerKnowledge {
  readonly tables: MarkerTables
  readonly windowKey: Uint8Array
  readonly digests: readonly string[]
  readonly sizes: readonly number[]
  readonly batchHeader: Uint8Array | null
}
export type ScanTask = { readonly id: number } & (
  | { readonly kind: 'file'; readonly path: string; readonly limits: ScanLimits }
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly tokens: readonly string[] }
)
export type ScanAnswer = { readonly id: number; readonly result: ScanResult }

const { tables, windowKey, digests, sizes, batchHeader } = workerData as WorkerKnowledge
const known: ContentKnowledge = {
  tables,
  bits: new WindowBits(windowKey),
  digests: new Set(digests),
  sizes: new Set(sizes),
  batchHeader: batchHeader === null ? null : Buffer.from(batchHeader),
}

parentPort?.on('message', async (task: ScanTask) => {
  const result =
    task.kind === 'file' ? await scanFile(task.path, known, task.limits) : scanText(task.bytes, task.tokens)
  parentPort?.postMessage({ id: task.id, result } satisfies ScanAnswer)
})

function scanText(bytes: Uint8Array, tokens: readonly string[]): ScanResult {
  const scan = new ContentScan(known, null)
  for (const token of tokens) scan.pushToken(token)
  scan.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return { hits: scan.end(), shapes: [], skipped: null, bytes: bytes.byteLength }
}
