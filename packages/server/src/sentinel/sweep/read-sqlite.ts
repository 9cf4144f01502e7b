/** The tables of a SQLite file, by its own library, read-only; its rows are searched as the bytes they are. */
import { DatabaseSync } from 'node:sqlite'
import type { TableShape } from './fingerprints.ts'

const TABLES_MAX = 10_000

/**
 * @param file an open file: by its number, so that what is opened is what was looked at
 * @returns null if it is no whole SQLite database
 */
export function sqliteShapes(file: number): readonly TableShape[] | null {
  let database: DatabaseSync | null = null
  try {
    // Immutable: no lock, no journal, and nothing is written beside it.
    const url = new URL(`file:///proc/self/fd/${file}`)
    url.searchParams.set('immutable', '1')
    database = new DatabaseSync(url, { readOnly: true, allowExtension: false, defensive: true })
    const rows = database
      .prepare(
        `select m.name as name, p.name as field from sqlite_schema m join pragma_table_info(m.name) p
         where m.type = 'table' limit ?`,
      )
      .all(TABLES_MAX)
    const tables = new Map<string, string[]>()
    for (const { name, field } of rows) {
      const fields = tables.get(String(name)) ?? []
      fields.push(String(field))
      tables.set(String(name), fields)
    }
    return [...tables].map(([name, fields]) => ({
      name: name.slice(0, 128),
      columns: fields.map((field) => ({ name: field, type: null })),
    }))
  } catch {
    // Truncated, encrypted, or none at all; SQLite's message may quote it, so it goes no further.
    return null
  } finally {
    database?.close()
  }
}
