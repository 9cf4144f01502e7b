/** A thread of `prepareBatches`. Every batch must have the smallest size class, as the benchmark says. */
import { parentPort, workerData } from 'node:worker_threads'
import { BATCH_SIZES, parseCharter } from '@fairtrace/core'
import { aBatch, aDevice, aPermit, CHARTER_YAML, type TestVaultKey } from '@fairtrace/testing/harness'

const HOUR_MS = 3_600_000
const { count, vaultKey, eachPerson } = workerData as { count: number; vaultKey: TestVaultKey; eachPerson: number }
const charter = parseCharter(CHARTER_YAML, 'charter.yaml')
const size = BATCH_SIZES[0]
const bytes = new Uint8Array(count * size)
let device = aDevice()
const batches = Array.from({ length: count }, (_, i) => {
  if (i % eachPerson === 0) device = aDevice()
  // Each under a lease of its own, as batches of one day are.
  const nowMs = Date.now() - (i % eachPerson) * 60_000
  const batch = aBatch({ charter, vaultKey, device, sequence: i, atMs: nowMs })
  if (batch.bytes.length !== size) throw new RangeError(`batch of ${batch.bytes.length} bytes; ${size} expected`)
  bytes.set(batch.bytes, i * size)
  // Good for longer than the benchmark: nobody is there to ask for a new one.
  const permit = aPermit(batch.id, nowMs, { endsAtMs: nowMs + HOUR_MS })
  return { id: batch.id, pseudonym: device.pseudonym, permit }
})
parentPort?.postMessage({ batches, bytes: bytes.buffer }, [bytes.buffer])
