/** The log as files, for whoever verifies it: C2SP tlog-tiles from the database. */
import { encodeEntryBundle, HASH_BYTES, parseLedgerPath } from '@fairtrace/ledger'
import type { OpenDatabase } from '../store/database.ts'

/**
 * @param path `/checkpoint`, `/tile/<L>/<N>[.p/<W>]` or `/tile/entries/<N>[.p/<W>]`
 * @returns null for any other path, and for what the log doesn't have (yet)
 */
export async function readLedgerFile(database: OpenDatabase, path: string): Promise<Buffer | null> {
  const wanted = parseLedgerPath(path)
  switch (wanted?.kind) {
    case 'checkpoint':
      return readCheckpoint(database)
    case 'tile':
      return readTile(database, wanted.level, wanted.index, wanted.width)
    case 'entries':
      return readEntries(database, wanted.index, wanted.width)
    default:
      return null
  }
}

async function readCheckpoint({ db }: OpenDatabase): Promise<Buffer | null> {
  const row = await db
    .selectFrom('ledger.checkpoints')
    .select('published')
    .where('published', 'is not', null)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.published ? Buffer.from(row.published) : null
}

/** A partial tile is a prefix of every later one, so the widest serves them all. */
export async function readTile(
  { db }: OpenDatabase,
  level: number,
  index: number,
  width: number,
): Promise<Buffer | null> {
  const row = await db
    .selectFrom('ledger.tiles')
    .select('data')
    .where('level', '=', level)
    .where('idx', '=', index)
    .where('width', '>=', width)
    .executeTakeFirst()
  return row?.data.subarray(0, width * HASH_BYTES) ?? null
}

async function readEntries({ db }: OpenDatabase, index: number, width: number): Promise<Buffer | null> {
  const start = index * 256
  const rows = await db
    .selectFrom('ledger.entries')
    .select('entry')
    .where('idx', '>=', start)
    .where('idx', '<', start + width)
    .orderBy('idx')
    .execute()
  return rows.length === width ? encodeEntryBundle(rows.map(({ entry }) => Buffer.from(entry))) : null
}
