/**
 * Tables of a PostgreSQL database: all by their columns, and the rows of those that the scanner may read.
 *
 * Names come from the database itself, quoted by it. Nothing but plain tables is read: a view, a foreign table or a policy could
 * run whatever its owner likes. Rows are cut on the server, so that none fills our memory.
 */
import { createHash } from 'node:crypto'
import process from 'node:process'
import pg from 'pg'
import type { TableShape } from './fingerprints.ts'
import { type ItemGroup, type ItemResult, skippedItem } from './item.ts'
import type { ScanPool } from './scan-pool.ts'
import type { Throttle } from './throttle.ts'

export interface DatabaseTarget {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string | null
  readonly password: string | null
}

export interface DatabaseLimits {
  /** Text of one row; a longer one is cut, and counted. */
  readonly rowBytesMax: number
  /** Text of one table. */
  readonly tableBytesMax: number
  /** Tables that are not looked at, `schema.name`: our own, where they belong. */
  readonly except: readonly string[]
}

const PAGE_TABLES = 1_000
const TOGETHER = 25
const FIRST_ROWS = 20
const NEXT_ROWS = 500
const STATEMENT_MS_MAX = 10_000
const CONNECT_MS_MAX = 10_000

interface TableRow {
  readonly oid: number
  readonly item: string
  readonly kind: string
  readonly node: number
  readonly readable: boolean
  readonly names: readonly string[]
  readonly types: readonly number[]
}

const LIST = `
select c.oid::bigint as oid, format('%I.%I', n.nspname, c.relname) as item, c.relkind as kind, c.relfilenode::bigint as node,
  has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') as readable, a.names, a.types
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select array_agg(attname::text order by attnum) as names, array_agg(atttypid::bigint order by attnum) as types
  from (select attname, attnum, atttypid from pg_catalog.pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum limit 400) x
) a
where c.oid > $1 and c.relkind in ('r', 'p', 'm', 'v', 'f') and a.names is not null
  and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' and n.nspname || '.' || c.relname <> all ($2)
order by c.oid limit ${PAGE_TABLES}`

/** @throws if the database can't be reached or listed */
export async function* databaseGroups(
  target: DatabaseTarget,
  pool: ScanPool,
  throttle: Throttle,
  limits: DatabaseLimits,
): AsyncGenerator<ItemGroup> {
  const client = await connect(target)
  try {
    const counters = await writesOf(client)
    for (let last = 0; ; ) {
      await throttle.query()
      const { rows } = await client.query<TableRow>(LIST, [last, limits.except])
      for (let from = 0; from < rows.length; from += TOGETHER) {
        const tables = new Map(rows.slice(from, from + TOGETHER).map((table) => [table.item, table]))
        yield {
          items: [...tables.values()].map((table) => ({
            item: table.item,
            mark: markOf(table, counters.get(table.oid)),
          })),
          read: (items) =>
            readTables(
              client,
              items.flatMap((item) => tables.get(item) ?? []),
              pool,
              throttle,
              limits,
            ),
        }
      }
      const end = rows.at(-1)
      if (end === undefined || rows.length < PAGE_TABLES) return
      last = end.oid
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}

export async function connect({ host, port, database, user, password }: DatabaseTarget): Promise<pg.Client> {
  const client = new pg.Client({
    host,
    port,
    database,
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    application_name: 'fairtrace-scanner',
    connectionTimeoutMillis: CONNECT_MS_MAX,
    query_timeout: 2 * STATEMENT_MS_MAX,
    types: { getTypeParser: (oid, format) => (oid === 20 ? Number : pg.types.getTypeParser(oid, format)) },
  })
  client.on('error', () => undefined)
  await client.connect()
  await client.query(`set default_transaction_read_only = on; set statement_timeout = ${STATEMENT_MS_MAX};
    set lock_timeout = 500; set row_security = off; set search_path = ''; set bytea_output = hex`)
  return client
}

/** Databases of the same server, besides this one, that anybody may connect to. */
export async function otherDatabases(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select datname as name from pg_catalog.pg_database
     where datallowconn and datname <> current_database() and has_database_privilege(oid, 'connect') order by 1`,
  )
  return rows.map(({ name }) => name)
}

/** Rows written to each table, where the server tells; else a table is read again in every sweep. */
async function writesOf(client: pg.Client): Promise<ReadonlyMap<number, string>> {
  try {
    const { rows } = await client.query<{ oid: number; writes: string }>(
      `select relid::bigint as oid, concat_ws('.', n_tup_ins, n_tup_upd, n_tup_del) as writes from pg_catalog.pg_stat_all_tables`,
    )
    return new Map(rows.map(({ oid, writes }) => [oid, writes]))
  } catch {
    return new Map()
  }
}

let unmarked = 0
function markOf({ node, names, types }: TableRow, writes: string | undefined): string {
  // Without a counter nothing says that it is as it was.
  const state = writes ?? `read-again-${process.pid}-${++unmarked}`
  // Renaming a column writes no row.
  const columns = createHash('sha256')
    .update(JSON.stringify([names, types]))
    .digest('base64url')
    .slice(0, 16)
  return `${node}.${state}.${columns}`
}

async function readTables(
  client: pg.Client,
  tables: readonly TableRow[],
  pool: ScanPool,
  throttle: Throttle,
  limits: DatabaseLimits,
): Promise<ReadonlyMap<string, ItemResult>> {
  const results = new Map<string, ItemResult>()
  const readable = tables.filter(({ kind, readable: may }) => may && (kind === 'r' || kind === 'm'))
  for (const table of tables) {
    if (readable.includes(table)) continue
    const isTable = ['r', 'm', 'p'].includes(table.kind)
    results.set(table.item, {
      ...skippedItem(isTable ? 'no-right' : 'not-a-table'),
      ...(table.kind === 'p' && table.readable ? { skipped: null } : {}),
      shapes: [shapeOf(table)],
    })
  }
  if (readable.length === 0) return results
  await throttle.query()
  const firsts = await firstRows(client, readable, limits).catch(() => null)
  await Promise.all(
    readable.map(async (table, i) => {
      const first = firsts?.get(i) ?? []
      if (firsts === null || first.length >= FIRST_ROWS) return
      results.set(table.item, await search(table, first))
    }),
  )
  for (const table of readable) {
    if (!results.has(table.item)) results.set(table.item, await readWhole(table))
  }
  return results

  async function search(table: TableRow, rows: readonly string[]): Promise<ItemResult> {
    const text = Buffer.from(rows.join('\n'), 'utf8')
    await throttle.bytes(text.length)
    const { hits } = text.length === 0 ? { hits: null } : await pool.text(text)
    const isCut = rows.some((row) => row.length >= limits.rowBytesMax)
    return { hits, shapes: [shapeOf(table)], skipped: isCut ? 'row-too-large' : null, bytes: text.length }
  }

  /** A page of rows after the other, by where they lie. */
  async function readWhole(table: TableRow): Promise<ItemResult> {
    const parts: ItemResult[] = []
    let bytes = 0
    let last = '(0,0)'
    try {
      for (let pages = 0; ; pages++) {
        await throttle.query()
        const { rows } = await client.query<{ at: string; row: string }>(
          `select x.ctid::text as at, ${rowText(table, limits)} as row from only ${table.item} x
           where x.ctid > $1::pg_catalog.tid limit ${pages === 0 ? NEXT_ROWS : rowsAtOnce(bytes / (pages * NEXT_ROWS))}`,
          [last],
        )
        const part = await search(
          table,
          rows.map(({ row }) => row),
        )
        parts.push(part)
        bytes += part.bytes
        const end = rows.at(-1)
        if (end === undefined || rows.length < NEXT_ROWS) break
        if (bytes > limits.tableBytesMax) {
          parts.push(skippedItem('too-large'))
          break
        }
        last = end.at
      }
    } catch {
      // Locked, dropped meanwhile, or a row that the server can't give us: what was read counts.
      parts.push(skippedItem('unreadable'))
    }
    return joined(table, parts)
  }
}

async function firstRows(
  client: pg.Client,
  tables: readonly TableRow[],
  limits: DatabaseLimits,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const sql = tables.map(
    (table, i) => `(select ${i} as n, ${rowText(table, limits)} as row from only ${table.item} x limit ${FIRST_ROWS})`,
  )
  const { rows } = await client.query<{ n: number; row: string }>(sql.join(' union all '))
  const found = new Map<number, string[]>()
  for (const { n, row } of rows) {
    const own = found.get(n) ?? []
    own.push(row)
    found.set(n, own)
  }
  return found
}

/** Columns of actions keep their names; everything else is searched as it stands. */
function rowText({ names }: TableRow, { rowBytesMax }: DatabaseLimits): string {
  const text = names.includes('kind') ? 'pg_catalog.row_to_json(x.*)::text' : '(x.*)::text'
  return `pg_catalog.left(${text}, ${rowBytesMax})`
}

const rowsAtOnce = (rowBytes: number): number =>
  Math.max(NEXT_ROWS, Math.min(20_000, Math.floor((4 * 1024 * 1024) / Math.max(64, rowBytes))))

function joined(table: TableRow, parts: readonly ItemResult[]): ItemResult {
  const hits = parts.flatMap((part) => part.hits ?? [])
  return {
    hits:
      hits.length === 0
        ? null
        : {
            markers: [...new Set(hits.flatMap(({ markers }) => markers))],
            pieces: [...new Set(hits.flatMap(({ pieces }) => pieces))],
            actionBits: Math.max(...hits.map(({ actionBits }) => actionBits)),
            isWholeCopy: false,
            hasBatch: hits.some(({ hasBatch }) => hasBatch),
          },
    shapes: [shapeOf(table)],
    skipped: parts.findLast(({ skipped }) => skipped !== null)?.skipped ?? null,
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
  }
}

function shapeOf({ item, names, types }: TableRow): TableShape {
  return { name: item, columns: names.map((name, i) => ({ name, type: String(types[i]) })) }
}
