/** A log under the right signature that isn't the one that was kept: whoever steals the ledger's key can sign any. */
import { randomBytes } from 'node:crypto'
import { ledgerOrigin } from '@fairtrace/core'
import { checkpointText, signNote } from '@fairtrace/ledger'
import { z } from 'zod'
import type { Ground } from './ground.ts'
import { askKeeper, showCheckpoint, stolenRequest } from './keeper.ts'

const stateSchema = z.object({ checkpoint: z.object({ size: z.int() }).nullable() })
const CONFLICT = 409

/**
 * @param change by how many entries the forged log is longer than what the keeper has seen
 * @returns status of the keeper's answer; 200 is a cosignature. A real checkpoint that came between is waited out.
 */
export async function showForged(ground: Ground, change: number): Promise<number> {
  const origin = ledgerOrigin(ground.programme.id)
  let status = 0
  for (let tries = 0; tries < 5; tries++) {
    const { result } = await askKeeper(ground, stolenRequest(ground, { call: 'state' }))
    const seen = stateSchema.parse(result).checkpoint?.size ?? 0
    const size = seen + change
    const text = checkpointText({ origin, size, root: randomBytes(32) })
    const note = signNote(text, { name: origin, ...ground.stolenKey('ledger') })
    const old = Math.min(seen, size)
    const proof = change > 0 ? [randomBytes(32).toString('base64')] : []
    status = (await showCheckpoint(ground, [`old ${old}`, ...proof, '', note].join('\n'))).status
    if (status !== CONFLICT || change < 0) break
  }
  return status
}
