/**
 * Gives waiting entries their place: inbox rows in the order of their ids, thousands in one transaction, with tiles and a
 * signed checkpoint. Either all of that stands or none of it, so a kill at any moment loses nothing and doubles nothing.
 */
import { LEDGER_ENTRY_BYTES_MAX, ledgerEntrySchema } from '@fairtrace/core'
import { checkpointText, leafHash, type RightEdge, signNote, type Tile } from '@fairtrace/ledger'
import type { ClientBase } from 'pg'
import type { Logger } from 'pino'
import type { Signer } from '../runtime/jws.ts'

/** Entries of one transaction at most: bounds memory and the time that a lock is held. */
export const SEQUENCE_ROWS_MAX = 4_096

interface InboxRow {
  readonly id: number
  readonly entry: string
}

/**
 * Sequences what waits. After a throw, `edge` may be ahead of the database and has to be loaded again.
 * @param edge the log's right edge, as of its newest checkpoint
 * @param isPublished whether the log's own signature is all that the charter asks for
 * @returns how many inbox rows it took; 0 if none waits
 */
export async function sequenceWaiting(
  client: ClientBase,
  edge: RightEdge,
  origin: string,
  signer: Signer,
  log: Logger,
  isPublished: boolean,
): Promise<number> {
  await client.query('begin')
  const { rows } = await client.query<InboxRow>(
    `with taken as (
       delete from ledger.inbox where id in (select id from ledger.inbox order by id limit ${SEQUENCE_ROWS_MAX})
       returning id, entry)
     select id, entry from taken order by id`,
  )
  const accepted = rows.filter((row) => isEntry(row.entry))
  if (accepted.length < rows.length) {
    // Dropped and said so: whoever waits for it gets no index, so nothing that it should announce happens.
    const ids = rows.filter((row) => !accepted.includes(row)).map(({ id }) => id)
    log.warn({ ids: ids.slice(0, 16), dropped: ids.length }, 'inbox rows that are no ledger entries were dropped')
  }
  if (accepted.length > 0) {
    const start = edge.size
    for (const { entry } of accepted) edge.append(leafHash(Buffer.from(entry)))
    await client.query(
      `insert into ledger.entries (idx, inbox_id, entry)
       select $1::bigint + place - 1, id, entry
       from unnest($2::bigint[], $3::text[]) with ordinality as t (id, entry, place)`,
      [start, accepted.map(({ id }) => id), accepted.map(({ entry }) => entry)],
    )
    await writeTiles(client, edge.takeChanged())
    await writeCheckpoint(client, edge, origin, signer, isPublished)
  }
  await client.query('commit')
  return rows.length
}

/** The checkpoint of the log as it is, inside the caller's transaction. */
export async function writeCheckpoint(
  client: ClientBase,
  edge: RightEdge,
  origin: string,
  signer: Signer,
  isPublished: boolean,
): Promise<void> {
  const text = checkpointText({ origin, size: edge.size, root: edge.root() })
  const note = signNote(text, { name: origin, ...signer })
  await client.query('insert into ledger.checkpoints (size, note, published) values ($1, $2, $3)', [
    edge.size,
    note,
    isPublished ? note : null,
  ])
}

/** One row for each tile: a partial one gives way to its wider self, of which it is a prefix. */
async function writeTiles(client: ClientBase, tiles: readonly Tile[]): Promise<void> {
  await client.query(
    `delete from ledger.tiles using unnest($1::int[], $2::bigint[]) as t (level, idx)
     where tiles.level = t.level and tiles.idx = t.idx`,
    [tiles.map(({ level }) => level), tiles.map(({ index }) => index)],
  )
  await client.query(
    `insert into ledger.tiles (level, idx, width, data)
     select * from unnest($1::int[], $2::bigint[], $3::int[], $4::bytea[])`,
    [
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map(({ width }) => width),
      tiles.map(({ data }) => data),
    ],
  )
}

/** Exactly one spelling of an entry; anything else could carry what must never enter a log. */
function isEntry(text: string): boolean {
  if (text.length > LEDGER_ENTRY_BYTES_MAX) return false
  try {
    const { type, commitment } = ledgerEntrySchema.parse(JSON.parse(text))
    return JSON.stringify({ type, commitment }) === text
  } catch {
    // Fails closed: what doesn't parse is no entry, and the caller drops it and says so.
    return false
  }
}
