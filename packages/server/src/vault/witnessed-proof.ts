/**
 * The proof of an entry as the keeper wants it: under a checkpoint that the keeper itself cosigned lately.
 *
 * The vault asks for that cosignature itself, so that an opening waits for nobody's rounds. The keeper gives it only if the log has
 * grown from what it saw before.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError } from '@fairtrace/core'
import { consistencyProof, encodeTlogProof, inclusionProof } from '@fairtrace/ledger'
import { readTile } from '../ledger/tiles.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { KeeperClient } from './keeper-client.ts'

const CONFLICT = 409
/** Other checkpoints may reach the keeper between its answer and the next question. */
const TRIES_MAX = 10
const AGAIN_MS = 100

/**
 * @param salt as `appendToLedger` gave it
 * @throws `LEDGER_UNAVAILABLE`, `KEEPER_UNREACHABLE`; `STATE_ROLLED_BACK` if the keeper saw another log than this
 */
export async function witnessedProof(
  database: OpenDatabase,
  index: number,
  salt: string,
  keeper: KeeperClient,
): Promise<string> {
  const { size, note } = await witnessedCheckpoint(database, keeper, index)
  const path = await inclusionProof(index, size, (level, at, width) => readTile(database, level, at, width))
  return encodeTlogProof({ index, path, checkpoint: note, extra: Buffer.from(JSON.stringify({ salt })) })
}

/**
 * The newest published checkpoint with the keeper's cosignature of now.
 * @param index of an entry that it has to cover; -1 for none
 * @throws as `witnessedProof`
 */
export async function witnessedCheckpoint(
  database: OpenDatabase,
  keeper: KeeperClient,
  index = -1,
): Promise<{ readonly size: number; readonly note: string }> {
  let oldSize = (await keeper.call<'state'>({ call: 'state' })).result.checkpoint?.size ?? 0
  for (let i = 0; i < TRIES_MAX; i++) {
    const { size, note } = await newestCheckpoint(database, index)
    if (oldSize > size) {
      // Published a moment after the keeper saw it, or never: what follows from the latter is in `keeper-sync.ts`.
      await sleep(AGAIN_MS)
      continue
    }
    const tile = (level: number, at: number, width: number) => readTile(database, level, at, width)
    const path = oldSize === 0 || oldSize === size ? [] : await consistencyProof(oldSize, size, tile)
    const body = [`old ${oldSize}`, ...path.map((hash) => hash.toString('base64')), '', note].join('\n')
    const answer = await keeper.addCheckpoint(body)
    if (answer.status === 200) return { size, note: `${note}${answer.body}` }
    if (answer.status !== CONFLICT) throw refused(answer.status)
    oldSize = Number(answer.body.trim())
  }
  throw new FairtraceError('LEDGER_UNAVAILABLE', 'the keeper cosigned no checkpoint in time')
}

async function newestCheckpoint({ db }: OpenDatabase, index: number) {
  const row = await db
    .selectFrom('ledger.checkpoints')
    .select(['size', 'published'])
    .where('published', 'is not', null)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!row?.published || row.size <= index) {
    throw new FairtraceError('LEDGER_UNAVAILABLE', `no checkpoint covers entry ${index}`)
  }
  return { size: row.size, note: row.published }
}

/** 422: the log that is stored here did not grow from the one that the keeper saw. */
function refused(status: number): FairtraceError {
  if (status === 422) return new FairtraceError('STATE_ROLLED_BACK', 'the keeper has seen another history of this log')
  return new FairtraceError('LEDGER_UNAVAILABLE', `the keeper does not cosign the checkpoint (${status})`)
}
