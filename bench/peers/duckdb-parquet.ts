/** The peer of the release build: rows that are already in DuckDB's memory, written to one Parquet file, and nothing else. */
import { DuckDBInstance } from '@duckdb/node-api'

/** @returns rows a second of the write alone, with as many threads as there are cores */
export async function copyToParquet(from: string, to: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(`create table rows as select * from '${from}'`)
    const rowCount = await countRows()
    const startedMs = performance.now()
    await connection.run(`copy rows to '${to}' (format parquet, compression snappy)`)
    return (rowCount / (performance.now() - startedMs)) * 1_000
  } finally {
    connection.closeSync()
    instance.closeSync()
  }

  async function countRows(): Promise<number> {
    const result = await connection.runAndReadAll('select count(*) from rows')
    return Number(result.getRows()[0]?.[0])
  }
}
