/** Makes sealed batches with distinct people, devices and keys, on every core, before any clock runs. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { TestVaultKey } from '@fairtrace/testing/harness'

export interface PreparedBatch {
  readonly id: string
  readonly pseudonym: string
  readonly permit: string
  readonly bytes: Buffer
}

/** @param eachPerson how many in a row come from the same person and device */
export async function prepareBatches(count: number, vaultKey: TestVaultKey, eachPerson = 1): Promise<PreparedBatch[]> {
  const threads = availableParallelism()
  const parts = await Promise.all(
    Array.from({ length: threads }, (_, i) => {
      const share = Math.floor(count / threads) + (i < count % threads ? 1 : 0)
      return new Promise<PreparedBatch[]>((resolve, reject) => {
        const worker = new Worker(new URL('./prepare-worker.ts', import.meta.url), {
          workerData: { count: share, vaultKey, eachPerson },
        })
        worker.on('message', ({ batches, bytes }: { batches: Omit<PreparedBatch, 'bytes'>[]; bytes: ArrayBuffer }) => {
          const size = bytes.byteLength / batches.length
          resolve(batches.map((batch, at) => ({ ...batch, bytes: Buffer.from(bytes, at * size, size) })))
        })
        worker.on('error', reject)
      })
    }),
  )
  return parts.flat()
}
