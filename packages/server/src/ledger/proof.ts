import { FairtraceError } from '@fairtrace/core'
import { encodeTlogProof, inclusionProof } from '@fairtrace/ledger'
import type { OpenDatabase } from '../store/database.ts'
import { readTile } from './tiles.ts'

/**
 * The `.tlog-proof` of one entry against the newest checkpoint.
 * @param salt as `appendToLedger` gave it; travels as the proof's extra data so that the commitment can be opened
 * @throws `LEDGER_UNAVAILABLE` if no checkpoint covers the entry yet
 */
export async function ledgerProof(database: OpenDatabase, index: number, salt: string): Promise<string> {
  const checkpoint = await database.db
    .selectFrom('ledger.checkpoints')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (checkpoint === undefined || checkpoint.size <= index) {
    throw new FairtraceError('LEDGER_UNAVAILABLE', `no checkpoint covers entry ${index}`)
  }
  const path = await inclusionProof(index, checkpoint.size, (level, tile, width) =>
    readTile(database, level, tile, width),
  )
  return encodeTlogProof({ index, path, checkpoint: checkpoint.note, extra: Buffer.from(JSON.stringify({ salt })) })
}
