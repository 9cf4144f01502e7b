import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'

export const startScanner: StartRole = async ({ databaseUrl }) => {
  const database = openDatabase(databaseUrl)
  return { address: null, stop: () => database.close() }
}
