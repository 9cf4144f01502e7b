import { FairtraceError } from '@fairtrace/core'
import { encodeTlogProof, inclusionProof } from '@fairtrace/ledger'
import type { OpenDatabase } from '../store/database.ts'
import { readTile } from './tiles.ts'

/** What the entry commits to: with it in the proof, the file says by itself what it proves. */
export interface Opening {
  readonly type: string
  readonly detail: unknown
}

/**
 * The `.tlog-proof` of one entry against the newest published checkpoint.
 * @param salt as `appendToLedger` gave it; travels as the proof's extra data so that the commitment can be opened
 * @param opening only for whom the entry concerns
 * @throws `LEDGER_UNAVAILABLE` if no checkpoint covers the entry yet
 */
export async function ledgerProof(
  database: OpenDatabase,
  index: number,
  salt: string,
  opening: Opening | null = null,
): Promise<string> {
  const checkpoint = await database.db
    .selectFrom('ledger.checkpoints')
    .select(['size', 'published'])
    .where('published', 'is not', null)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!checkpoint?.published || checkpoint.size <= index) {
    throw new FairtraceError('LEDGER_UNAVAILABLE', `no checkpoint covers entry ${index}`)
  }
  const path = await inclusionProof(index, checkpoint.size, (level, tile, width) =>
    readTile(database, level, tile, width),
  )
  return encodeTlogProof({
    index,
    path,
    checkpoint: checkpoint.published,
    extra: Buffer.from(JSON.stringify({ salt, ...opening })),
  })
}
