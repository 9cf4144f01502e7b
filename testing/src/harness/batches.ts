/** Batches under the leases of the tests' own issuer. */
import type { Permit } from '@fairtrace/core'
import { type Signer, signerFromSeed } from '@fairtrace/server/runtime/jws'
import { type ForgedBatchSettings, forgeBatch, forgePermit, type TestBatch } from '../simulator/forged-batch.ts'
import { TEST_SEEDS } from './charter.ts'

export {
  ACTIONS_PER_BATCH,
  aDevice,
  aVaultKey,
  randomId,
  someActions,
  type TestBatch,
  type TestDevice,
  type TestVaultKey,
} from '../simulator/forged-batch.ts'

export type BatchSettings = Omit<ForgedBatchSettings, 'leaseSigner'> & Partial<Pick<ForgedBatchSettings, 'leaseSigner'>>

const issuer = signerFromSeed(TEST_SEEDS.issuer)

export function aBatch(settings: BatchSettings): TestBatch {
  return forgeBatch({ leaseSigner: issuer, ...settings })
}

/** A permit for one batch, good for a minute from `atMs`. */
export function aPermit(batch: string, atMs: number, overrides: Partial<Permit> = {}, signer: Signer = issuer): string {
  return forgePermit(batch, atMs, overrides, signer)
}
