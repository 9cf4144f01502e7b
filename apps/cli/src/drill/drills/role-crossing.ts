import type { DatabaseRole } from '@fairtrace/server/store/schema'
import pg from 'pg'
import type { Drill } from '../drill.ts'

/** For each role what would tell it most, and is not its own. */
const NOT_THEIRS: readonly (readonly [DatabaseRole, string])[] = [
  ['portal', 'vault.content_keys'],
  ['intake', 'consent.people'],
  ['vault', 'consent.people'],
  ['ledger', 'vault.chunks'],
  ['builder', 'consent.people'],
  ['sentinel', 'vault.content_keys'],
  ['scanner', 'consent.people'],
  ['room', 'vault.content_keys'],
]
const NO_RIGHT = '42501'

export const roleCrossing: Drill = {
  id: 'role-crossing',
  async attack({ runtime }) {
    const read: string[] = []
    for (const [role, table] of NOT_THEIRS) {
      const client = new pg.Client({ connectionString: runtime.databaseUrls[role] })
      await client.connect()
      try {
        await client.query(`select * from ${table} limit 1`)
        read.push(`${role} ${table}`)
      } catch (error) {
        const isRefused = error instanceof Error && 'code' in error && error.code === NO_RIGHT
        if (!isRefused) throw error
      } finally {
        await client.end()
      }
    }
    return { held: read.length === 0, why: read.length === 0 ? 'all refused' : `read: ${read.join(', ')}` }
  },
  without: {
    once: async ({ sql }) => {
      await sql.query('grant usage on schema consent to fairtrace_intake')
      await sql.query('grant select on consent.people to fairtrace_intake')
    },
  },
}
