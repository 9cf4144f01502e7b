import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'

export const startSentinel: StartRole = async ({ databaseUrl }) => {
  const database = openDatabase(databaseUrl)
  return { address: null, stop: () => database.close() }
}
